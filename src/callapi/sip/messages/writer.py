"""From messages to bytes (RFC 3261 §7).

`Content-Length` is always written, from the body, last. Nothing that we were given may break out of its field: a
CR or LF in a start line or value is refused (header injection).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from callapi.sip.errors import LocalProtocolError
from callapi.sip.messages.message import Request

if TYPE_CHECKING:
    from callapi.sip.messages.message import Message


def write_message(message: Message) -> bytes:
    """The message on the wire. Raises LocalProtocolError if a value holds a line end."""
    if isinstance(message, Request):
        lines = [f"{message.method} {message.uri} SIP/2.0"]
    else:
        lines = [f"SIP/2.0 {message.status} {message.reason}"]
    lines += message.headers.lines()
    lines.append(f"Content-Length: {len(message.body)}\r\n\r\n")
    head = "\r\n".join(lines)
    line_ends = len(lines) + 1
    if head.count("\n") != line_ends or head.count("\r") != line_ends:
        raise LocalProtocolError("a CR or LF inside a header field")
    return head.encode() + message.body
