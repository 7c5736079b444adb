"""The values that the endpoint's interface takes and gives."""

from dataclasses import dataclass
from typing import Literal, Protocol

from msgspec import Struct

from callapi.sip.authentication.digest import Credentials
from callapi.sip.messages.headers import NameAddr
from callapi.sip.messages.message import Message, Request, Response
from callapi.sip.messages.uri import SipUri
from callapi.sip.transport import Hop, TlsFiles

ExtraHeaders = tuple[tuple[str, str], ...]


class OutboundInvite(Struct, frozen=True, gc=False):
    """An INVITE to be sent: addresses, extra headers, the offer (empty: the peer is asked for one)."""

    request_uri: SipUri
    from_: NameAddr
    """A tag is added."""
    to: NameAddr
    headers: ExtraHeaders = ()
    """Beyond those of the protocol; sent on every retry too."""
    body: bytes = b""
    credentials: Credentials | None = None
    """The answer to a 401/407 of this session, and of nothing else."""
    routes: tuple[NameAddr, ...] = ()
    """A preloaded route set (outbound proxy)."""
    session_expires: int | None = None
    """Session timer in seconds (RFC 4028); None: the endpoint's, 0: none asked for."""
    call_id: str | None = None
    """None: made here."""
    flow: Hop | None = None
    """Where it is sent instead of the Request-URI's host: the source of a registration from behind a NAT or on a
    connection. A connection that is closed counts for nothing."""
    is_one_of_several: bool = False
    """Another peer would be asked next: one that says nothing within `next_hop_after_s` is given up with a 408."""


class OutboundRequest(Struct, frozen=True, gc=False):
    """A request outside a dialog: REGISTER, OPTIONS, ..."""

    method: str
    uri: SipUri
    from_: NameAddr
    """A tag is added, unless it has one."""
    to: NameAddr
    headers: ExtraHeaders = ()
    body: bytes = b""
    credentials: Credentials | None = None
    routes: tuple[NameAddr, ...] = ()
    call_id: str | None = None
    """None: made here. A phone keeps one over its REGISTERs, with a rising `cseq` (RFC 3261 §10.2.4)."""
    cseq: int = 1
    flow: Hop | None = None
    """As of `OutboundInvite`."""


class EndpointOptions(Struct, frozen=True, gc=False):
    """The configuration of an endpoint."""

    listen: tuple[str, ...] = ("udp://127.0.0.1:0",)
    advertised_address: str = ""
    """The host in Via and Contact; empty: the listening address."""
    tls: TlsFiles | None = None
    allowed_origins: tuple[str, ...] = ()
    """Origins (as URLs) of the pages that may open a WebSocket; a client without an Origin always may."""
    user_agent: str = "CallAPI"
    session_expires_s: int = 1800
    """Session timer proposed on every INVITE and accepted from the peer (RFC 4028); 0: we ask for none."""
    min_session_expires_s: int = 90
    """Min-SE: a shorter interval is answered 422."""
    next_hop_after_s: float = 6.0
    """Silence after which an INVITE is tried at its next address, if it has one (RFC 3263 §4.3)."""
    edges: tuple[str, ...] = ()
    """Proxies in front, by the addresses they send from: what they forward is judged by the address that they saw."""
    max_waiting_calls: int = 1024
    """INVITEs that `incoming()` has not read yet; beyond it a new INVITE gets 503."""


class Traced(Struct, frozen=True, gc=False):
    """One message on the wire."""

    at: float
    """Monotonic seconds of the endpoint's clock (the event loop's)."""
    direction: Literal["sent", "received"]
    hop: Hop
    """Where it went to or came from."""
    message: Message
    data: bytes


@dataclass(slots=True)
class Statistics:
    """Counters since the start."""

    sent: int = 0
    received: int = 0
    parse_errors: int = 0
    """Refused by the parser, answered or not."""
    dropped: int = 0
    """Messages that belong to nothing and may not be answered, and those that broke a rule too late."""
    retransmissions: int = 0
    """Messages sent again because no response came."""
    faults: int = 0
    """Errors of our own that were caught at the last line of defence."""


class Admission(Protocol):
    """Decides on a new INVITE before anything is kept of it."""

    is_draining: bool
    """While set, OPTIONS is answered 503, so that proxies and monitors send new calls elsewhere."""

    def admit(self, request: Request, source: Hop) -> tuple[int, str, ExtraHeaders] | None:
        """None: welcome. Otherwise status, reason phrase and headers of the answer, sent without state."""


class RegisterHandler(Protocol):
    """Answers REGISTER; without one it gets 405."""

    async def register(self, request: Request, source: Hop) -> Response:
        """The response, made by `make_response(request, ...)`."""
