"""The called side until it is answered: RFC 3261 §13.3, §9.2 (CANCEL), RFC 3262 §3 (reliable provisionals).

::

    RINGING ──accept, but a reliable 1xx with a body has no PRACK yet──> ACCEPTING ──PRACK──> Established
       │ ──accept──> Established
       └── refuse, hang up, CANCEL, BYE, no PRACK ──> OVER
"""

from enum import StrEnum
from typing import assert_never

from callapi.sip.errors import LocalProtocolError, RemoteProtocolError
from callapi.sip.events import AnswerReceived, Ended, Party
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
from callapi.sip.invite_session.effects import Effect, SessionTimer, report
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
from callapi.sip.invite_session.prack import OPTION, ReliableSender
from callapi.sip.invite_session.repeat import success_repeater
from callapi.sip.invite_session.session_timer import Refresher, answer_to, put_into
from callapi.sip.invite_session.usage import Usage, reason_of
from callapi.sip.messages.message import Request
from callapi.sip.outputs import FINISH, Handle, StartTimer, StopTimer, TimerFired

KEEP_RINGING_EVERY = 60.0  # §13.3.1.1


class State(StrEnum):
    """Where the INVITE stands."""

    RINGING = "ringing"
    ACCEPTING = "accepting"
    OVER = "over"


class Ringing:
    """The first phase of an inbound session."""

    __slots__ = ("_accept", "_handle", "_invite", "_modification", "_reliable", "_rung", "_usage", "state")

    def __init__(self, usage: Usage, invite: Request, handle: Handle) -> None:
        self.state = State.RINGING
        self._usage = usage
        self._invite = invite
        self._handle = handle
        self._reliable = ReliableSender(handle, invite, usage.entropy())
        self._modification = Modification(usage)
        self._rung: Ring | None = None
        self._accept: Accept | None = None

    def handle(self, input_: Input, now: float) -> list[Step]:
        """One input of the called side."""
        match input_:
            case Begin():
                return self._begin()
            case RequestReceived():
                return self._request(input_, now)
            case CancelReceived(request):
                return self._cancelled(request)
            case TimerFired(timer):
                return self._timer(SessionTimer(timer), now)
            case Ring() | Accept() | Refuse() | HangUp():
                return self._command(input_, now)
            case AnswerOffer() | RefuseOffer():
                return [*self._modification.answer(input_, now)]
            case Offer() | SendInfo() | Acknowledge():
                raise LocalProtocolError(f"{type(input_).__name__}: the INVITE is not answered yet")
            case AckReceived() | ResponseReceived() | Resolved() | InviteOver():
                return []
            case _:
                assert_never(input_)

    def flow_lost(self) -> list[Step]:
        """As `Phase`: the caller is gone."""
        respond = self._usage.respond(self._handle, self._invite, 487)
        return self._over(respond, Ended(Party.REMOTE, 487, "the caller's connection closed"))

    def _begin(self) -> list[Step]:
        self._usage.note_capabilities(self._invite)
        if self._invite.body:
            self._usage.offer_answer.handle(Act.RECEIVE_OFFER, self._invite.body)
        return []

    # --- the story ---

    def _command(self, command: Ring | Accept | Refuse | HangUp, now: float) -> list[Step]:
        match command:
            case HangUp(reason, headers):
                extra = (("Reason", reason),) if reason else ()
                return self._finish(603, None, (*extra, *headers))
            case _ if self.state is State.ACCEPTING:
                raise LocalProtocolError("the INVITE was accepted already")
            case Ring():
                return [*self._ring(command, now)]
            case Accept():
                if self._reliable.holds_description:
                    # RFC 3262 §3: no 2xx before the PRACK of a reliable response with a description.
                    self.state = State.ACCEPTING
                    self._accept = command
                    return []
                return self._succeed(command, now)
            case Refuse(status, reason, headers):
                return self._finish(status, reason, headers)
            case _:
                assert_never(command)

    def _ring(self, ring: Ring, now: float) -> list[Effect]:
        self._rung = ring
        respond = self._usage.respond(
            self._handle, self._invite, ring.status, reason=ring.reason, body=ring.body, headers=ring.headers
        )
        keep = StartTimer(SessionTimer.KEEP_RINGING, now + KEEP_RINGING_EVERY)
        wants = OPTION in self._invite.require or (OPTION in self._invite.supported and bool(ring.body))
        if not wants:
            return [respond, keep]
        if ring.body:
            self._describe(ring.body)
        return [*self._reliable.send(respond.response, now), keep]

    def _describe(self, body: bytes) -> None:
        """A description went out for good: it is our answer, or our offer; a second one counts for nothing."""
        exchange = self._usage.offer_answer
        if exchange.we_owe:
            exchange.handle(Act.SEND_ANSWER, body)
        elif not self._invite.body and exchange.may_offer and not exchange.local:
            exchange.handle(Act.SEND_OFFER, body)

    def _succeed(self, accept: Accept, now: float) -> list[Step]:
        self.state = State.OVER
        if accept.body:
            self._describe(accept.body)
        respond = self._usage.respond(
            self._handle, self._invite, 200, body=accept.body, headers=accept.headers
        )
        agreed = answer_to(self._invite, self._usage.settings.session_expires)
        put_into(respond.response, agreed)
        self._usage.confirmed_dialog().is_confirmed = True
        repeater = success_repeater(self._handle, respond.response)
        return [
            *self._reliable.stop(),
            StopTimer(SessionTimer.KEEP_RINGING),
            *repeater.begin(now),
            *self._usage.timers.answered(agreed, by=Refresher.UAS, now=now),
            Become(Established(self._usage, self._modification, self._invite, repeater)),
        ]

    def _finish(self, status: int, reason: str | None, headers: tuple[tuple[str, str], ...]) -> list[Step]:
        respond = self._usage.respond(self._handle, self._invite, status, reason=reason, headers=headers)
        ended = Ended(Party.LOCAL, status, respond.response.reason, respond.response.headers)
        return self._over(respond, ended)

    def _over(self, respond: Effect, ended: Ended) -> list[Step]:
        self.state = State.OVER
        return [*self._reliable.stop(), *self._modification.withdraw(487), respond, report(ended), FINISH]

    # --- the peer ---

    def _cancelled(self, cancel: Request) -> list[Step]:
        """§9.2: no final response was given yet, so there is one now."""
        respond = self._usage.respond(self._handle, self._invite, 487)
        reason = reason_of(cancel, "the caller gave up")
        return self._over(respond, Ended(Party.REMOTE, 487, reason, cancel.headers))

    def _request(self, input_: RequestReceived, now: float) -> list[Step]:
        request = input_.request
        try:
            self._usage.confirmed_dialog().receive(request)
        except RemoteProtocolError as error:
            return [self._usage.respond(input_.handle, request, error.status_hint)]
        match request.method:
            case "PRACK":
                return self._prack(input_, now)
            case "UPDATE":
                return [*self._modification.received(input_, now)]
            case "BYE":  # §15: a caller may leave an early dialog by BYE
                answer = self._usage.respond(input_.handle, request, 200)
                refusal = self._usage.respond(self._handle, self._invite, 487)
                reason = reason_of(request, "the caller hung up")
                return [answer, *self._over(refusal, Ended(Party.REMOTE, 487, reason, request.headers))]
            case "INVITE":  # §14.2: a second INVITE before the final response to the first
                pause = (("Retry-After", str(int(self._usage.entropy() * 11))),)
                return [self._usage.respond(input_.handle, request, 500, headers=pause)]
            case "INFO":
                answer, info = self._usage.answer_info(input_.handle, request)
                return [answer, report(info)] if info else [answer]
            case _:
                return [self._usage.unexpected(input_.handle, request)]

    def _prack(self, input_: RequestReceived, now: float) -> list[Step]:
        request = input_.request
        acknowledged = self._reliable.acknowledge(request, now)
        if acknowledged is None:
            return [self._usage.respond(input_.handle, request, 481)]
        if request.body and self._usage.offer_answer.they_owe:
            self._usage.offer_answer.handle(Act.RECEIVE_ANSWER, request.body)
            ok = self._usage.respond(input_.handle, request, 200)
            steps: list[Step] = [ok, *acknowledged, report(AnswerReceived(request.body))]
        else:
            steps = [*self._modification.received(input_, now), *acknowledged]
        if self._accept is not None and not self._reliable.holds_description:
            steps += self._succeed(self._accept, now)
        return steps

    def _timer(self, timer: SessionTimer, now: float) -> list[Step]:
        match timer:
            case SessionTimer.KEEP_RINGING if self._rung is not None:
                return [*self._ring(Ring(self._rung.status, self._rung.reason, b"", ()), now)]
            case SessionTimer.REPEAT_PROVISIONAL:
                return [*self._reliable.repeat(now)]
            case SessionTimer.PROVISIONAL_UNACKNOWLEDGED:
                # RFC 3262 §3: reject the request with a 5xx.
                respond = self._usage.respond(self._handle, self._invite, 504)
                return self._over(respond, Ended(Party.NETWORK, 504, "no PRACK came", None))
            case SessionTimer.OFFER_UNANSWERED:
                return [*self._modification.withdraw(504)]
            case _:
                return []
