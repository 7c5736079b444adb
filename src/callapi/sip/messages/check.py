"""What a message must satisfy before it is processed (RFC 3261 §8.1.1, §8.2; RFC 4475 §3.1.2 and §3.3).

Two steps. `check_syntax`, called by the parser, reads every field that the machines rely on: a message with a
malformed one does not exist for them. `find_fault` finds what is missing or given twice in a message that parses; the
endpoint answers 400 to such a request.
"""

from __future__ import annotations

from callapi.sip.errors import ParseError
from callapi.sip.messages.message import Message, Request
from callapi.sip.messages.readers import READERS, read_cseq

_MANDATORY = {name.lower(): name for name in ("Via", "From", "To", "Call-ID", "CSeq")}
_SINGLE = {
    name.lower(): name
    for name in ("From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Length", "Content-Type")
}


def check_syntax(message: Message) -> None:
    """Read the fields that machines rely on. Raises ParseError for a malformed one.

    What is read stays with the message, so that this costs an everyday message next to nothing.
    """
    message.headers.read_all(READERS)
    # RFC 3261 §8.1.1.5: the method in CSeq is that of the request.
    if isinstance(message, Request):
        cseq = message.headers.read("cseq", read_cseq)
        if cseq is not None and cseq.method != message.method:
            raise ParseError(f"the method is {message.method!r}, in CSeq it is {cseq.method!r}")


def find_fault(message: Message) -> str | None:
    """What is missing, or given more than once, in a message that parses; None if nothing is."""
    headers = message.headers
    lacking = headers.lacks(_MANDATORY)
    if lacking is not None:
        return f"{_MANDATORY[lacking]} is missing"
    repeated = headers.repeated
    if repeated and (key := next((each for each in _SINGLE if each in repeated), None)):
        return f"{_SINGLE[key]} is given more than once"
    return None
