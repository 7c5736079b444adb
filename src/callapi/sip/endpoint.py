"""The one driver of the SIP core: performs every output, owns every timer, logs every transition.

Datagrams come in by `receive`, commands by the sessions; both end in a machine's `handle(input, now)`,
whose outputs are performed here and nowhere else.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Literal, Protocol, Self

from callapi.sip.digest import Credentials
from callapi.sip.headers import NameAddr
from callapi.sip.message import Message, Request, Response
from callapi.sip.resolver import Resolver
from callapi.sip.session import InboundSession, OutboundSession
from callapi.sip.transport import Hop, TlsFiles
from callapi.sip.uri import SipUri


@dataclass(frozen=True, slots=True)
class OutboundInvite:
    """An INVITE to be sent: addresses, extra headers, the offer (empty: the peer is asked for one)."""

    request_uri: SipUri
    from_: NameAddr
    """A tag is added."""
    to: NameAddr
    headers: tuple[tuple[str, str], ...] = ()
    """Beyond those of the protocol; sent on every retry too."""
    body: bytes = b""
    credentials: Credentials | None = None
    """The answer to a 401/407 of this INVITE, and of nothing else."""
    routes: tuple[NameAddr, ...] = ()
    """A preloaded route set (outbound proxy)."""
    session_expires: int | None = None
    """Session timer in seconds (RFC 4028); None: the endpoint's, 0: none asked for."""
    call_id: str | None = None
    """None: made here."""


@dataclass(frozen=True, slots=True)
class OutboundRequest:
    """A request outside a dialog: REGISTER, OPTIONS, ..."""

    method: str
    uri: SipUri
    from_: NameAddr
    """A tag is added."""
    to: NameAddr
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    credentials: Credentials | None = None
    routes: tuple[NameAddr, ...] = ()
    call_id: str | None = None
    """None: made here. A phone keeps one over its REGISTERs, with a rising `cseq` (RFC 3261 §10.2.4)."""
    cseq: int = 1


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    """What an endpoint is told once."""

    listen: tuple[str, ...] = ("udp://127.0.0.1:0",)
    advertised_address: str = ""
    tls: TlsFiles | None = None
    user_agent: str = "CallAPI"
    session_expires_s: int = 1800
    """Session timer proposed on every INVITE and accepted from the peer (RFC 4028); 0: we ask for none."""
    min_session_expires_s: int = 90
    """Min-SE: a shorter interval is answered 422."""
    most_waiting_calls: int = 1024
    """INVITEs that `incoming()` has not read yet; beyond it a new INVITE gets 503."""


@dataclass(frozen=True, slots=True)
class Traced:
    """One message on the wire."""

    at: float
    """Monotonic seconds of the endpoint's clock (the event loop's)."""
    direction: Literal["sent", "received"]
    hop: Hop
    """Where it went to or came from."""
    message: Message
    data: bytes


class Admission(Protocol):
    """Decides on a new INVITE before anything is kept of it."""

    def admit(self, request: Request, source: Hop) -> tuple[int, str, tuple[tuple[str, str], ...]] | None:
        """None: welcome. Otherwise status, reason phrase and headers of the answer, sent without state."""


class RegisterHandler(Protocol):
    """Answers REGISTER; without one it gets 405."""

    async def register(self, request: Request, source: Hop) -> Response:
        """The response, made by `make_response(request, ...)`."""


class Endpoint:
    """A SIP user agent on its listening addresses.

    ::

        async with Endpoint(EndpointOptions(listen=("udp://127.0.0.1:5060",))) as endpoint:
            async for session in endpoint.incoming():
                ...
    """

    trace: Callable[[Traced], None] | None

    def __init__(
        self,
        options: EndpointOptions,
        *,
        resolver: Resolver | None = None,
        admission: Admission | None = None,
        registrar: RegisterHandler | None = None,
        trace: Callable[[Traced], None] | None = None,
    ) -> None:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        raise NotImplementedError

    async def __aexit__(self, *_: object) -> None:
        """Stop: live sessions end by NETWORK, sockets close. Hang up first to part politely."""
        raise NotImplementedError

    def incoming(self) -> AsyncIterator[InboundSession]:
        """Sessions in the order in which their INVITEs came; ends when the endpoint stops."""
        raise NotImplementedError

    def invite(self, invite: OutboundInvite) -> OutboundSession:
        """Send an INVITE: resolve, try each next hop (RFC 3263 §4.3), answer one challenge.

        Never raises for what the network does: that is told by `Refused` and `Ended`.
        """
        raise NotImplementedError

    async def request(self, request: OutboundRequest) -> Response:
        """Send a request outside a dialog (OPTIONS, REGISTER, ...) and wait for its final response.

        A timeout is a 408, an unreachable or unresolvable peer a 503, as RFC 3261 §8.1.3.1 has it.
        """
        raise NotImplementedError
