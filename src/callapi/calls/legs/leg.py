"""A leg: one SIP session and one media stream, joined by their offers and answers.

The session knows who owes an answer, `MediaNegotiation` what the bodies mean, the stream where packets go. A leg puts
the three together and reports to its call what matters: it rang, it was answered, it ended. Re-offers of the peer
(hold, a new address, another codec) are settled here and never leave their own leg.
"""

import logging
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from callapi.calls.legs.called_party import Attempt, CalledParty
from callapi.calls.legs.media_names import resolved
from callapi.calls.legs.reachability import unreachable
from callapi.media import AudioStream, MediaNegotiation, MediaPlane, NotAcceptable, VideoFormat, VideoStream
from callapi.sip import (
    Accepted,
    AnswerReceived,
    Confirmed,
    Ended,
    InboundRefer,
    InboundSession,
    InfoDigits,
    InfoReceived,
    OfferReceived,
    OfferRefused,
    OfferRequested,
    OutboundSession,
    Provisional,
    ReferReceived,
    Response,
    Session,
    SessionEvent,
    read_info,
)

log = logging.getLogger(__name__)

_WARNING_AGENT: Final = "callapi"


class Rang(Struct, frozen=True, gc=False):
    """A 180 or 183 came from the called phone; `has_audio`: with early media."""

    response: Response
    has_audio: bool


class Answered(Struct, frozen=True, gc=False):
    """The called phone's 2xx came and media can flow."""

    response: Response


class Dtmf(Struct, frozen=True, gc=False):
    """Digits that came as SIP INFO."""

    info: InfoDigits


class OfferUnanswered(Struct, frozen=True, gc=False):
    """An offer of ours got no answer that can be used: nothing can be heard, so the leg must be hung up."""

    reason: str


class TransferRequested(Struct, frozen=True):
    """The peer sent REFER: it must be accepted or refused."""

    refer: InboundRefer


LegEvent = TransferRequested | Rang | Answered | Dtmf | OfferUnanswered | Ended


def warning(problem: NotAcceptable) -> tuple[str, str]:
    """The `Warning` header of a 488 (RFC 3261 §20.43)."""
    return ("Warning", f'{problem.warning_code} {_WARNING_AGENT} "{problem.text}"')


class Leg:
    """One party's end of a call. Its maker must `close()` it."""

    __slots__ = ("_answer", "_is_shown", "_unread", "party", "stream", "video")

    def __init__(self, party: CalledParty, stream: AudioStream, video: VideoStream | None = None) -> None:
        self.party = party
        self.stream = stream
        self.video = video
        self._answer = b""
        self._is_shown = False
        """The answer has left, in a 183 or in the 200."""
        self._unread: SessionEvent | None = None

    @classmethod
    def of(cls, session: Session, stream: AudioStream, negotiation: MediaNegotiation) -> "Leg":
        """The leg of one session: a caller's, or a called party's that one INVITE reaches."""
        return cls(CalledParty(Attempt(session, negotiation)), stream)

    @property
    def is_lent(self) -> bool:
        """Whether session and stream are those of another call, which attends to them."""
        return False

    @property
    def is_refusable(self) -> bool:
        """Whether a final response may still refuse the call."""
        return isinstance(self.session, InboundSession) and not self.session.is_answered

    @property
    def session(self) -> Session:
        """The session that speaks for the party at the moment."""
        return self.party.current.session

    @property
    def _negotiation(self) -> MediaNegotiation:
        return self.party.current.negotiation

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

    @property
    def agreed_video(self) -> tuple[VideoFormat, ...]:
        """The video formats that the peer has accepted; none: audio alone."""
        video = self._negotiation.video
        return video.formats if video is not None and self.video is not None else ()

    def accept_video(self, plane: MediaPlane) -> None:
        """Take the video that the peer offered, in the answer if it is still to be sent.

        Raises:
            PortsExhausted: no port is free for it.
        """
        if self.video is not None or not self.offered_video:
            return
        self.video = plane.open_video(is_ipv6=":" in self.stream.local.host)
        self._negotiation.relay_video(self.video.local.port, self.offered_video)
        if not self._is_shown:
            self.prepare_answer(self.session.request.body)

    def limit_video(self, other: "Leg") -> None:
        """Let the peer send what `other` has accepted, or no video if that has none; in the answer still to be sent.

        Where an answer has left, `renew_video` follows.
        """
        if self.video is None:
            return
        formats = other.agreed_video
        self._negotiation.relay_video(self.video.local.port if formats else None, formats)
        if not self._is_shown:
            self.prepare_answer(self.session.request.body)

    def renew_video(self) -> None:
        """By a re-INVITE, if what the peer sends would not be understood at the other end, or nothing is to be sent."""
        if self.video is not None and self.session.is_answered and not self._negotiation.video_suits:
            offer = self._negotiation.make_offer()
            self._configure()
            self.session.offer(offer)

    @property
    def encryption(self) -> str | None:
        """How the audio is encrypted: `none`, `sdes`; None: no audio was agreed on."""
        return self._negotiation.encryption if self._negotiation.audio is not None else None

    @property
    def reach_note(self) -> tuple[str, str] | None:
        """Why the peer cannot send media to the address that it was given, and its host; None: no address shows it."""
        audio = self._negotiation.audio
        if audio is None or audio.remote is None or audio.ice is not None:
            return None
        host = audio.remote.host
        text = unreachable(self._negotiation.local.address, host)
        return (text, host) if text is not None else None

    @property
    def security_note(self) -> str | None:
        """Why the peer's offer was answered without the encryption that it asked for; None: it was not."""
        return self._negotiation.security_note

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
            self._is_shown = True
            self.session.ring(183, body=self._answer)

    def answer(self) -> None:
        """200 to an inbound caller; nothing if that was done."""
        if isinstance(self.session, InboundSession) and not self.session.is_answered:
            self._is_shown = True
            self.session.accept(self._answer)

    def refuse(self, code: int, headers: tuple[tuple[str, str], ...] = ()) -> None:
        """Final response to an inbound caller that `is_refusable`."""
        if isinstance(self.session, InboundSession):
            self.session.refuse(code, headers=headers)

    def hang_up(self, reason: str | None = None) -> None:
        """End the session by whatever message is due; `reason` is the value of its Reason header (RFC 3326)."""
        self.party.hang_up(reason)

    def leave(self) -> None:
        """Stop waiting for a peer that was hung up: `Ended` comes now, without a status."""
        self.party.leave()

    def close(self) -> None:
        """Free the ports. The session lives on in its own room until its last message was sent."""
        self.stream.close()
        if self.video is not None:
            self.video.close()

    async def next_event(self) -> LegEvent:
        """The next thing that happens on this leg; `Ended` is the last. Safe to cancel."""
        while True:
            several = self.party.is_ringing_several
            event = self._unread or await self.party.next_event()
            self._unread = event  # until its names are resolved: this wait may be cancelled
            event = await _with_addresses(event)
            self._unread = None
            if several and not self.party.is_ringing_several:
                self._configure()  # one phone is left: its early audio is now the party's
            if isinstance(event, Ended):
                return event
            reported = (
                self._of_our_invite(event)
                if isinstance(event, Provisional | Accepted)
                else self._within(event)
            )
            if reported is not None:
                return reported

    def _of_our_invite(self, event: Provisional | Accepted) -> LegEvent | None:
        response = event.response
        if isinstance(event, Accepted):
            stands = event.is_settled and self._negotiation.audio is not None
            if not stands and not self._accept(event.description or response.body):
                return None
            several = self.party.is_ringing_several
            self.party.answered()
            if several:
                self._configure()
            return Answered(response)
        if response.status >= 180:
            self.party.rang()
        if response.status in {180, 183}:
            has_audio = bool(response.body) and self._take_answer(response.body)
            return Rang(response, has_audio and not self.party.is_ringing_several)
        return None

    def _within(self, event: SessionEvent) -> LegEvent | None:
        match event:
            case Confirmed(body) if self._awaits_answer:
                return self._answer_to_our_offer(body)
            case AnswerReceived(body):
                return self._answer_to_our_offer(body)
            case OfferRefused(response) if response.is_success:
                return OfferUnanswered("the 200 to our re-INVITE has no session description")
            case OfferReceived(body):
                self._settle(body)
            case OfferRequested():
                offer = self._negotiation.make_offer()
                self._configure()
                self.session.answer_offer(offer)
            case ReferReceived(refer):
                return TransferRequested(refer)
            case InfoReceived(content_type, body) if (info := read_info(content_type, body)) and info.digits:
                return Dtmf(info)
        return None

    @property
    def _awaits_answer(self) -> bool:
        """Whether our 200 held an offer, since the INVITE had none, and no answer to it has come."""
        session = self.session
        is_offerless = isinstance(session, InboundSession) and not session.request.body
        return is_offerless and self._negotiation.audio is None

    def _answer_to_our_offer(self, body: bytes) -> OfferUnanswered | None:
        """RFC 3261 §13.2.2.4, §14.2: a party that does not answer our offer cannot be heard."""
        if not body:
            return OfferUnanswered("our offer was not answered: no session description came")
        if not self._take_answer(body):
            return OfferUnanswered("our offer was answered without audio that can be used")
        return None

    def _accept(self, answer: bytes) -> bool:
        """Whether the fork that accepted has answered our offer, in its 200 or in a 183 before it."""
        is_usable = bool(answer) and self._take_answer(answer)
        if not is_usable:
            self.session.hang_up(reason='SIP;cause=488;text="no audio that can be used"')
        return is_usable

    def _take_answer(self, body: bytes) -> bool:
        try:
            self._negotiation.receive_answer(body)
        except NotAcceptable as problem:
            log.info("call-id %s: unusable answer: %s", self.session.call_id, problem.text)
            return False
        if not self.party.is_ringing_several:
            self._configure()
        return True

    def _settle(self, offer: bytes) -> None:
        """Answer a re-offer; a refused one leaves the session as it was (RFC 3261 §14.2)."""
        try:
            answer = self._negotiation.receive_offer(offer)
        except NotAcceptable as problem:
            self.session.refuse_offer(488, headers=(warning(problem),))
            return
        self._configure()  # first: the peer speaks the new format as soon as it has our answer
        self.session.answer_offer(answer)

    def use_format(self, payload_type: int) -> None:
        """The peer has turned to another of the formats that it answered with: speak that one too."""
        if self._negotiation.use_format(payload_type):
            self._configure()

    def _configure(self) -> None:
        if self._negotiation.audio is not None:
            self.stream.configure(self._negotiation.audio)
        if self.video is not None and self._negotiation.video is not None:
            self.video.configure(self._negotiation.video)

    def __repr__(self) -> str:
        direction = "inbound" if isinstance(self.session, InboundSession) else "outbound"
        return f"<Leg {direction} {self.session.call_id} {'answered' if self.is_answered else 'early'}>"


async def _with_addresses(event: SessionEvent) -> SessionEvent:
    """The event, with addresses for the host names in its description."""
    match event:
        case Provisional(response) | Accepted(response) if response.body:
            response.body = await resolved(response.body)
            return event if isinstance(event, Provisional) else replace(event, description=response.body)
        case Accepted(_, description):
            return replace(event, description=await resolved(description))
        case OfferReceived(body, method):
            return OfferReceived(await resolved(body), method)
        case Confirmed(body):
            return Confirmed(await resolved(body))
        case AnswerReceived(body):
            return AnswerReceived(await resolved(body))
        case _:
            return event


def final_response(session: Session) -> Response | None:
    """The final response of the INVITE that we sent, if one came."""
    return session.final if isinstance(session, OutboundSession) else None
