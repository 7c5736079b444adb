"""Changes to a session that stands: re-INVITE (RFC 3261 §14), UPDATE (RFC 3311), offers in PRACK (RFC 3262 §5).

Both directions share one machine, because they exclude each other: one offer at a time, and a 491 for the loser
of a glare, who tries again after the random pause of §14.1.
"""

from enum import StrEnum

from callapi.sip.dialog import Dialog
from callapi.sip.errors import LocalProtocolError
from callapi.sip.events import AnswerReceived, OfferReceived, OfferRefused, OfferRequested, SessionEvent
from callapi.sip.invite_session.commands import AnswerOffer, RefuseOffer
from callapi.sip.invite_session.effects import Effect, SendAck, SessionTimer, report
from callapi.sip.invite_session.inputs import RequestReceived, ResponseReceived
from callapi.sip.invite_session.offer_answer import Act
from callapi.sip.invite_session.repeat import Repeater, success_repeater
from callapi.sip.invite_session.session_timer import (
    Refresher,
    SessionExpires,
    answer_to,
    is_too_small,
    put_into,
    read_min_se,
    read_session_expires,
)
from callapi.sip.invite_session.usage import Usage, with_body
from callapi.sip.messages.message import REASONS, Request, Response
from callapi.sip.outputs import SendRequest, StartTimer, StopTimer

MAX_GLARES = 4
OFFER_ANSWER_TIMEOUT = 10.0
"""Seconds for our own story to answer an offer; below timer F of a peer that sent an UPDATE."""
_MAX_RETRY_AFTER = 10  # §14.2, RFC 3311 §5.2: a random value of 0 to 10 seconds


class State(StrEnum):
    """Who changes the session now."""

    IDLE = "idle"
    SENT = "sent"  # our re-INVITE waits for its answer
    RETRYING = "retrying"  # it met a 491
    ASKED = "asked"  # our story owes the answer to the peer's offer
    ANSWERED = "answered"  # our 2xx to the peer's re-INVITE waits for its ACK


class Modification:
    """The machine of one dialog's re-INVITEs and UPDATEs."""

    __slots__ = ("_ack", "_asked", "_deferred", "_glares", "_is_refresh", "_repeater", "_usage", "state")

    def __init__(self, usage: Usage) -> None:
        self.state = State.IDLE
        self._usage = usage
        self._asked: RequestReceived | None = None
        self._ack: Request | None = None
        self._deferred: bytes | None = None
        self._repeater: Repeater | None = None
        self._glares = 0
        self._is_refresh = False

    # --- our offers ---

    def offer(self, body: bytes) -> list[Effect]:
        """Send a re-INVITE with an offer. An offer of the peer that crosses it refuses it (491)."""
        if self.state in (State.SENT, State.RETRYING) or self._deferred is not None:
            raise LocalProtocolError("an offer of ours is open already (RFC 3264 §4)")
        if self.state is State.ANSWERED:
            return self.defer(body)
        if self.state is not State.IDLE or not self._usage.offer_answer.may_offer:
            return [report(OfferRefused(Response(491, REASONS[491])))]
        self._glares = 0
        self._is_refresh = False
        return self._send(body)

    def defer(self, body: bytes) -> list[Effect]:
        """Keep an offer while an ACK is missing (§14.1: not while an INVITE is in progress)."""
        self._deferred = body
        return []

    def send_deferred(self) -> list[Effect]:
        """Send the offer that was kept, if there is one."""
        body, self._deferred = self._deferred, None
        return [] if body is None else self.offer(body)

    def refresh(self, now: float) -> list[Effect]:
        """Keep the session timer running: UPDATE if the peer knows it, else a re-INVITE (RFC 4028 §7.4)."""
        usage = self._usage
        if usage.peer_takes_update:
            return [SendRequest(self._timed(self._dialog.request("UPDATE")))]
        if self.state is not State.IDLE or not usage.offer_answer.may_offer:
            return usage.timers.again(now)
        self._glares = 0
        self._is_refresh = True
        return self._send(usage.offer_answer.local)

    def _send(self, body: bytes) -> list[Effect]:
        self._usage.offer_answer.handle(Act.SEND_OFFER, body)
        self.state = State.SENT
        invite = self._dialog.request("INVITE")
        return [SendRequest(with_body(self._timed(invite), body))]

    def _timed(self, request: Request) -> Request:
        headers = request.headers
        headers.set("Contact", self._usage.contact)
        headers.set("Allow", self._usage.settings.allow)
        headers.set("Supported", "timer, replaces, norefersub")
        if self._usage.timers.interval:
            headers.set("Session-Expires", f"{self._usage.timers.interval};refresher=uac")
            headers.set("Min-SE", str(self._usage.settings.min_se))
        return request

    def responded(self, input_: ResponseReceived, now: float) -> list[Effect]:
        """An answer to our re-INVITE or UPDATE, other than 408 and 481, which end the dialog."""
        response = input_.response
        if response.is_provisional:
            return []
        if response.is_success:
            self._usage.note_capabilities(response)
            self._dialog.refresh_target(response)
            timers = self._usage.timers.answered(read_session_expires(response), by=Refresher.UAC, now=now)
            if input_.request.method == "UPDATE":
                return timers
            return [*timers, *self._accepted(input_.request, response)]
        if input_.request.method == "UPDATE":
            return self._refresh_refused(response, now)
        if self.state is not State.SENT:
            return []
        if response.status == 491 and self._glares < MAX_GLARES:
            return self._wait_after_glare(now)
        return self._refused(response, now)

    def _accepted(self, invite: Request, response: Response) -> list[Effect]:
        if self.state is not State.SENT:
            # A retransmission: our ACK was lost (§13.2.2.4).
            is_same = self._ack is not None and self._ack.cseq.number == invite.cseq.number
            return [SendAck(self._ack)] if self._ack is not None and is_same else []
        self.state = State.IDLE
        self._ack = self._dialog.acknowledge(invite)
        if not response.body:
            self._usage.offer_answer.handle(Act.REFUSE)
            return [SendAck(self._ack), report(OfferRefused(response))]
        is_news = not self._is_refresh or response.body != self._usage.offer_answer.remote
        self._usage.offer_answer.handle(Act.RECEIVE_ANSWER, response.body)
        return [SendAck(self._ack), *([report(AnswerReceived(response.body))] if is_news else [])]

    def _wait_after_glare(self, now: float) -> list[Effect]:
        self._glares += 1
        self.state = State.RETRYING
        # §14.1: 2.1 to 4 s for the owner of the Call-ID, 0 to 2 s for the other, in units of 10 ms.
        units = int(self._usage.entropy() * 200)
        pause = 2.1 + 0.0095 * units if self._usage.is_caller else units / 100
        return [StartTimer(SessionTimer.RETRY_OFFER, now + pause)]

    def retry(self) -> list[Effect]:
        """The pause after a glare is over."""
        if self.state is not State.RETRYING:
            return []
        body = self._usage.offer_answer.local
        self._usage.offer_answer.handle(Act.REFUSE)
        return self._send(body)

    def _refused(self, response: Response, now: float) -> list[Effect]:
        self.state = State.IDLE
        self._usage.offer_answer.handle(Act.REFUSE)
        if self._is_refresh:
            return self._refresh_refused(response, now)
        return [report(OfferRefused(response))]

    def _refresh_refused(self, response: Response, now: float) -> list[Effect]:
        timers = self._usage.timers
        if response.status == 422:  # RFC 4028 §7.4
            timers.interval = max(timers.interval, read_min_se(response))
        if response.status in (405, 501):
            self._usage.peer_takes_update = False
        return timers.again(now)

    # --- the peer's offers ---

    def received(self, input_: RequestReceived, now: float) -> list[Effect]:
        """A re-INVITE, UPDATE or PRACK with a legal CSeq."""
        request = input_.request
        self._usage.note_capabilities(request)
        if is_too_small(request, self._usage.settings.min_se):
            return [self._respond(input_, 422, (("Min-SE", str(self._usage.settings.min_se)),))]
        if request.method != "INVITE" and not request.body:
            return self._succeed(input_, b"", now)
        effects: list[Effect] = []
        if self.state is State.RETRYING:
            # The peer was quicker: our offer's description may be out of date once theirs is answered.
            effects = [StopTimer(SessionTimer.RETRY_OFFER), *self._refused(Response(491, REASONS[491]), now)]
        if self.state is State.ASKED or (self._usage.offer_answer.we_owe and self.state is State.IDLE):
            pause = str(int(self._usage.entropy() * (_MAX_RETRY_AFTER + 1)))
            return [*effects, self._respond(input_, 500, (("Retry-After", pause),))]
        if self.state is not State.IDLE or not self._usage.offer_answer.may_offer:
            return [*effects, self._respond(input_, 491)]
        return [*effects, *self._ask(input_, now)]

    def _ask(self, input_: RequestReceived, now: float) -> list[Effect]:
        self.state = State.ASKED
        self._asked = input_
        body = input_.request.body
        event: SessionEvent = OfferRequested()
        if body:
            self._usage.offer_answer.handle(Act.RECEIVE_OFFER, body)
            event = OfferReceived(body, input_.request.method)
        return [StartTimer(SessionTimer.OFFER_UNANSWERED, now + OFFER_ANSWER_TIMEOUT), report(event)]

    def answer(self, command: AnswerOffer | RefuseOffer, now: float) -> list[Effect]:
        """What the story says to the offer; nothing, if the peer took it back meanwhile."""
        asked = self._asked
        if asked is None:
            return []
        if isinstance(command, RefuseOffer):
            return self.withdraw(command.status, command.headers)
        self._asked = None
        self.state = State.IDLE
        self._usage.offer_answer.handle(
            Act.SEND_ANSWER if asked.request.body else Act.SEND_OFFER, command.body
        )
        return [StopTimer(SessionTimer.OFFER_UNANSWERED), *self._succeed(asked, command.body, now)]

    def withdraw(self, status: int, headers: tuple[tuple[str, str], ...] = ()) -> list[Effect]:
        """The open offer of the peer comes to nothing: refused, cancelled, or the session ends."""
        asked, self._asked = self._asked, None
        if asked is None:
            return []
        self.state = State.IDLE
        if asked.request.body:
            self._usage.offer_answer.handle(Act.REFUSE)
        return [StopTimer(SessionTimer.OFFER_UNANSWERED), self._respond(asked, status, headers)]

    def is_asked_by(self, handle: object) -> bool:
        """Whether the open offer of the peer came with this transaction (which a CANCEL names)."""
        return self._asked is not None and self._asked.handle is handle

    def _succeed(self, input_: RequestReceived, body: bytes, now: float) -> list[Effect]:
        """Send the 200 with what it needs; that of an INVITE is repeated until its ACK."""
        request = input_.request
        respond = self._usage.respond(input_.handle, request, 200, body=body)
        if request.method == "PRACK":
            return [respond]
        self._dialog.refresh_target(request)
        agreed: SessionExpires | None = answer_to(request, self._usage.settings.session_expires)
        put_into(respond.response, agreed)
        timers = self._usage.timers.answered(agreed, by=Refresher.UAS, now=now)
        if request.method != "INVITE":
            return [respond, *timers]
        self.state = State.ANSWERED
        self._repeater = success_repeater(input_.handle, respond.response)
        return [*self._repeater.begin(now), *timers]

    def acknowledged(self, ack: Request) -> list[Effect]:
        """An ACK came; if it is that of our 2xx, the change is complete."""
        repeater = self._repeater
        if repeater is None or ack.cseq.number != repeater.response.cseq.number:
            return []
        self._repeater = None
        self.state = State.IDLE
        effects = repeater.end()
        if self._usage.offer_answer.they_owe:
            self._usage.offer_answer.handle(Act.RECEIVE_ANSWER if ack.body else Act.REFUSE, ack.body)
            effects.append(report(AnswerReceived(ack.body)))
        return [*effects, *self.send_deferred()]

    def repeat(self, now: float) -> list[Effect]:
        """Our 2xx to the re-INVITE is still unacknowledged."""
        return [] if self._repeater is None else self._repeater.again(now)

    def _respond(
        self, input_: RequestReceived, status: int, headers: tuple[tuple[str, str], ...] = ()
    ) -> Effect:
        return self._usage.respond(input_.handle, input_.request, status, headers=headers)

    @property
    def _dialog(self) -> Dialog:
        return self._usage.confirmed_dialog()
