"""The door of the SIP core and the life of the whole: what goes out, what waits, what is closed at the end.

Datagrams come up from `driver`, commands from the sessions; both end in a machine's `handle(input, now)`, whose
outputs `driver` and `runner` perform and nobody else.
"""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Self

from msgspec.structs import replace

from callapi.sip.authentication.authenticator import Authenticator
from callapi.sip.endpoint.driver import Driver
from callapi.sip.endpoint.entries import DialogKey
from callapi.sip.endpoint.inspection import ALLOWED, SDP, SUPPORTED
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
from callapi.sip.endpoint.runner import SessionRunner
from callapi.sip.endpoint.validation import add_headers
from callapi.sip.errors import ResolutionError
from callapi.sip.events import Ended, Party
from callapi.sip.invite_session import InviteSession, SessionSettings, Usage
from callapi.sip.invite_session.inputs import BEGIN
from callapi.sip.messages.message import Request, Response
from callapi.sip.messages.parameters import Parameters
from callapi.sip.messages.uri import SipUri, Transport, Uri, format_host_port
from callapi.sip.routing.hops import literal_hop
from callapi.sip.routing.resolver import Resolver
from callapi.sip.session import InboundSession, OutboundSession
from callapi.sip.transport import Hop, TransportLayer
from callapi.sip.transport.port import WireFactory

MAX_TASKS = 2048


class Endpoint:
    """A SIP user agent on its listening addresses.

    ::

        async with Endpoint(EndpointOptions(listen=("udp://127.0.0.1:5060",))) as endpoint:
            async for session in endpoint.incoming():
                ...
    """

    driver: Driver

    def __init__(
        self,
        options: EndpointOptions,
        *,
        resolver: Resolver | None = None,
        admission: Admission | None = None,
        registrar: RegisterHandler | None = None,
        trace: Callable[[Traced], None] | None = None,
        open_wire: WireFactory = TransportLayer,
    ) -> None:
        """Nothing is opened before `async with`. `open_wire` is for networks in memory."""
        self.options = options
        self._resolver = resolver or Resolver()
        self.admission = admission
        self.registrar = registrar
        self._trace = trace
        self._open_wire = open_wire
        self.settings = SessionSettings(
            user_agent=options.user_agent,
            allow=", ".join(ALLOWED),
            session_expires=options.session_expires_s,
            min_se=options.min_session_expires_s,
            next_hop_after=options.next_hop_after_s,
        )
        self.entropy = random.SystemRandom().random
        self.runners: dict[DialogKey, SessionRunner] = {}
        """The live sessions, by Call-ID and our tag."""
        self._incoming: deque[InboundSession] = deque()
        self._arrival: asyncio.Future[None] | None = None
        self._is_open = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._contacts: dict[tuple[Transport, bool], tuple[str, int, Parameters]] = {}

    def __repr__(self) -> str:
        return f"<Endpoint {' '.join(self.options.listen)} {len(self.runners)} sessions>"

    async def __aenter__(self) -> Self:
        """Open the listeners. Raises TransportError."""
        self.driver = Driver(self.options, Reception(self), self._trace, self._open_wire)
        await self.driver.start()
        self._is_open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop: live sessions end by NETWORK, sockets close. Hang up first to part politely."""
        self._is_open = False
        self._wake()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for runner in list(self.runners.values()):
            runner.close(Ended(Party.NETWORK, None, "the endpoint has stopped"))
        self._incoming.clear()
        await self.driver.stop()

    # --- the door ---

    @property
    def statistics(self) -> Statistics:
        """Counters since the start."""
        return self.driver.statistics

    @property
    def standing_s(self) -> float:
        """For how many seconds messages have been waiting without a break: more comes than can be handled."""
        return self.driver.transport.standing_s

    @property
    def live_sessions(self) -> int:
        """Sessions that are not quite over, those included that only wait for late retransmissions."""
        return len(self.runners)

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

    async def incoming(self) -> AsyncIterator[InboundSession]:
        """Sessions in the order in which their INVITEs came; ends when the endpoint stops."""
        while True:
            while self._incoming:
                yield self._incoming.popleft()
            if not self._is_open:
                return
            self._arrival = asyncio.get_running_loop().create_future()
            try:
                await self._arrival
            finally:
                self._arrival = None

    def invite(self, invite: OutboundInvite) -> OutboundSession:
        """Send an INVITE: resolve, try each next hop (RFC 3263 §4.3), answer one challenge.

        Never raises for what the network does: that is told by `Refused` and `Ended`. Raises LocalProtocolError for
        a header that would not be one.
        """
        request = new_request(
            "INVITE",
            (invite.request_uri.without_headers(), invite.routes),
            parties(invite.from_, invite.to),
            (invite.call_id or new_call_id(), 1),
        )
        self._furnish(request, invite)
        settings = self.settings
        if invite.is_one_of_several:
            settings = replace(settings, gives_up_silence=True)
        usage = Usage(settings, "", True, self.entropy, Authenticator(invite.credentials))  # noqa: FBT003
        runner = SessionRunner(self, usage, InviteSession.outbound(usage, request), request, invite.flow)
        session = OutboundSession(request, runner)
        runner.attach(session)
        self.runners[(runner.call_id, runner.local_tag)] = runner
        runner.feed(BEGIN)
        return session

    def _furnish(self, request: Request, invite: OutboundInvite) -> None:
        headers = request.headers
        headers.add("Allow", self.settings.allow)
        # RFC 3262 §5: without an offer, a reliable 1xx would hold one that our story answers only in the ACK.
        headers.add("Supported", ", ".join(SUPPORTED) if invite.body else "timer")
        wanted = self.options.session_expires_s if invite.session_expires is None else invite.session_expires
        if wanted:
            headers.add("Session-Expires", str(max(wanted, self.settings.min_se)))
            headers.add("Min-SE", str(self.settings.min_se))
        headers.add("User-Agent", self.options.user_agent)
        add_headers(request, invite.headers)
        if invite.body:
            headers.set("Content-Type", SDP)
            request.body = invite.body

    async def request(self, request: OutboundRequest) -> Response:
        """Send a request outside a dialog (OPTIONS, REGISTER, ...) and wait for its final response.

        A timeout is a 408, an unreachable or unresolvable peer a 503, as RFC 3261 §8.1.3.1 has it. Cancelling the
        wait gives the request up.
        """
        user = request.from_.uri.user if isinstance(request.from_.uri, SipUri) else None
        return await perform(
            self.driver,
            self._locate,
            request,
            lambda hop: self.contact_for(hop, user, is_secure=request.uri.is_secure),
            self.options.user_agent,
        )

    # --- for the runners ---

    def resolve(self, uri: Uri, then: Callable[[tuple[Hop, ...], str], None]) -> None:
        """Find next hops: at once for an IP address, else in a task."""
        try:
            hop = literal_hop(uri)
        except ResolutionError as error:
            then((), str(error))
            return
        if hop is not None:
            then((hop,), "")
        elif not self.spawn(self._resolve(uri, then)):
            then((), "too much is going on")

    def contact_for(self, hop: Hop, user: str | None, *, is_secure: bool) -> str:
        """Our Contact towards a hop: the listener that it can reach (RFC 3261 §8.1.1.8)."""
        where = (hop.transport, ":" in hop.host)
        found = self._contacts.get(where)
        if found is None:
            found = self._contacts[where] = self._reachable_at(hop)
        host, port, parameters = found
        return f"<{SipUri('sips' if is_secure else 'sip', user, None, host, port, parameters)}>"

    def _reachable_at(self, hop: Hop) -> tuple[str, int, Parameters]:
        transport = hop.transport
        spoken = {address.transport for address in self.driver.transport.listening}
        if spoken and transport not in spoken:
            transport = Transport.UDP if Transport.UDP in spoken else sorted(spoken)[0]
        host, port = self.driver.transport.local_address(transport, hop.host)
        return host, port, () if transport is Transport.UDP else (("transport", str(transport)),)

    def forget(self, runner: SessionRunner) -> None:
        """A session is over for good."""
        self.runners.pop((runner.call_id, runner.local_tag), None)

    # --- for the reception ---

    @property
    def is_full(self) -> bool:
        """Whether nobody reads `incoming()` any more, as it seems."""
        return not self._is_open or len(self._incoming) >= self.options.most_waiting_calls

    @property
    def waiting(self) -> int:
        """Sessions that nobody has taken from `incoming()` yet."""
        return len(self._incoming)

    def arrived(self, session: InboundSession) -> None:
        """A new session for `incoming()`."""
        self._incoming.append(session)
        self._wake()

    def spawn(self, work: Coroutine[None, None, None]) -> bool:
        """Run a task that the endpoint owns; False: there are too many of them, and it was not started."""
        if len(self._tasks) >= MAX_TASKS or not self._is_open:
            work.close()
            return False
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    async def _resolve(self, uri: Uri, then: Callable[[tuple[Hop, ...], str], None]) -> None:
        try:
            hops = await self._locate(uri)
        except ResolutionError as error:
            then((), str(error))
        else:
            then(tuple(hops), "")

    async def _locate(self, uri: Uri) -> list[Hop]:
        if not isinstance(uri, SipUri):
            raise ResolutionError(f"{uri}: no SIP URI")
        return await self._resolver.resolve(uri)
