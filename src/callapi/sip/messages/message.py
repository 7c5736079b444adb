"""Requests and responses (RFC 3261 §7), with header fields read when they are first asked for.

A message that came from the parser has well-formed typed fields; what may still be missing or given twice is found by
`check.find_fault`. A property of a field that must exist raises ParseError where it does not.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from callapi.sip.errors import ParseError
from callapi.sip.messages.headers import CSeq, Headers, NameAddr, Via
from callapi.sip.messages.parameters import split_list
from callapi.sip.messages.readers import (
    read_address,
    read_addresses,
    read_contacts,
    read_cseq,
    read_max_forwards,
    read_seconds,
    read_text,
    read_tokens,
    read_vias,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from callapi.sip.messages.uri import Uri

REASONS: dict[int, str] = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    182: "Queued",
    183: "Session Progress",
    199: "Early Dialog Terminated",
    200: "OK",
    202: "Accepted",
    204: "No Notification",
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    305: "Use Proxy",
    380: "Alternative Service",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    410: "Gone",
    412: "Conditional Request Failed",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    417: "Unknown Resource-Priority",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    424: "Bad Location Information",
    428: "Use Identity Header",
    429: "Provide Referrer Identity",
    430: "Flow Failed",
    433: "Anonymity Disallowed",
    436: "Bad Identity-Info",
    437: "Unsupported Certificate",
    438: "Invalid Identity Header",
    439: "First Hop Lacks Outbound Support",
    469: "Bad Info Package",
    470: "Consent Needed",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    485: "Ambiguous",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    493: "Undecipherable",
    494: "Security Agreement Required",
    500: "Server Internal Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    513: "Message Too Large",
    580: "Precondition Failure",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    606: "Not Acceptable",
    607: "Unwanted",
    608: "Rejected",
}
"""The reason phrase of each registered status code (RFC 3261 §21 and its extensions)."""

# RFC 3261 §8.2.6.2; Timestamp in a 100 (§8.2.6.1); Record-Route in what can make a dialog (§12.1.1).
_COPIED = ("via", "from", "to", "call-id", "cseq")
_COPIED_INTO_TRYING = (*_COPIED, "timestamp")
_COPIED_INTO_DIALOG = (*_COPIED, "record-route")


class _Message:
    """What requests and responses have in common."""

    __slots__ = ()
    headers: Headers
    body: bytes

    @property
    def via(self) -> Via:
        """The topmost Via."""
        vias = self.headers.read("via", read_vias)
        if not vias:
            raise ParseError("Via is missing")
        return vias[0]

    @property
    def vias(self) -> tuple[Via, ...]:
        """Every Via, topmost first."""
        return self.headers.read("via", read_vias)

    @property
    def from_(self) -> NameAddr:
        """From."""
        return self.headers.need("from", read_address)

    @property
    def to(self) -> NameAddr:
        """To."""
        return self.headers.need("to", read_address)

    @property
    def call_id(self) -> str:
        """Call-ID."""
        return self.headers.need("call-id", read_text)

    @property
    def cseq(self) -> CSeq:
        """CSeq."""
        return self.headers.need("cseq", read_cseq)

    @property
    def contact(self) -> NameAddr | None:
        """The first Contact, if there is one that is an address."""
        contacts = self.contacts
        return contacts[0] if contacts else None

    @property
    def contacts(self) -> tuple[NameAddr, ...]:
        """Every Contact that is an address; see `has_wildcard_contact` for `*`."""
        return self.headers.read("contact", read_contacts)

    @property
    def has_wildcard_contact(self) -> bool:
        """Whether there is a `Contact: *` (RFC 3261 §10.2.2)."""
        return any("*" in split_list(value) for value in self.headers.get_all("Contact"))

    @property
    def routes(self) -> tuple[NameAddr, ...]:
        """Every Route, the next hop first."""
        return self.headers.read("route", read_addresses)

    @property
    def record_routes(self) -> tuple[NameAddr, ...]:
        """Every Record-Route, topmost first."""
        return self.headers.read("record-route", read_addresses)

    @property
    def max_forwards(self) -> int | None:
        """Max-Forwards; None if it is absent, or over 255 (RFC 4475 §3.1.2.4: processed as if absent)."""
        return self.headers.read("max-forwards", read_max_forwards)

    @property
    def content_type(self) -> str | None:
        """The media type of the body in lower case, without its parameters."""
        value = self.headers.get("Content-Type")
        return None if value is None else value.partition(";")[0].strip().lower()

    @property
    def expires(self) -> int | None:
        """Expires in seconds; None if it is absent or malformed (RFC 3261 §20.19, RFC 4475 §3.1.2.4)."""
        return self.headers.read("expires", read_seconds)

    @property
    def supported(self) -> frozenset[str]:
        """The option tags of Supported."""
        return self.headers.read("supported", read_tokens)

    @property
    def require(self) -> frozenset[str]:
        """The option tags of Require."""
        return self.headers.read("require", read_tokens)


@dataclass(slots=True)
class Request(_Message):
    """A SIP request (RFC 3261 §7.1)."""

    method: str
    uri: Uri
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    is_strictly_routed: bool = False
    """Of ours: the Request-URI is that of a strict router, to which the request goes whatever its Route says
    (RFC 3261 §12.2.1.1)."""

    def again(self) -> Request:
        """The same request for another transaction: a copy without Via."""
        headers = self.headers.copy()
        headers.remove("Via")
        return replace(self, headers=headers)


@dataclass(slots=True)
class Response(_Message):
    """A SIP response (RFC 3261 §7.2)."""

    status: int
    reason: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""

    @property
    def is_provisional(self) -> bool:
        """1xx."""
        return self.status < 200

    @property
    def is_success(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300

    @property
    def is_final(self) -> bool:
        """2xx to 6xx."""
        return self.status >= 200


Message = Request | Response


def make_response(  # noqa: PLR0913 - the parts of a response, named by each caller
    request: Request,
    status: int,
    reason: str | None = None,
    *,
    to_tag: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    content_type: str | None = None,
) -> Response:
    """Answer a request (RFC 3261 §8.2.6): what must be copied is copied, `to_tag` is added where To has none.

    `headers` are added after the copied ones. The reason is the registered one unless given.
    """
    answer = _answer(request.headers, status, reason)
    if to_tag is not None and status != 100 and request.to.tag is None:
        answer.headers.set("To", f"{request.headers.get('To')};tag={to_tag}")
    for name, value in headers:
        answer.headers.add(name, value)
    if content_type is not None:
        answer.headers.set("Content-Type", content_type)
    answer.body = body
    return answer


class UnreadableMessage(ParseError):
    """A request that does not parse, with enough of its headers for a response (never an ACK)."""

    def __init__(self, error: ParseError, request_headers: Headers) -> None:
        super().__init__(str(error), error.status_hint)
        self.request_headers = request_headers


def make_refusal(error: ParseError, to_tag: str | None = None) -> Response | None:
    """Answer a request that does not parse; None where a response cannot or may not be built.

    To is tagged only where it can be read.
    """
    if not isinstance(error, UnreadableMessage):
        return None
    answer = _answer(error.request_headers, error.status_hint, None)
    to = answer.headers.get("To")
    if to is not None and to_tag is not None:
        try:
            has_tag = NameAddr.parse(to).tag is not None
        except ParseError:
            has_tag = True
        if not has_tag:
            answer.headers.set("To", f"{to};tag={to_tag}")
    return answer


def _answer(request_headers: Headers, status: int, reason: str | None) -> Response:
    keys = _COPIED_INTO_TRYING if status == 100 else _COPIED_INTO_DIALOG if status < 300 else _COPIED
    return Response(status, reason or REASONS.get(status, "Unknown"), request_headers.subset(keys))
