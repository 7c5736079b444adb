"""A leg: one SIP session and one media stream, joined by their offers and answers.

The session knows who owes an answer, `MediaNegotiation` what the bodies mean, the stream where packets go. A leg puts
the three together and reports to its call what matters: it rang, it was answered, it ended. Re-offers of the peer
(hold, a new address, another codec) are settled here and never leave their own leg.
"""

import logging
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from callapi.calls.one_shot import first_of
from callapi.calls.status import best_of, status_of_code
from callapi.media import AudioStream, MediaNegotiation, MediaPlane, NotAcceptable, VideoFormat, VideoStream
from callapi.sip import (
    Accepted,
    AnswerReceived,
    Confirmed,
    Ended,
    InboundSession,
    InfoReceived,
    OfferReceived,
    OfferRequested,
    OutboundSession,
    Party,
    Provisional,
    Response,
    Session,
    SessionEvent,
)

log = logging.getLogger(__name__)

_WARNING_AGENT: Final = "callapi"


class Rang(Struct, frozen=True):
    """A 180 or 183 came from the called phone; `has_audio`: with early media."""

    response: Response
    has_audio: bool


class Answered(Struct, frozen=True):
    """The called phone's 2xx came and media can flow."""

    response: Response


class Dtmf(Struct, frozen=True):
    """A digit that came as SIP INFO."""

    digit: str


Attempt = tuple[OutboundSession, MediaNegotiation]
"""An INVITE that was sent, and what it offered."""
LegEvent = Rang | Answered | Dtmf | Ended


def warning(problem: NotAcceptable) -> tuple[str, str]:
    """The `Warning` header of a 488 (RFC 3261 §20.43)."""
    return ("Warning", f'{problem.warning_code} {_WARNING_AGENT} "{problem.text}"')


class Leg:
    """One party's end of a call. Whoever made it must `close()` it.

    A called party may be reachable in several ways (`further`, made as they are asked for): while one after the other
    cannot serve the call and none has rung, the leg turns to the next, and its call notices nothing. It may also ring
    in several places at once (`beside`): the first to answer is the party, the others are cancelled, and their call is
    told of the best failure only when all have failed. Their early audio is left out: it would be that of several.
    """

    __slots__ = (
        "_answer",
        "_beside",
        "_failures",
        "_further",
        "_has_rung",
        "_negotiation",
        "session",
        "stream",
        "video",
    )

    def __init__(
        self,
        session: Session,
        stream: AudioStream,
        negotiation: MediaNegotiation,
        video: VideoStream | None = None,
        further: Iterator[Attempt] | None = None,
        beside: Sequence[Attempt] = (),
    ) -> None:
        self._further = further or iter(())
        self._beside = list(beside)
        self._failures: list[tuple[Ended, Session]] = []
        self._has_rung = False
        self.session = session
        self.stream = stream
        self.video = video
        self._negotiation = negotiation
        self._answer = b""

    def prepare_answer(self, offer: bytes) -> None:
        """Settle the offer of an inbound INVITE; empty: our own offer goes into the 200.

        Raises:
            NotAcceptable: no codec in common, or nothing that could be an offer.
        """
        if not offer:
            self._answer = self._negotiation.make_offer()
            return
        self._answer = self._negotiation.receive_offer(offer)
        self._configure()

    @property
    def offered_video(self) -> tuple[VideoFormat, ...]:
        """The video formats of the peer's last offer."""
        return self._negotiation.offered_video

    def accept_video(self, plane: MediaPlane) -> None:
        """Take the video that the peer offered: in the answer still to be sent, or by a re-INVITE.

        Raises:
            PortsExhausted: no port is free for it.
        """
        if self.video is not None or not self.offered_video:
            return
        self.video = plane.open_video()
        self._negotiation.relay_video(self.video.local.port, self.offered_video)
        if self.session.is_answered:
            self.session.offer(self._negotiation.make_offer())
        else:
            self.prepare_answer(self.session.request.body)

    @property
    def is_answered(self) -> bool:
        """Whether the INVITE has its 2xx, from either side."""
        return self.session.is_answered

    def ring(self) -> None:
        """180 to an inbound caller."""
        if isinstance(self.session, InboundSession) and not self.session.is_answered:
            self.session.ring()

    def offer_early_media(self) -> None:
        """183 with our answer: from now on the unanswered caller hears what its stream is sent."""
        if isinstance(self.session, InboundSession) and not self.session.is_answered:
            self.session.ring(183, body=self._answer)

    def answer(self) -> None:
        """200 to an inbound caller; nothing if that was done."""
        if isinstance(self.session, InboundSession) and not self.session.is_answered:
            self.session.accept(self._answer)

    def hang_up(self) -> None:
        """End the session by whatever message is due, and try no other way."""
        self._further = iter(())
        for session, _ in self._beside:
            session.hang_up()
        self.session.hang_up()

    def leave(self) -> None:
        """Wait no longer for a far side that was hung up: `Ended` comes now, without a status."""
        self._beside.clear()
        self._failures.clear()
        self.session.leave()

    def close(self) -> None:
        """Free the ports. The session lives on in its own room until its last message was said."""
        self.stream.close()
        if self.video is not None:
            self.video.close()

    async def next_event(self) -> LegEvent:
        """The next thing that happens on this leg; `Ended` is the last. Safe to cancel."""
        while True:
            if self._beside:
                await self._turn_to_whoever_speaks()
            event = await self.session.next_event()
            if isinstance(event, Ended):
                if self._turns_to_another(event) or self._rings_on(event):
                    continue
                return self._best_failure(event)
            told = (
                self._of_our_invite(event)
                if isinstance(event, Provisional | Accepted)
                else self._within(event)
            )
            if told is not None:
                return told

    async def _turn_to_whoever_speaks(self) -> None:
        """Make that phone's session the leg's own which has something to tell."""
        current = self.session
        if not current.has_event:
            await first_of(*(each.wait_for_event() for each in (current, *(way[0] for way in self._beside))))
        if not current.has_event and isinstance(current, OutboundSession):
            place = next(place for place, way in enumerate(self._beside) if way[0].has_event)
            other, self._beside[place] = self._beside[place], (current, self._negotiation)
            self.session, self._negotiation = other

    def _rings_on(self, ended: Ended) -> bool:
        """Whether another phone of the party still rings, now that this one does not."""
        if not self._beside:
            return False
        self._failures.append((ended, self.session))
        self.session, self._negotiation = self._beside.pop(0)
        if not self._beside:
            self._configure()
        return True

    def _best_failure(self, ended: Ended) -> Ended:
        """What is told of several phones when the last of them has ended, unanswered."""
        if self._failures and not self.is_answered:
            failures = [*self._failures, (ended, self.session)]
            statuses = [status_of_code(each.status) for each, _ in failures]
            ended, self.session = failures[statuses.index(best_of(statuses))]
        return ended

    def _wins(self) -> None:
        """The phone that has just answered is the party."""
        if not self._beside:
            return
        for session, _ in self._beside:
            session.hang_up()
        self._beside.clear()
        self._configure()

    def _turns_to_another(self, ended: Ended) -> bool:
        status = ended.status or 0
        # 401, 407: this way does not take our credentials, which says nothing of the called party
        is_unserved = status in {401, 407, 408} or 500 <= status < 600
        if not is_unserved or self._has_rung or self.is_answered or ended.by is Party.LOCAL:
            return False
        way = next(self._further, None)
        if way is None:
            return False
        log.info("call-id %s: %d %s; the next way is tried", self.session.call_id, status, ended.reason)
        self.session, self._negotiation = way
        return True

    def _of_our_invite(self, event: Provisional | Accepted) -> LegEvent | None:
        response = event.response
        if isinstance(event, Accepted):
            if not self._accept(response):
                return None
            self._wins()
            return Answered(response)
        self._has_rung = self._has_rung or response.status >= 180
        if response.status in {180, 183}:
            has_audio = bool(response.body) and self._take_answer(response.body)
            return Rang(response, has_audio and not self._beside)
        return None

    def _within(self, event: SessionEvent) -> LegEvent | None:
        match event:
            case Confirmed(body) | AnswerReceived(body) if body:
                self._take_answer(body)
            case OfferReceived(body):
                self._settle(body)
            case OfferRequested():
                self.session.answer_offer(self._negotiation.make_offer())
            case InfoReceived(content_type, body) if digit := dtmf_of_info(content_type, body):
                return Dtmf(digit)
        return None

    def _accept(self, response: Response) -> bool:
        """Whether there is an answer to our offer; one in a 183 before a 200 without a body counts too."""
        is_usable = self._take_answer(response.body) if response.body else self._negotiation.audio is not None
        if not is_usable:
            self.session.hang_up(reason='SIP;cause=488;text="no audio that can be used"')
        return is_usable

    def _take_answer(self, body: bytes) -> bool:
        try:
            self._negotiation.receive_answer(body)
        except NotAcceptable as problem:
            log.info("call-id %s: unusable answer: %s", self.session.call_id, problem.text)
            return False
        if not self._beside:
            self._configure()
        return True

    def _settle(self, offer: bytes) -> None:
        """Answer a re-offer; a refused one leaves the session as it was (RFC 3261 §14.2)."""
        try:
            answer = self._negotiation.receive_offer(offer)
        except NotAcceptable as problem:
            self.session.refuse_offer(488, headers=(warning(problem),))
            return
        self.session.answer_offer(answer)
        self._configure()

    def _configure(self) -> None:
        if self._negotiation.audio is not None:
            self.stream.configure(self._negotiation.audio)
        if self.video is not None and self._negotiation.video is not None:
            self.video.configure(self._negotiation.video)

    def __repr__(self) -> str:
        direction = "inbound" if isinstance(self.session, InboundSession) else "outbound"
        return f"<Leg {direction} {self.session.call_id} {'answered' if self.is_answered else 'early'}>"


def dtmf_of_info(content_type: str, body: bytes) -> str | None:
    """The digit in an INFO body: `application/dtmf-relay` (`Signal=5`) or `application/dtmf` (`5`)."""
    kind = content_type.partition(";")[0].strip().lower()
    text = body.decode("ascii", "replace")
    if kind == "application/dtmf-relay":
        fields = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        text = fields.get("Signal", fields.get("Signal ", ""))
    elif kind != "application/dtmf":
        return None
    digit = text.strip().upper()
    digit = {"10": "*", "11": "#"}.get(digit, digit)
    return digit if len(digit) == 1 and digit in "0123456789*#ABCD" else None


def final_response(session: Session) -> Response | None:
    """The final response of the INVITE that we sent, if one came."""
    return session.final if isinstance(session, OutboundSession) else None
