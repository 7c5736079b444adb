"""One session at work: its machine, the story's `Session`, and the driver that performs what the machine asks for."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from callapi.sip.endpoint.dialog_sender import DialogSender
from callapi.sip.endpoint.driver import Driver
from callapi.sip.endpoint.locator import Locator
from callapi.sip.endpoint.machine_runner import run
from callapi.sip.endpoint.timers import Timing
from callapi.sip.endpoint.transactions import ServerTransaction
from callapi.sip.endpoint.validation import validate
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
from callapi.sip.invite_session.inputs import FlowLost, Input, InviteOver, Resolved, ResponseReceived
from callapi.sip.messages.headers import Headers, NameAddr
from callapi.sip.messages.message import Request, Response
from callapi.sip.messages.uri import SipUri
from callapi.sip.outputs import Finish, Report, StartTimer, StopTimer
from callapi.sip.session import OutboundSession, Session
from callapi.sip.transaction import cancel_for
from callapi.sip.transport import Hop


@dataclass(frozen=True, slots=True)
class RunnerServices:
    """What every runner of an endpoint works with."""

    driver: Driver
    locator: Locator
    entropy: Callable[[], float]
    """Uniform in [0, 1)."""
    forget: Callable[["SessionRunner"], None]
    """Called once, when the machine is done."""


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
    """The shell of one machine. The session table keeps it by (Call-ID, our tag) until the machine finishes."""

    __slots__ = (
        "_driver",
        "_forget",
        "_invite",
        "_locator",
        "_machine",
        "_sender",
        "_session",
        "_usage",
        "call_id",
        "is_answered",
        "local_tag",
        "timers",
    )

    def __init__(
        self,
        services: "RunnerServices",
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
        self._driver = services.driver
        self._locator = services.locator
        self._forget = services.forget
        self._sender = DialogSender(services.driver, services.locator, flow)
        self._usage: Usage | None = usage
        self._machine: InviteSession | None = machine
        self._session: Session | None = None
        self._invite: Request | None = invite

    def attach(self, session: Session) -> None:
        """The session that gets the events."""
        self._session = session
        self._sender.peer = session.source

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
        validate(command)
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

    def feed(self, input_: Input | FlowLost) -> None:
        """One step of the machine."""
        machine = self._machine
        if machine is None:
            return
        for effect in run(machine, input_, self._driver.now, self.local_tag):
            self._perform(effect)

    def close(self, ended: Ended) -> None:
        """The endpoint stops: end at once, without a message to the peer."""
        self._publish(ended)
        self._finish()

    def _perform(self, effect: Effect) -> None:
        match effect:
            case StartTimer(timer, at):
                self._driver.timers.start(self, timer, at)
            case StopTimer(timer):
                self._driver.timers.stop(self, timer)
            case Respond(handle, response):
                if isinstance(handle, ServerTransaction):
                    self._driver.respond(handle, response)
            case Report(event):
                self._publish(event)
            case Finish():
                self._finish()
            case _:
                self._perform_request(effect)

    def _perform_request(
        self, effect: Resolve | SendInvite | SendRequest | SendAck | SendCancel | AbandonInvite
    ) -> None:
        match effect:
            case SendRequest(request) | SendAck(request):
                self._sender.send(request, self)
            case SendInvite(request, hop):
                self._send_invite(request, hop)
            case SendCancel(invite, headers):
                self._send_cancel(invite, headers)
            case AbandonInvite(invite):
                self._driver.abandon(invite)
            case Resolve(uri):
                if (flow := self._sender.open_flow) is not None:
                    self._hops_found((flow,), "")
                else:
                    self._locator.resolve(uri, self._hops_found)
            case _:
                assert_never(effect)

    def _publish(self, event: SessionEvent) -> None:
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
                # What follows needs only the machine, for about half a minute after each call.
                self._session = self._usage = self._invite = None
            case _:
                pass
        session.put(event)

    def _finish(self) -> None:
        self._driver.timers.stop_all(self)
        if self._sender.last_invite is not None:
            self._driver.abandon(self._sender.last_invite)
        self._forget(self)
        self._machine = self._usage = None
        self._sender.close()

    @property
    def websocket(self) -> Hop | None:
        """The WebSocket that the dialog depends on; None: it does not depend on one."""
        return self._sender.websocket

    # --- requests on their way ---

    def _hops_found(self, hops: tuple[Hop, ...], why_none: str) -> None:
        self.feed(Resolved(hops, why_none))

    def _send_invite(self, invite: Request, hop: object) -> None:
        if not isinstance(hop, Hop) or self._usage is None:
            return
        user = invite.from_.uri.user if isinstance(invite.from_.uri, SipUri) else None
        self._sender.peer = hop
        self._usage.contact = self._locator.contact_for(
            hop, user, is_secure=isinstance(invite.uri, SipUri) and invite.uri.is_secure
        )
        invite.headers.set("Contact", self._usage.contact)
        if self._session is not None:
            self._session.request = invite
        self._driver.start_client(invite, hop, self)

    def _send_cancel(self, invite: Request, headers: tuple[tuple[str, str], ...]) -> None:
        driver = self._driver
        hop = driver.hop_of(invite)
        if hop is None:
            return
        cancel = cancel_for(invite)
        for name, value in headers:
            cancel.headers.add(name, value)
        driver.start_client(cancel, hop, self)
