"""One session at work: its machine, the story's `Session`, and the driver that performs what the machine asks for."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from callapi.sip.endpoint.dialog_sender import DialogSender
from callapi.sip.endpoint.driver import Driver
from callapi.sip.endpoint.locator import Locator
from callapi.sip.endpoint.machine_runner import run
from callapi.sip.endpoint.subscriptions import METHODS as SUBSCRIPTION_METHODS
from callapi.sip.endpoint.subscriptions import Subscriptions
from callapi.sip.endpoint.timers import Timing
from callapi.sip.endpoint.transactions import ServerTransaction
from callapi.sip.endpoint.validation import add_headers, validate
from callapi.sip.errors import LocalProtocolError
from callapi.sip.events import Accepted, Confirmed, Ended, ReferReceived, Refused, SessionEvent
from callapi.sip.invite_session import InviteSession, Usage
from callapi.sip.invite_session.commands import Accept, Command, ExtraHeaders
from callapi.sip.invite_session.effects import AbandonInvite, Effect, Resolve, SendAck, SendCancel, SendInvite
from callapi.sip.invite_session.inputs import (
    FlowLost,
    Input,
    InviteOver,
    RequestReceived,
    Resolved,
    ResponseReceived,
)
from callapi.sip.messages.headers import Headers, NameAddr
from callapi.sip.messages.message import Request, Response, make_response
from callapi.sip.messages.uri import SipUri
from callapi.sip.outbound_refer import OutboundRefer
from callapi.sip.outputs import Finish, Report, Respond, SendRequest, StartTimer, StopTimer
from callapi.sip.session import OutboundSession, Session
from callapi.sip.subscription.subscriber import ReferSubscriber, refer_request
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

    def refer(self, refer_to: str, referred_by: str | None, headers: ExtraHeaders) -> OutboundRefer:
        """The session is over already. Raises LocalProtocolError."""
        del refer_to, referred_by, headers
        raise LocalProtocolError("the session has ended: there is no dialog for a REFER")


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
        "_subscriptions",
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
        self._subscriptions: Subscriptions | None = None  # made when first needed: few calls are transferred
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

    def refer(self, refer_to: str, referred_by: str | None, headers: ExtraHeaders) -> OutboundRefer:
        """Send a REFER within the dialog. Raises LocalProtocolError."""
        usage = self._usage
        if usage is None or usage.dialog is None:
            raise LocalProtocolError("there is no dialog for a REFER")
        dialog = usage.dialog
        request = refer_request(dialog, usage.contact, refer_to, referred_by=referred_by, headers=())
        add_headers(request, headers)
        cnonce = f"{int(usage.entropy() * 2**48):012x}"
        machine = ReferSubscriber(dialog, request, usage.authenticator, cnonce)
        return self._usages().send_refer(dialog, machine)

    # --- for the endpoint and the transactions ---

    @property
    def session(self) -> Session | None:
        """The session, while it has not ended."""
        return self._session

    def has_dialog(self, remote_tag: str) -> bool:
        """Whether a dialog with this tag of the peer, early or not, belongs to the session."""
        return self._machine is not None and self._machine.has_dialog(remote_tag)

    def receive(self, request: Request, transaction: ServerTransaction) -> None:
        """A request within the dialog: for the INVITE's usage, or for a subscription beside it (RFC 5057)."""
        if request.method == "REFER":
            self._refer_received(request, transaction)
        elif request.method in SUBSCRIPTION_METHODS:
            self._usages().receive(request, transaction)
            self._forget_if_over()
        elif self._machine is None:
            self._driver.respond(transaction, make_response(request, 481))
        else:
            self.feed(RequestReceived(request, transaction))

    def _refer_received(self, request: Request, transaction: ServerTransaction) -> None:
        usage, session = self._usage, self._session
        dialog = None if usage is None else usage.dialog
        if (
            usage is None
            or session is None
            or dialog is None
            or dialog.remote_tag != (request.from_.tag or "")
        ):
            self._driver.respond(transaction, make_response(request, 481))
            return
        refer = self._usages().receive_refer(dialog, usage.contact, request, transaction)
        if refer is not None:
            session.put(ReferReceived(refer))

    def _usages(self) -> Subscriptions:
        if self._subscriptions is None:
            self._subscriptions = Subscriptions(self._driver, self._sender, self._forget_if_over)
        return self._subscriptions

    def _forget_if_over(self) -> None:
        """The dialog lasts as long as the last of its usages."""
        if self._machine is None and (self._subscriptions is None or self._subscriptions.is_empty):
            self._sender.close()
            self._forget(self)

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
        session = self._session
        if isinstance(session, OutboundSession) and session.final is not None:
            session.final.headers.pack()  # a call that is up seldom asks for them

    def feed(self, input_: Input | FlowLost) -> None:
        """One step of the machine."""
        machine = self._machine
        if machine is None:
            return
        for effect in run(machine, input_, self._driver.clock(), self.local_tag):
            self._perform(effect)

    def flow_lost(self) -> None:
        """The connection that the dialog depends on has closed: all its usages end."""
        self.feed(FlowLost())
        if self._subscriptions is not None:
            self._subscriptions.close()

    def close(self, ended: Ended) -> None:
        """The endpoint stops: end at once, without a message to the peer."""
        self._publish(ended)
        if self._subscriptions is not None:
            self._subscriptions.close()
        self._finish()

    def _perform(self, effect: Effect) -> None:
        if isinstance(effect, StartTimer):
            self._driver.timers.start(self, effect.timer, effect.at)
        elif isinstance(effect, StopTimer):
            self._driver.timers.stop(self, effect.timer)
        elif isinstance(effect, Respond):
            if isinstance(effect.handle, ServerTransaction):
                self._driver.respond(effect.handle, effect.response)
        elif isinstance(effect, Report):
            self._publish(effect.event)
        elif isinstance(effect, Finish):
            self._finish()
        else:
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
            case Confirmed():
                session.request.headers.pack()  # a call that is up seldom asks for them
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
        self._machine = self._usage = None
        self._forget_if_over()

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
