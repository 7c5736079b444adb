"""One session at work: its machine, the story's `Session`, and the driver that performs what the machine asks for."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, assert_never

from callapi.sip.dialog import next_hop
from callapi.sip.endpoint.driver import Driver
from callapi.sip.endpoint.entries import ServerTransaction
from callapi.sip.endpoint.steps import LOG, run
from callapi.sip.endpoint.timers import Timing
from callapi.sip.endpoint.validation import vet
from callapi.sip.errors import ResolutionError
from callapi.sip.events import Accepted, Ended, Refused, SessionEvent
from callapi.sip.invite_session import InviteSession, Usage
from callapi.sip.invite_session.commands import Accept, Command
from callapi.sip.invite_session.effects import (
    AbandonInvite,
    Effect,
    Resolve,
    Respond,
    SendAck,
    SendCancel,
    SendInvite,
    SendRequest,
)
from callapi.sip.invite_session.inputs import Input, InviteOver, Resolved, ResponseReceived
from callapi.sip.messages.headers import Headers, NameAddr
from callapi.sip.messages.message import Request, Response, make_response
from callapi.sip.messages.uri import SipUri, Transport, Uri
from callapi.sip.outputs import Finish, Report, StartTimer, StopTimer
from callapi.sip.routing.hops import is_usable, literal_hop, reachable_hop
from callapi.sip.session import OutboundSession, Session
from callapi.sip.transaction import cancel_for
from callapi.sip.transport import Hop

MAX_WAITING_REQUESTS = 16


class Surroundings(Protocol):
    """What a runner needs of the endpoint."""

    driver: Driver

    def resolve(self, uri: Uri, then: Callable[[tuple[Hop, ...], str], None]) -> None:
        """Find next hops in a task; `then(hops, why_none)`."""

    def contact_for(self, hop: Hop, user: str | None, *, is_secure: bool) -> str:
        """Our Contact towards a hop, as a header value."""

    def forget(self, runner: "SessionRunner") -> None:
        """The machine is done."""


@dataclass(slots=True)
class PastSession:
    """What is left for the story when the session is over: its facts; commands do nothing."""

    call_id: str
    local_tag: str
    remote_tag: str
    local_header: str
    remote_header: str
    is_answered: bool

    @property
    def local_uri(self) -> NameAddr:
        """We, as in the dialog."""
        return NameAddr.parse(self.local_header)

    @property
    def remote_uri(self) -> NameAddr:
        """The peer, as in the dialog."""
        return NameAddr.parse(self.remote_header)

    def command(self, command: Command) -> None:
        """The session is over already."""


class SessionRunner:
    """The shell of one machine. The endpoint keeps it by (Call-ID, our tag) until the machine finishes."""

    __slots__ = (
        "_around",
        "_flow",
        "_invite",
        "_known",
        "_machine",
        "_peer",
        "_reinvite",
        "_session",
        "_usage",
        "_waiting",
        "call_id",
        "is_answered",
        "local_tag",
        "timers",
    )

    def __init__(
        self,
        around: Surroundings,
        usage: Usage,
        machine: InviteSession,
        invite: Request,
        flow: Hop | None = None,
    ) -> None:
        """`attach` must follow. `flow`: see `OutboundInvite`."""
        dialog = usage.dialog
        self.timers: dict[StrEnum, Timing] = {}
        self.call_id = invite.call_id
        self.local_tag = invite.from_.tag or "" if dialog is None else dialog.local_tag
        self.is_answered = False
        self._around = around
        self._flow = flow
        self._usage: Usage | None = usage
        self._machine: InviteSession | None = machine
        self._session: Session | None = None
        self._invite: Request | None = invite
        self._peer: Hop | None = None
        self._known: tuple[Uri, Hop] | None = None  # the last name that was resolved for this dialog
        self._reinvite: Request | None = None  # the last INVITE within the dialog
        self._waiting: deque[Request] | None = None  # requests in order, while a name is resolved

    def attach(self, session: Session) -> None:
        """Whom to tell."""
        self._session = session
        self._peer = session.source

    # --- for the story ---

    @property
    def remote_tag(self) -> str:
        """The peer's tag; empty until a response brought it."""
        return self._facts()[0]

    @property
    def local_uri(self) -> NameAddr:
        """We, as in the dialog."""
        return NameAddr.parse(self._facts()[1])

    @property
    def remote_uri(self) -> NameAddr:
        """The peer, as in the dialog."""
        return NameAddr.parse(self._facts()[2])

    def _facts(self) -> tuple[str, str, str]:
        """The peer's tag, our header and the peer's, as they stand."""
        dialog = None if self._usage is None else self._usage.dialog
        if dialog is not None:
            return dialog.remote_tag, dialog.local_header, dialog.remote_header
        headers = Headers() if self._invite is None else self._invite.headers
        return "", headers.get("From") or "", headers.get("To") or ""

    def command(self, command: Command) -> None:
        """Perform what the story asks for. Raises LocalProtocolError."""
        vet(command)
        if isinstance(command, Accept):
            self.is_answered = True
        self.feed(command)

    # --- for the endpoint and the transactions ---

    @property
    def state(self) -> str:
        """Of the machine."""
        return "over" if self._machine is None else self._machine.state

    def answered(self, request: Request, response: Response, *, is_local: bool) -> None:
        """An answer to a request of this session."""
        session = self._session
        if isinstance(session, OutboundSession) and request.method == "INVITE" and response.is_success:
            session.final = session.final or response
        self.feed(ResponseReceived(request, response, is_local))

    def over(self, request: Request) -> None:
        """The transaction of an INVITE has ended."""
        self.feed(InviteOver(request))

    def feed(self, input_: Input) -> None:
        """One step of the machine."""
        machine = self._machine
        if machine is None:
            return
        for effect in run(machine, input_, self._around.driver.now, self.local_tag):
            self._perform(effect)

    def close(self, ended: Ended) -> None:
        """The endpoint stops: end at once, without a word to the peer."""
        self._tell(ended)
        self._finish()

    def _perform(self, effect: Effect) -> None:
        match effect:
            case StartTimer(timer, at):
                self._around.driver.timers.start(self, timer, at)
            case StopTimer(timer):
                self._around.driver.timers.stop(self, timer)
            case Respond(handle, response):
                if isinstance(handle, ServerTransaction):
                    self._around.driver.respond(handle, response)
            case Report(event):
                self._tell(event)
            case Finish():
                self._finish()
            case _:
                self._perform_request(effect)

    def _perform_request(
        self, effect: Resolve | SendInvite | SendRequest | SendAck | SendCancel | AbandonInvite
    ) -> None:
        match effect:
            case SendRequest(request) | SendAck(request):
                self._direct(request)
            case SendInvite(request, hop):
                self._send_invite(request, hop)
            case SendCancel(invite, headers):
                self._send_cancel(invite, headers)
            case AbandonInvite(invite):
                self._around.driver.abandon(invite)
            case Resolve(uri):
                if self._open_flow is not None:
                    self._hops_found((self._open_flow,), "")
                else:
                    self._around.resolve(uri, self._hops_found)
            case _:
                assert_never(effect)

    def _tell(self, event: SessionEvent) -> None:
        session = self._session
        if session is None:
            return
        match event:
            case Accepted(response) | Refused(response) if isinstance(session, OutboundSession):
                self.is_answered = response.is_success
                session.final = response
            case Ended():
                session.detach(
                    PastSession(self.call_id, self.local_tag, *self._facts(), is_answered=self.is_answered)
                )
                # What follows needs the machine alone, and lasts half a minute after each call.
                self._session = self._usage = self._invite = None
            case _:
                pass
        session.tell(event)

    def _finish(self) -> None:
        driver = self._around.driver
        driver.timers.stop_all(self)
        if self._reinvite is not None:
            driver.abandon(self._reinvite)
        self._around.forget(self)
        self._machine = self._usage = None
        self._waiting = None

    # --- requests on their way ---

    def _hops_found(self, hops: tuple[Hop, ...], why_none: str) -> None:
        self.feed(Resolved(hops, why_none))

    def _send_invite(self, invite: Request, hop: object) -> None:
        if not isinstance(hop, Hop) or self._usage is None:
            return
        user = invite.from_.uri.user if isinstance(invite.from_.uri, SipUri) else None
        self._peer = hop
        self._usage.contact = self._around.contact_for(
            hop, user, is_secure=isinstance(invite.uri, SipUri) and invite.uri.is_secure
        )
        invite.headers.set("Contact", self._usage.contact)
        if self._session is not None:
            self._session.request = invite
        self._around.driver.start_client(invite, hop, self)

    def _send_cancel(self, invite: Request, headers: tuple[tuple[str, str], ...]) -> None:
        driver = self._around.driver
        hop = driver.hop_of(invite)
        if hop is None:
            return
        cancel = cancel_for(invite)
        for name, value in headers:
            cancel.headers.add(name, value)
        driver.start_client(cancel, hop, self)

    def _direct(self, request: Request) -> None:
        """Send a request of the dialog to its next hop; while a name is resolved, they wait in their order."""
        if self._waiting is not None:
            if len(self._waiting) < MAX_WAITING_REQUESTS:
                self._waiting.append(request)
            return
        if self._open_flow is not None and "Route" not in request.headers:
            self._dispatch(request, self._open_flow)
            return
        uri = next_hop(request)
        try:
            hop = literal_hop(uri)
        except ResolutionError as error:
            self._unreachable(request, str(error))
            return
        if hop is None and self._known is not None and self._known[0] == uri:
            hop = self._known[1]
        if hop is None:
            self._waiting = deque([request])
            self._around.resolve(uri, self._located)
        else:
            self._dispatch(request, hop)

    def _located(self, hops: tuple[Hop, ...], why_none: str) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting and hops:
            self._known = (next_hop(waiting[0]), hops[0])
        for request in waiting or ():
            if hops:
                self._direct(request)
            else:
                self._unreachable(request, why_none)

    def _unreachable(self, request: Request, why: str) -> None:
        LOG.info("%s %s cannot be sent: %s", request.method, request.uri, why)
        if request.method != "ACK":
            self.answered(request, make_response(request, 503), is_local=True)

    def _dispatch(self, request: Request, hop: Hop) -> None:
        driver = self._around.driver
        if "Route" not in request.headers:
            hop = reachable_hop(hop, self._peer, is_connected=self._is_connected())
        if request.method != "ACK":
            if request.method == "INVITE":
                self._reinvite = request
            driver.start_client(request, hop, self)
            return
        if "Via" not in request.headers:
            driver.put_via(request, hop)
        driver.send(request, hop)

    @property
    def _open_flow(self) -> Hop | None:
        flow = self._flow
        return flow if flow is not None and is_usable(flow, self._around.driver.transport) else None

    def _is_connected(self) -> bool:
        peer = self._peer
        is_stream = peer is not None and peer.transport is not Transport.UDP
        return is_stream and peer is not None and self._around.driver.transport.is_connected(peer)
