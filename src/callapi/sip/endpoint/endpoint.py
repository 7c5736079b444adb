"""The interface of the SIP room: it opens and closes everything, sends INVITEs and requests outside dialogs.

Datagrams come up from `driver`, commands from the sessions; both end in a machine's `handle(input, now)`, whose
outputs only `driver` and `runner` perform.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from typing import Self

from msgspec.structs import replace

from callapi.sip.authentication.authenticator import Authenticator
from callapi.sip.endpoint.driver import Driver
from callapi.sip.endpoint.inspection import ALLOWED, SDP, SUPPORTED, SUPPORTED_WITHOUT_OFFER
from callapi.sip.endpoint.locator import Locator, TaskSet
from callapi.sip.endpoint.options import (
    Admission,
    EndpointOptions,
    OutboundInvite,
    OutboundRequest,
    RegisterHandler,
    Statistics,
    Traced,
)
from callapi.sip.endpoint.reception import Reception
from callapi.sip.endpoint.requests import new_call_id, new_request, parties, perform
from callapi.sip.endpoint.runner import RunnerServices, SessionRunner
from callapi.sip.endpoint.sessions import SessionTable
from callapi.sip.endpoint.validation import add_headers
from callapi.sip.events import Ended, Party
from callapi.sip.invite_session import InviteSession, SessionSettings, Usage
from callapi.sip.invite_session.inputs import BEGIN
from callapi.sip.messages.headers import Headers
from callapi.sip.messages.message import Request, Response
from callapi.sip.messages.transfer import Replaces
from callapi.sip.messages.uri import SipUri, format_host_port
from callapi.sip.routing.edges import Edges
from callapi.sip.routing.resolver import Resolver
from callapi.sip.session import InboundSession, OutboundSession, Session
from callapi.sip.transport import Hop, TransportLayer
from callapi.sip.transport.port import TransportFactory


class Endpoint:
    """A SIP user agent on its listening addresses.

    ::

        async with Endpoint(EndpointOptions(listen=("udp://127.0.0.1:5060",))) as endpoint:
            async for session in endpoint.incoming():
                ...
    """

    driver: Driver

    def __init__(  # noqa: PLR0913 - each a service of the node
        self,
        options: EndpointOptions,
        *,
        resolver: Resolver | None = None,
        admission: Admission | None = None,
        registrar: RegisterHandler | None = None,
        trace: Callable[[Traced], None] | None = None,
        flow_closed: Callable[[Hop], None] = lambda _: None,
        open_transport: TransportFactory = TransportLayer,
    ) -> None:
        """Nothing is opened before `async with`. `flow_closed(peer)` reports each connection that has ended.

        `open_transport` is for networks in memory.
        """
        self.options = options
        self._resolver = resolver or Resolver()
        self._admission = admission
        self._registrar = registrar
        self._trace = trace
        self._flow_closed = flow_closed
        self._open_transport = open_transport
        self._settings = SessionSettings(
            user_agent=options.user_agent,
            allow=", ".join(ALLOWED),
            session_expires=options.session_expires_s,
            min_se=options.min_session_expires_s,
            next_hop_after=options.next_hop_after_s,
        )
        self._usual_fields = self._fields_of_invite(options.session_expires_s, has_offer=True)
        self._sessions = SessionTable(options.max_waiting_calls)
        self._services: RunnerServices
        self._tasks: TaskSet

    def __repr__(self) -> str:
        return f"<Endpoint {' '.join(self.options.listen)} {len(self._sessions)} sessions>"

    async def __aenter__(self) -> Self:
        """Open the listeners. Raises TransportError."""
        self._tasks = TaskSet()
        self.driver = Driver(self.options, self._reception, self._trace, self._open_transport)
        await self.driver.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop: live sessions end by NETWORK, sockets close. Hang up first to part politely."""
        self._sessions.stop_reading()
        await self._tasks.close()
        self._sessions.close(Ended(Party.NETWORK, None, "the endpoint has stopped"))
        await self.driver.stop()

    def _reception(self, driver: Driver) -> Reception:
        self._services = RunnerServices(
            driver,
            Locator(self._resolver, driver.transport, self._tasks),
            random.SystemRandom().random,
            self._sessions.forget,
        )
        return Reception(
            self._services,
            self._sessions,
            self._settings,
            self._tasks,
            admission=self._admission,
            registrar=self._registrar,
            flow_closed=self._flow_closed,
            edges=Edges(self.options.edges),
        )

    @property
    def statistics(self) -> Statistics:
        """Counters since the start."""
        return self.driver.statistics

    @property
    def backlog_s(self) -> float:
        """For how many seconds messages have been waiting without a break: more comes than can be handled."""
        return self.driver.transport.backlog_s

    @property
    def live_sessions(self) -> int:
        """Sessions that are not quite over, those included that only wait for late retransmissions."""
        return len(self._sessions)

    @property
    def live_transactions(self) -> int:
        """Transactions that are not terminated."""
        return len(self.driver.table)

    @property
    def listening(self) -> tuple[str, ...]:
        """The listeners as bound, like `udp://127.0.0.1:5060`."""
        return tuple(
            f"{address.transport}://{format_host_port(address.host, address.port)}"
            for address in self.driver.transport.listening
        )

    @property
    def waiting(self) -> int:
        """Inbound sessions that `incoming()` has not read yet."""
        return self._sessions.unread

    def incoming(self) -> AsyncIterator[InboundSession]:
        """Sessions in the order in which their INVITEs came; ends when the endpoint stops."""
        return self._sessions.incoming()

    def accept_upgrade(self, transport: asyncio.Transport, handshake: bytes) -> None:
        """Take over a connection of an HTTP server whose client asks for SIP over WebSocket (RFC 7118).

        `handshake` is the request, with all that was read after it; it is answered here, refusals included.
        """
        self.driver.transport.accept_upgrade(transport, handshake)

    def find_session(self, replaces: Replaces) -> Session | None:
        """The live session of the dialog that a Replaces names (RFC 3891), early or confirmed; None: it is not ours."""
        return self._sessions.find_session(replaces)

    def invite(self, invite: OutboundInvite) -> OutboundSession:
        """Send an INVITE: resolve, try each next hop (RFC 3263 §4.3), answer one challenge.

        Never raises for what the network does: `Refused` and `Ended` report it. Raises LocalProtocolError for
        a header that would not be one.
        """
        request = new_request(
            "INVITE",
            (invite.request_uri.without_headers(), invite.routes),
            parties(invite.from_, invite.to),
            (invite.call_id or new_call_id(), 1),
        )
        self._furnish(request, invite)
        settings = self._settings
        if invite.is_one_of_several:
            settings = replace(settings, gives_up_silence=True)
        usage = Usage(settings, "", True, self._services.entropy, Authenticator(invite.credentials))  # noqa: FBT003
        runner = SessionRunner(
            self._services, usage, InviteSession.outbound(usage, request), request, invite.flow
        )
        session = OutboundSession(request, runner)
        runner.attach(session)
        self._sessions.add(runner)
        runner.feed(BEGIN)
        return session

    def _furnish(self, request: Request, invite: OutboundInvite) -> None:
        headers = request.headers
        if invite.body and invite.session_expires is None:
            headers.update(self._usual_fields)
        else:
            expires = (
                self.options.session_expires_s if invite.session_expires is None else invite.session_expires
            )
            headers.update(self._fields_of_invite(expires, has_offer=bool(invite.body)))
        add_headers(request, invite.headers)
        if invite.body:
            headers.set("Content-Type", SDP)
            request.body = invite.body

    def _fields_of_invite(self, session_expires: int, *, has_offer: bool) -> Headers:
        """What an INVITE says about us, and about the session timer that it asks for (0: none)."""
        headers = Headers()
        headers.add("Allow", self._settings.allow)
        # RFC 3262 §5: without an offer, a reliable 1xx would hold one that our story answers only in the ACK.
        headers.add("Supported", ", ".join(SUPPORTED if has_offer else SUPPORTED_WITHOUT_OFFER))
        if session_expires:
            headers.add("Session-Expires", str(max(session_expires, self._settings.min_se)))
            headers.add("Min-SE", str(self._settings.min_se))
        headers.add("User-Agent", self.options.user_agent)
        return headers

    async def request(self, request: OutboundRequest) -> Response:
        """Send a request outside a dialog (OPTIONS, REGISTER, ...) and wait for its final response.

        A timeout is a 408, an unreachable or unresolvable peer a 503, as RFC 3261 §8.1.3.1 has it. Cancelling the
        wait gives the request up.
        """
        user = request.from_.uri.user if isinstance(request.from_.uri, SipUri) else None
        return await perform(
            self.driver,
            self._services.locator.locate,
            request,
            lambda hop: self._services.locator.contact_for(hop, user, is_secure=request.uri.is_secure),
            self.options.user_agent,
        )
