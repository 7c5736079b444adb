"""The headers and bodies of transfers: Refer-To (RFC 3515), Replaces (RFC 3891), status lines in sipfrag (RFC 3420)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from callapi.sip.errors import ParseError
from callapi.sip.messages.headers import NameAddr
from callapi.sip.messages.uri import SipUri, Uri, parse_uri

if TYPE_CHECKING:
    from callapi.sip.messages.message import Request

SIPFRAG = "message/sipfrag"
MAX_REFER_TO = 2048
"""Characters of a Refer-To that is read; a Replaces in it is some 150."""
_STATUS_LINE = re.compile(
    rb"SIP/2\.0[ \t]+([1-6][0-9]{2})(?![0-9])(?:[ \t]+([^\r\n]{0,200}))?", re.IGNORECASE
)


class Replaces(Struct, frozen=True):
    """The dialog that an INVITE is to take the place of, as its recipient names it (RFC 3891 §3)."""

    call_id: str
    to_tag: str
    """The recipient's own tag."""
    from_tag: str
    """The tag of the recipient's peer."""
    is_early_only: bool = False

    @classmethod
    def parse(cls, text: str) -> Replaces:
        """Read the value of a Replaces header. Raises ParseError: also where a tag is missing or given twice."""
        call_id, *parameters = [part.strip() for part in text.split(";")]
        given: dict[str, str] = {}
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip().lower() in given:
                raise ParseError(f"{name} is given twice in Replaces: {text[:80]!r}")
            given[name.strip().lower()] = value.strip()
        if not call_id or not given.get("to-tag") or not given.get("from-tag"):
            raise ParseError(f"Replaces needs a Call-ID, to-tag and from-tag (RFC 3891 §6.1): {text[:80]!r}")
        return cls(call_id, given["to-tag"], given["from-tag"], "early-only" in given)

    def __str__(self) -> str:
        early = ";early-only" if self.is_early_only else ""
        return f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}{early}"


class ReferTo(Struct, frozen=True):
    """The target of a REFER (RFC 3515 §2.1)."""

    text: str
    """The header's value as received, brackets included."""
    uri: Uri
    """The target without headers and `method`."""
    method: str = "INVITE"
    headers: tuple[tuple[str, str], ...] = ()
    """The headers that the new request is to bear, unescaped; without Replaces."""
    replaces: Replaces | None = None

    @classmethod
    def parse(cls, text: str) -> ReferTo:
        """Read the value of a Refer-To header. Raises ParseError."""
        if len(text) > MAX_REFER_TO:
            raise ParseError(f"a Refer-To of over {MAX_REFER_TO} characters")
        # some phones leave out the brackets that a URI with headers needs (RFC 3261 §20.10)
        is_bare = "<" not in text and "?" in text
        uri = parse_uri(text) if is_bare else NameAddr.parse(text).uri
        if not isinstance(uri, SipUri):
            return cls(text, uri)
        named = [value for name, value in uri.headers if name.lower() == "replaces"]
        if len(named) > 1:
            raise ParseError(f"more than one Replaces in Refer-To: {text[:80]!r}")
        return cls(
            text,
            uri.without_headers().without_parameter("method"),
            (uri.parameter("method") or "INVITE").upper(),
            tuple((name, value) for name, value in uri.headers if name.lower() != "replaces"),
            Replaces.parse(named[0]) if named else None,
        )


def read_refer_to(request: Request) -> ReferTo:
    """The target of a REFER. Raises ParseError: a REFER has exactly one Refer-To (RFC 3515 §2.4.1)."""
    values = request.headers.get_all("Refer-To")
    if len(values) != 1:
        raise ParseError(f"a REFER needs one Refer-To, not {len(values)} (RFC 3515 §2.4.1)")
    return ReferTo.parse(values[0])


def read_replaces(request: Request) -> Replaces | None:
    """The Replaces of an INVITE; None: it has none. Raises ParseError: also for more than one (RFC 3891 §3)."""
    values = request.headers.get_all("Replaces")
    if len(values) > 1:
        raise ParseError("more than one Replaces (RFC 3891 §3)")
    return Replaces.parse(values[0]) if values else None


def sipfrag_status(body: bytes) -> tuple[int, str] | None:
    """Status and reason of the status line that a sipfrag begins with; None: it has none."""
    match = _STATUS_LINE.match(body.lstrip(b"\r\n"))
    return None if match is None else (int(match[1]), (match[2] or b"").decode(errors="replace").strip())


def make_sipfrag(status: int, reason: str) -> bytes:
    """The body of a NOTIFY about a reference."""
    return f"SIP/2.0 {status} {reason}\r\n".encode()
