"""The calling side until it is answered: RFC 3261 §13.2, §9.1 (CANCEL), RFC 3262 §4 (PRACK), RFC 3263 §4.3 (hops).

::

    RESOLVING ──hops──> CALLING ──1xx──> PROCEEDING ──2xx──> Established
        │                 │ ▲                │ hang up: CANCEL
        │         hang up │ └─ 401 407 422 503, silence: the next try
        │                 ▼                  ▼
        │            CANCEL_WANTED ──1xx──> CANCELLING ──2xx──> Terminating (ACK, BYE)
        └──────────────── any final response, or time is up ──> OVER
"""

from enum import StrEnum
from typing import assert_never

from callapi.sip.dialog import Dialog, next_hop
from callapi.sip.errors import LocalProtocolError, RemoteProtocolError
from callapi.sip.events import Accepted, Ended, Party, Provisional, Refused
from callapi.sip.invite_session.attempts import Attempts
from callapi.sip.invite_session.commands import (
    Accept,
    Acknowledge,
    AnswerOffer,
    HangUp,
    Offer,
    Refuse,
    RefuseOffer,
    Ring,
    SendInfo,
)
from callapi.sip.invite_session.effects import (
    AbandonInvite,
    Effect,
    Resolve,
    SendAck,
    SendCancel,
    SendInvite,
    SessionTimer,
    report,
)
from callapi.sip.invite_session.established import Established
from callapi.sip.invite_session.inputs import (
    AckReceived,
    Begin,
    CancelReceived,
    Input,
    InviteOver,
    RequestReceived,
    Resolved,
    ResponseReceived,
)
from callapi.sip.invite_session.modification import Modification
from callapi.sip.invite_session.offer_answer import Act
from callapi.sip.invite_session.phase import Become, Step
from callapi.sip.invite_session.prack import EarlyDialog, reliable_number
from callapi.sip.invite_session.session_timer import Refresher, read_session_expires
from callapi.sip.invite_session.terminating import Terminating, TerminationStep
from callapi.sip.invite_session.usage import Usage, party_of, reason_of
from callapi.sip.messages.message import REASONS, Response
from callapi.sip.outputs import FINISH, SendRequest, StartTimer, StopTimer, TimerFired
from callapi.sip.transaction.timers import T1_64

MAX_RINGING = 900.0
MAX_FORKS = 32
_HOP_TIMERS = (StopTimer(SessionTimer.NEXT_HOP),)


class State(StrEnum):
    """Where the INVITE stands."""

    RESOLVING = "resolving"
    CALLING = "calling"
    PROCEEDING = "proceeding"
    CANCEL_WANTED = "cancel-wanted"  # §9.1: a CANCEL has to wait for a provisional response
    CANCELLING = "cancelling"
    OVER = "over"


class Inviting:
    """The first phase of an outbound session."""

    __slots__ = ("_attempts", "_early", "_hang_up", "_modification", "_offered", "_usage", "state")

    def __init__(self, usage: Usage, attempts: Attempts) -> None:
        self.state = State.RESOLVING
        self._usage = usage
        self._attempts = attempts
        self._early: dict[str, EarlyDialog] = {}
        self._offered = usage.offer_answer
        """The exchange as every dialog of the INVITE finds it: each fork gives an answer of its own (§13.2.2.4)."""
        self._modification = Modification(usage)
        self._hang_up: HangUp | None = None

    def handle(self, input_: Input, now: float) -> list[Step]:
        """One input of the calling side."""
        match input_:
            case Begin() | Resolved():
                return self._resolve(input_, now)
            case ResponseReceived():
                return self._response(input_, now)
            case RequestReceived():
                return self._request(input_, now)
            case TimerFired(timer):
                return self._timer(SessionTimer(timer), now)
            case HangUp():
                return self._cancel(input_, now)
            case AnswerOffer() | RefuseOffer():
                return [*self._modification.answer(input_, now)]
            case AckReceived() | CancelReceived() | InviteOver():
                return []
            case Ring() | Accept() | Refuse() | Acknowledge() | Offer() | SendInfo():
                raise LocalProtocolError(f"{type(input_).__name__}: our INVITE is not answered yet")
            case _:
                assert_never(input_)

    def has_early_dialog(self, remote_tag: str) -> bool:
        """Whether a provisional response with this tag has come."""
        return remote_tag in self._early

    def flow_lost(self) -> list[Step]:
        """As `Phase`."""
        lost = Response(503, "the connection of the called party closed")
        return [AbandonInvite(self._attempts.invite), *self._refused(lost, is_local=True)]

    # --- one hop after the other ---

    def _resolve(self, input_: Begin | Resolved, now: float) -> list[Step]:
        if isinstance(input_, Begin):
            invite = self._attempts.invite
            if invite.body:
                self._usage.offer_answer.handle(Act.SEND_OFFER, invite.body)
            ringing_limit = StartTimer(SessionTimer.MAX_RINGING, now + MAX_RINGING)
            return [ringing_limit, Resolve(next_hop(invite))]
        if self.state is not State.RESOLVING:
            return []
        self._attempts.hops.extend(input_.hops)
        if not input_.hops:
            return self._refused(Response(503, input_.why_none or REASONS[503]), is_local=True)
        self.state = State.CALLING
        return [*self._send(now)]

    def _send(self, now: float) -> list[Effect]:
        self._early.clear()
        self._usage.offer_answer = self._offered.fork()
        send = SendInvite(self._attempts.invite, self._attempts.hops[0])
        settings = self._usage.settings
        if len(self._attempts.hops) == 1 and not settings.gives_up_silence:
            return [send, *_HOP_TIMERS]
        return [send, StartTimer(SessionTimer.NEXT_HOP, now + settings.next_hop_after)]

    def _timer(self, timer: SessionTimer, now: float) -> list[Step]:
        match timer:
            case SessionTimer.NEXT_HOP if self.state is State.CALLING and self._attempts.move_on():
                return [*self._send(now)]
            case SessionTimer.NEXT_HOP if (
                self.state is State.CALLING and self._usage.settings.gives_up_silence
            ):
                self._usage.is_given_up = True
                return self._refused(Response(408, REASONS[408]), is_local=True)
            case SessionTimer.MAX_RINGING:
                return self._cancel(HangUp('SIP;cause=408;text="rang too long"', ()), now)
            case SessionTimer.CANCEL_UNANSWERED:
                invite = self._attempts.invite
                return [AbandonInvite(invite), *self._refused(Response(487, REASONS[487]), is_local=True)]
            case SessionTimer.OFFER_UNANSWERED:
                return [*self._modification.withdraw(504)]
            case _:
                return []

    # --- answers ---

    def _response(self, input_: ResponseReceived, now: float) -> list[Step]:
        response = input_.response
        if input_.request.method != "INVITE":
            return []  # a PRACK refused: the INVITE's own response decides
        if response.is_provisional:
            return self._provisional(response, now)
        if response.is_success:
            return self._success(response, now)
        if self.state in (State.CALLING, State.PROCEEDING):
            again = self._attempts.after(response, is_local=input_.is_local, entropy=self._usage.entropy)
            if again:
                self.state = State.CALLING
                return [*self._modification.withdraw(487), *self._send(now)]
        return self._refused(response, is_local=input_.is_local)

    def _provisional(self, response: Response, now: float) -> list[Step]:
        steps: list[Step] = [*_HOP_TIMERS]
        if self.state is State.CALLING:
            self.state = State.PROCEEDING
        elif self.state is State.CANCEL_WANTED:
            steps += self._send_cancel(now)
        if response.status == 100:
            return steps
        early = self._early_dialog(response)
        if early is not None:
            if early.is_out_of_order(response):
                return steps
            prack = early.acknowledge(response)
            if prack is not None:
                steps.append(SendRequest(prack))
            early.description = response.body or early.description
            if reliable_number(response) is not None and response.body and early.exchange.they_owe:
                early.exchange.handle(Act.RECEIVE_ANSWER, response.body)
        return [*steps, report(Provisional(response))]

    def _early_dialog(self, response: Response) -> EarlyDialog | None:
        tag = response.to.tag
        if tag is None:
            return None
        early = self._early.get(tag)
        if early is None:
            if len(self._early) >= MAX_FORKS:
                return None
            dialog = Dialog.of_client(self._attempts.invite, response)
            early = self._early[tag] = EarlyDialog(dialog, self._offered.fork())
        else:
            early.dialog.refresh_target(response)
        self._usage.dialog, self._usage.offer_answer = early.dialog, early.exchange
        self._usage.note_capabilities(response)
        return early

    def _success(self, response: Response, now: float) -> list[Step]:
        """§13.2.2.4: the dialog is confirmed; ACK at once, unless our story owes the answer in it."""
        invite = self._attempts.invite
        early = self._early.get(response.to.tag or "")
        dialog = Dialog.of_client(invite, response) if early is None else early.dialog
        dialog.confirm(response)
        usage = self._usage
        usage.dialog = dialog
        usage.offer_answer = self._offered.fork() if early is None else early.exchange
        usage.note_capabilities(response)
        was_cancelled = self.state in (State.CANCEL_WANTED, State.CANCELLING)
        self.state = State.OVER
        if was_cancelled:
            hang_up = self._hang_up or HangUp(None, ())
            extra = (("Reason", hang_up.reason),) if hang_up.reason else ()
            ended = Ended(Party.LOCAL, 487, "cancelled; the 200 that crossed the CANCEL was hung up")
            terminating = Terminating(usage, TerminationStep.BYE_ANSWER, None, (*extra, *hang_up.headers))
            return [*_STOP_TIMERS, SendAck(dialog.acknowledge(invite)), report(ended), Become(terminating)]
        exchange = usage.offer_answer
        answer = response.body or (b"" if early is None else early.description)
        is_settled = early is not None and early.exchange.was_modified
        if answer and exchange.they_owe:
            exchange.handle(Act.RECEIVE_ANSWER, answer)
        elif response.body and not invite.body and exchange.may_offer and not exchange.remote:
            exchange.handle(Act.RECEIVE_OFFER, response.body)
        acks: list[Effect] = [] if exchange.we_owe else [SendAck(dialog.acknowledge(invite))]
        timers = usage.timers.answered(read_session_expires(response), by=Refresher.UAC, now=now)
        established = Established(usage, self._modification, invite, None)
        return [
            *_STOP_TIMERS,
            *acks,
            *timers,
            report(Accepted(response, answer, is_settled)),
            Become(established),
        ]

    def _refused(self, response: Response, *, is_local: bool) -> list[Step]:
        was_cancelled = self.state in (State.CANCEL_WANTED, State.CANCELLING)
        self.state = State.OVER
        by = Party.LOCAL if was_cancelled else party_of(is_local=is_local)
        status = 487 if was_cancelled and is_local else response.status
        ended = Ended(by, status, response.reason, response.headers)
        return [*self._modification.withdraw(487), report(Refused(response, is_local)), report(ended), FINISH]

    # --- hanging up ---

    def _cancel(self, command: HangUp, now: float) -> list[Step]:
        match self.state:
            case State.RESOLVING:
                self.state = State.CANCEL_WANTED
                return self._refused(Response(487, REASONS[487]), is_local=True)
            case State.CALLING:
                # §9.1: wait for the provisional response; timer B bounds the wait.
                self._hang_up = command
                self.state = State.CANCEL_WANTED
                return [*_HOP_TIMERS]
            case State.PROCEEDING:
                self._hang_up = command
                return [*self._send_cancel(now)]
            case State.CANCEL_WANTED | State.CANCELLING | State.OVER:
                return []
            case _:
                assert_never(self.state)

    def _send_cancel(self, now: float) -> list[Effect]:
        self.state = State.CANCELLING
        hang_up = self._hang_up or HangUp(None, ())
        extra = (("Reason", hang_up.reason),) if hang_up.reason else ()
        return [
            SendCancel(self._attempts.invite, (*extra, *hang_up.headers)),
            StartTimer(SessionTimer.CANCEL_UNANSWERED, now + T1_64),
        ]

    # --- requests of the peer in an early dialog ---

    def _request(self, input_: RequestReceived, now: float) -> list[Step]:
        request, usage = input_.request, self._usage
        early = self._early.get(request.from_.tag or "")
        if early is None:
            return [usage.respond(input_.handle, request, 481)]
        usage.dialog, usage.offer_answer = early.dialog, early.exchange
        try:
            early.dialog.receive(request)
        except RemoteProtocolError as error:
            return [usage.respond(input_.handle, request, error.status_hint)]
        match request.method:
            case "UPDATE":
                return [*self._modification.received(input_, now)]
            case "INVITE":  # not before our INVITE is answered (§14.1)
                return [usage.respond(input_.handle, request, 491)]
            case "INFO":
                answer, info = usage.answer_info(input_.handle, request)
                return [answer, report(info)] if info else [answer]
            case "BYE":
                return self._left(input_)
            case _:
                return [usage.unexpected(input_.handle, request)]

    def _left(self, input_: RequestReceived) -> list[Step]:
        """A BYE in place of a final response: that phone is gone; with it the INVITE, unless another fork rings.

        §15 forbids it to a called side, and B2BUAs do it.
        """
        request = input_.request
        answer = self._usage.respond(input_.handle, request, 200)
        del self._early[request.from_.tag or ""]
        if self._early or self.state is not State.PROCEEDING:
            return [answer]
        invite = self._attempts.invite
        self.state = State.OVER
        self._usage.is_given_up = True
        refusal = Response(487, reason_of(request, "the called party hung up while it rang"))
        return [
            answer,
            *self._modification.withdraw(487),
            SendCancel(invite),
            AbandonInvite(invite),
            report(Refused(refusal, local=False)),
            report(Ended(Party.REMOTE, 487, refusal.reason, request.headers)),
            FINISH,
        ]


_STOP_TIMERS = (
    StopTimer(SessionTimer.MAX_RINGING),
    StopTimer(SessionTimer.NEXT_HOP),
    StopTimer(SessionTimer.CANCEL_UNANSWERED),
)
