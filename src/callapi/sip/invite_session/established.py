"""A session that was answered: ACK (RFC 3261 §13.2.2.4, §13.3.1.4), BYE (§15), offers, session timer.

::

    called:  UNCONFIRMED ──ACK──> CONFIRMED
    caller:  UNACKNOWLEDGED ──acknowledge(answer)──> CONFIRMED, or CONFIRMED from the start
    any:     ──BYE received, peer lost──> OVER      ──hang up, no ACK, timer expired──> Terminating
"""

from enum import StrEnum
from typing import assert_never

from callapi.sip.errors import LocalProtocolError, RemoteProtocolError
from callapi.sip.events import Confirmed, Ended, Party
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
from callapi.sip.invite_session.effects import Effect, SendAck, SessionTimer, report
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
from callapi.sip.invite_session.repeat import Repeater
from callapi.sip.invite_session.terminating import Terminating, TerminationStep
from callapi.sip.invite_session.usage import Usage, reason_of, with_body
from callapi.sip.messages.message import Request, Response
from callapi.sip.outputs import FINISH, SendRequest, TimerFired

_DIALOG_GONE = frozenset({408, 481})  # §12.2.1.2


class State(StrEnum):
    """Who still owes the ACK of the INVITE."""

    UNCONFIRMED = "unconfirmed"  # the peer does
    UNACKNOWLEDGED = "unacknowledged"  # our story does: its answer goes into it
    CONFIRMED = "confirmed"
    OVER = "over"


class Established:
    """The phase between the 2xx and the BYE."""

    __slots__ = ("_invite", "_modification", "_repeater", "_usage", "state")

    def __init__(
        self, usage: Usage, modification: Modification, invite: Request, repeater: Repeater | None
    ) -> None:
        self._usage = usage
        self._modification = modification
        self._invite = invite
        self._repeater = repeater
        if repeater is not None:
            self.state = State.UNCONFIRMED
        else:
            owes = usage.offer_answer.we_owe
            self.state = State.UNACKNOWLEDGED if owes else State.CONFIRMED

    def handle(self, input_: Input, now: float) -> list[Step]:
        """One input of an answered session."""
        match input_:
            case RequestReceived():
                return self._request(input_, now)
            case AckReceived(request):
                return [*self._acked(request)]
            case ResponseReceived():
                return self._response(input_, now)
            case CancelReceived(_, handle):
                return self._cancelled(handle)
            case TimerFired(timer):
                return self._timer(SessionTimer(timer), now)
            case Offer() | AnswerOffer() | RefuseOffer() | Acknowledge() | SendInfo() | HangUp():
                return self._command(input_, now)
            case Ring() | Accept() | Refuse():
                raise LocalProtocolError(f"{type(input_).__name__}: the INVITE was answered already")
            case Begin() | Resolved() | InviteOver():
                return []
            case _:
                assert_never(input_)

    def flow_lost(self) -> list[Step]:
        """As `Phase`."""
        return self._lost(None, "the peer's connection closed")

    # --- the story ---

    def _command(
        self, command: Offer | AnswerOffer | RefuseOffer | Acknowledge | SendInfo | HangUp, now: float
    ) -> list[Step]:
        match command:
            case Offer(body):
                is_ready = self.state is State.CONFIRMED
                return [*(self._modification.offer(body) if is_ready else self._modification.defer(body))]
            case AnswerOffer() | RefuseOffer():
                return [*self._modification.answer(command, now)]
            case Acknowledge(body):
                return [*self._acknowledge(body)]
            case SendInfo(content_type, body):
                return [self._info(content_type, body)]
            case HangUp(reason, headers):
                extra = (("Reason", reason),) if reason else ()
                return self._leave(Ended(Party.LOCAL, 200, reason or "hung up here"), (*extra, *headers))
            case _:
                assert_never(command)

    def _acknowledge(self, body: bytes) -> list[Effect]:
        if self.state is not State.UNACKNOWLEDGED or self._usage.dialog is None:
            raise LocalProtocolError("no ACK is owed")
        self._usage.offer_answer.handle(Act.SEND_ANSWER, body)
        self.state = State.CONFIRMED
        ack = with_body(self._usage.dialog.acknowledge(self._invite), body)
        return [SendAck(ack), *self._modification.send_deferred()]

    def _info(self, content_type: str, body: bytes) -> Effect:
        info = self._usage.confirmed_dialog().request("INFO")
        info.headers.add("Content-Type", content_type)
        info.body = body
        return SendRequest(info)

    def _leave(self, ended: Ended, headers: tuple[tuple[str, str], ...] = ()) -> list[Step]:
        """Report the end at once (§15.1.1); what the peer is still owed is sent afterwards."""
        steps: list[Step] = [*self._modification.withdraw(487), report(ended)]
        if self.state is State.UNACKNOWLEDGED:
            steps.append(SendAck(self._usage.confirmed_dialog().acknowledge(self._invite)))
        waiting = TerminationStep.ACK if self.state is State.UNCONFIRMED else TerminationStep.BYE_ANSWER
        self.state = State.OVER
        repeater = self._repeater if waiting is TerminationStep.ACK else None
        return [*steps, Become(Terminating(self._usage, waiting, repeater, headers))]

    def _lost(self, response: Response | None, reason: str) -> list[Step]:
        """The peer does not know the dialog any more, or is silent; a BYE is sent anyway (§12.2.1.2)."""
        headers = None if response is None else response.headers
        return self._leave(Ended(Party.NETWORK, 200, reason, headers))

    # --- the peer ---

    def _request(self, input_: RequestReceived, now: float) -> list[Step]:
        request, usage = input_.request, self._usage
        try:
            usage.confirmed_dialog().receive(request)
        except RemoteProtocolError as error:
            return [usage.respond(input_.handle, request, error.status_hint)]
        match request.method:
            case "BYE":
                return self._bye(input_)
            case "INVITE" if self.state is not State.CONFIRMED:
                # The ACK is on its way, or our story is late with it: the peer tries again after a 491.
                return [usage.respond(input_.handle, request, 491)]
            case "INVITE" | "UPDATE":
                return [*self._modification.received(input_, now)]
            case "INFO":
                answer, info = usage.answer_info(input_.handle, request)
                return [answer, report(info)] if info else [answer]
            case "PRACK":  # of a 1xx that our 2xx has overtaken (RFC 3262 §3)
                return [usage.respond(input_.handle, request, 200)]
            case _:
                return [usage.unexpected(input_.handle, request)]

    def _bye(self, input_: RequestReceived) -> list[Step]:
        """§15.1.2: a request of the peer that is still open gets a 487."""
        self.state = State.OVER
        ended = Ended(
            Party.REMOTE, 200, reason_of(input_.request, "the peer hung up"), input_.request.headers
        )
        return [
            *self._modification.withdraw(487),
            self._usage.respond(input_.handle, input_.request, 200),
            report(ended),
            FINISH,
        ]

    def _acked(self, ack: Request) -> list[Effect]:
        if self.state is not State.UNCONFIRMED:
            return self._modification.acknowledged(ack)
        if self._repeater is None or ack.cseq.number != self._invite.cseq.number:
            return []
        effects = self._repeater.end()
        self._repeater = None
        self.state = State.CONFIRMED
        if self._usage.offer_answer.they_owe:
            self._usage.offer_answer.handle(Act.RECEIVE_ANSWER if ack.body else Act.REFUSE, ack.body)
        return [*effects, report(Confirmed(ack.body)), *self._modification.send_deferred()]

    def _cancelled(self, handle: object) -> list[Step]:
        """A CANCEL of a re-INVITE that our story has not answered; any other comes too late (§9.2)."""
        return [*self._modification.withdraw(487)] if self._modification.is_asked_by(handle) else []

    def _response(self, input_: ResponseReceived, now: float) -> list[Step]:
        response = input_.response
        if input_.request.method in ("INFO", "INVITE", "UPDATE") and response.status in _DIALOG_GONE:
            why = "the peer does not answer" if input_.is_local else f"{response.status} {response.reason}"
            return self._lost(response, why)
        if input_.request.method in ("INVITE", "UPDATE"):
            return [*self._modification.responded(input_, now)]
        return []

    def _timer(self, timer: SessionTimer, now: float) -> list[Step]:
        match timer:
            case SessionTimer.REPEAT_SUCCESS:
                if self._repeater is not None:
                    return [*self._repeater.again(now)]
                return [*self._modification.repeat(now)]
            case SessionTimer.SUCCESS_UNACKNOWLEDGED:
                # §13.3.1.4, §14.2: the dialog is confirmed, but the session should be terminated.
                self.state = State.CONFIRMED
                return self._lost(None, "no ACK came")
            case SessionTimer.RETRY_OFFER:
                return [*self._modification.retry()]
            case SessionTimer.OFFER_UNANSWERED:
                return [*self._modification.withdraw(504)]
            case SessionTimer.REFRESH:
                return [*self._modification.refresh(now)]
            case SessionTimer.SESSION_EXPIRES:
                return self._lost(None, "the session timer expired")
            case _:
                return []
