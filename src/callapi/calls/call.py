"""A call: a leg, its record, and the story that runs on it.

Every call, caller's or callee's, lives in one task of its own (`live`), from its INVITE to its final record. That task
alone moves the status. What happens is published on the node's event bus; the call knows none of the subscribers.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from callapi.base.ids import CallSid
from callapi.base.task_group import TaskGroup
from callapi.calls.bridges.joined import Joined
from callapi.calls.documents.position import Position
from callapi.calls.documents.stories import Stories, Story
from callapi.calls.errors import UNUSABLE_ANSWER
from callapi.calls.events import EventBus
from callapi.calls.legs.digits import DigitBuffer, DigitSources
from callapi.calls.legs.leg import Answered, Dtmf, Leg, OfferUnanswered, Rang, TransferRequested
from callapi.calls.one_shot import OneShot
from callapi.calls.parameters import Parameters, sip_request, voice_request
from callapi.calls.problem import Problem
from callapi.calls.records.call_record import whole_seconds
from callapi.calls.records.live_record import LiveRecord
from callapi.calls.status import CallStatus, Ending, status_of_code
from callapi.calls.status_machine import (
    CallAccepted,
    CallAnswered,
    EndRequested,
    InviteSent,
    ProcessLost,
    RingingReceived,
    ScreeningRequired,
    SessionEnded,
    StatusMachine,
)
from callapi.calls.time_limit import TimeLimit
from callapi.media import (
    AudioStream,
    DigitPressed,
    FirstPacket,
    FormatUsed,
    NothingHeard,
    Recording,
    RecordOptions,
    SecurityFailed,
    Stalled,
    StreamClosed,
    StreamEvent,
)
from callapi.sip import Ended, InboundRefer, InboundSession, OutboundSession, Party, Response
from callapi.store import CallRecord
from callapi.webhooks import Cookies

log = logging.getLogger(__name__)

T = TypeVar("T")

LINGER_S: Final = 3.0
"""How long to wait for the peer to confirm the end before the record is closed anyway."""
ONE_WAY_AUDIO: Final = 60_001
MEDIA_TIMEOUT: Final = 60_002
SECURITY_FAILED: Final = 60_062
STORY_FAILED: Final = 60_003


class Call:
    """One row of the calls table while it lives. Made by `LiveCalls`."""

    __slots__ = (
        "_bound",
        "_clock",
        "_digit_sources",
        "_end_reason",
        "_limit",
        "_status",
        "_stories",
        "answered",
        "answered_at",
        "cookies",
        "digits",
        "digits_to",
        "early_media",
        "ended",
        "final_code",
        "joined",
        "joined_at",
        "leg",
        "lent_to",
        "live_record",
        "on_refer",
        "position",
        "rang",
        "redirects",
        "released",
        "sip",
    )

    def __init__(self, record: CallRecord, leg: Leg, bus: EventBus, sip: Parameters = ()) -> None:
        self._clock: Callable[[], float] = asyncio.get_running_loop().time
        self.live_record = LiveRecord(record, bus, self._clock)
        """Its record, and what the node's event bus hears of it."""
        self.leg = leg
        self.sip = sip
        """What SIP adds to the voice request."""
        self.redirects: list[str] = []
        """The addresses that 3xx responses have led to, in their order."""
        self.digits = DigitBuffer()
        self.digits_to: AudioStream | None = None
        """The stream of the party that this call is joined with: it hears digits that come as INFO."""
        self._digit_sources = DigitSources()
        self.cookies = Cookies()
        """Set by the application that runs this call, and sent back to it."""
        self.rang: OneShot[None] = OneShot()
        self.answered: OneShot[bool] = OneShot()
        """True when it was answered, False when it never will be."""
        self.ended: OneShot[Ending] = OneShot()
        self.early_media: OneShot[None] = OneShot()
        """The called phone sends audio before it is answered."""
        self.released: OneShot[None] = OneShot()
        """It ended, or a REST command gave it a story of its own: what is joined to it must part from it."""
        self.joined: Joined | None = None
        """What it is connected to at the moment."""
        self.lent_to: Call | None = None
        """The child call of an application that runs on this leg: what the party asks for is asked of that one."""
        self.joined_at = 0.0
        self.on_refer: Callable[[InboundRefer], None] | None = None
        """Decides about a REFER of this party, while it is joined with another."""
        self.position: Position | None = None
        """Where its document stands."""
        self.answered_at: float | None = None
        self.final_code: int | None = None
        """What an unanswered caller is refused with, after a Dial that failed, if its document says nothing else."""
        self._status = StatusMachine(
            CallStatus(record.status), is_inbound=isinstance(leg.session, InboundSession)
        )
        self._end_reason: str | None = None
        self._stories = Stories()
        self._bound: asyncio.TimerHandle | None = None
        self._limit: TimeLimit | None = None

    # --- what it is -------------------------------------------------------------------------------------------------

    @property
    def record(self) -> CallRecord:
        """Its record, as it stands."""
        return self.live_record.record

    @property
    def sid(self) -> CallSid:
        """The `CallSid`."""
        return self.live_record.record.sid

    @property
    def status(self) -> CallStatus:
        """Where it stands."""
        return self._status.status

    @property
    def outcome(self) -> CallStatus:
        """Its final status; of a call that our side is ending, the status that it will end with."""
        return self._status.prospect

    @property
    def final_response(self) -> Response | None:
        """The final response to the INVITE that we sent, if one came."""
        session = self.leg.session
        return session.final if isinstance(session, OutboundSession) else None

    def voice_parameters(self) -> Parameters:
        """What every request about this call carries."""
        return voice_request(self.record, self.record.status, self._sip_facts())

    def _sip_facts(self) -> Parameters:
        return (*self.sip, ("SipRedirectedTo", self.redirects[-1])) if self.redirects else self.sip

    # --- what is published of it ------------------------------------------------------------------------------------

    def notify(self, problem: Problem) -> None:
        """Raise a notification for the developer of the application."""
        self.live_record.problem(problem)

    def verb_started(self, position: Position, *, is_own: bool = True) -> None:
        """A document on this call is at `position`; `is_own`: the call's own, not one that it hears meanwhile."""
        if is_own:
            self.position = position
        self.live_record.verb_started(position)

    def join(self, joined: Joined) -> None:
        """The media plane has connected the call to `joined`."""
        self.joined = joined
        self.joined_at = self._clock()
        self.live_record.joined(joined)

    def part(self) -> None:
        """The connection is over."""
        joined, self.joined = self.joined, None
        if joined is not None:
            self.live_record.parted(joined, self._clock() - self.joined_at)

    # --- what a story may ask ---------------------------------------------------------------------------------------

    def answer(self) -> None:
        """Answer an inbound caller; nothing if that was done."""
        if not self.leg.is_answered and not self.ended.is_set:
            self.leg.answer()
            self._was_answered()

    def limit_duration(self, seconds: float) -> None:
        """End the call when it has lasted so long from its answer on, whatever runs on it then."""
        if self._limit is None:
            self._limit = TimeLimit(partial(self.hang_up, "time limit"), self.answered_at)
        self._limit.set(seconds)

    def ring_if_waiting(self) -> None:
        """Let an inbound caller hear ringing if nothing was decided about it yet."""
        if not self._status.is_ending:
            self.leg.ring()

    def require_screening(self) -> None:
        """The called party's answer does not accept the call: `accept` must follow."""
        self._status.handle(ScreeningRequired())

    def accept(self) -> None:
        """The called party accepted."""
        self._status.handle(CallAccepted())

    def hang_up(
        self, reason: str, verdict: CallStatus = CallStatus.CANCELED, *, sip_reason: str | None = None
    ) -> None:
        """End the call from our side. `verdict` is its final status if it was never answered.

        `sip_reason` is the value of the Reason header (RFC 3326) of the BYE or CANCEL.
        """
        if not self._status.is_ending:
            self._end_requested(verdict, reason)
            self.leg.hang_up(sip_reason)
            self._set_bound()

    def refuse(self, code: int, reason: str, headers: Parameters = ()) -> None:
        """Final response to an unanswered inbound caller; hangs up if it was answered."""
        if not self.leg.is_refusable:
            self.hang_up(reason)
        elif not self._status.is_ending:
            self._end_requested(status_of_code(code), reason)
            self.leg.refuse(code, headers)
            self._set_bound()

    # --- its stories ------------------------------------------------------------------------------------------------

    def run(self, story: Story) -> None:
        """Run `story` on this call in place of the present one; afterwards the call ends."""
        if not self.ended.is_set:
            self._stories.run(story)

    def redirect(self, story: Story) -> None:
        """Give this call a story of its own by force: a Dial that it belongs to parts from it first."""
        waiting, self.answered = self.answered, self.answered if self.answered.is_set else OneShot()
        waiting.set(False)
        self.accept()
        self.released.set(None)
        self.run(story)

    def run_detached(self, task: Story) -> None:
        """Run bounded work beside the story, even if that is cancelled; the call's task waits for it."""
        self._stories.run_detached(task)

    async def shielded(self, task: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of `task`, which runs to its end even if the story that waits for it is cancelled."""
        return await self._stories.shielded(task)

    def start_recording(self, path: Path, options: RecordOptions) -> Recording:
        """Record the call's stream into `path`."""
        return self.leg.stream.record(path, options)

    def end_of_story(self) -> None:
        """The document is over: an answered call is hung up, an unanswered caller hears 480."""
        self.refuse(self.final_code or 480, "end of document")

    def _story_failed(self, error: BaseException) -> None:
        log.error("%r: its story failed", self, exc_info=error)
        self.notify(Problem(STORY_FAILED, "internal error while running the document"))
        self.refuse(500, "internal error")

    # --- its life ---------------------------------------------------------------------------------------------------

    async def live(self, story: Story | None = None) -> None:
        """Attend to the leg until it has ended, then close the record. Owned by `LiveCalls`."""
        try:
            async with TaskGroup() as tasks:
                if not self.leg.is_lent:
                    self.leg.stream.hand_events_to(self._heard)
                if story is not None and not self._stories.has_first:
                    self._stories.run(story)
                self._stories.open(tasks, self.end_of_story, self._story_failed)
                self._finish(await self._attend())
                self._stories.stop()
        finally:
            if not self.ended.is_set:
                self.leg.hang_up()
                self._finish(None)
            if self._bound is not None:
                self._bound.cancel()
            if self._limit is not None:
                self._limit.close()
            self._stories.close()
            self.rang.forget()
            self._measure()
            self.leg.close()

    def _set_bound(self) -> None:
        self._bound = asyncio.get_running_loop().call_later(LINGER_S, self.leg.leave)

    async def _attend(self) -> Ended:
        while True:
            match await self.leg.next_event():
                case Rang(_, has_audio):
                    self._did_ring(has_audio=has_audio)
                case Answered(response):
                    self.sip = sip_request(self.leg.session.call_id, response.headers)
                    self._was_answered()
                case Dtmf(info):
                    for digit in self._digit_sources.by_info(info, self._clock()):
                        self.digits.put(digit)
                        self._carry_on(digit)
                case TransferRequested(refer):
                    self._transfer_requested(refer)
                case OfferUnanswered(reason):
                    self.notify(Problem(UNUSABLE_ANSWER, f"hung up: {reason}"))
                    self.hang_up(reason, sip_reason=f'SIP;cause=488;text="{reason}"')
                case Ended() as ended:
                    return ended

    def _transfer_requested(self, refer: InboundRefer) -> None:
        """A call that talks with no other party cannot be transferred: 603."""
        on_refer = (self.lent_to or self).on_refer
        if on_refer is None:
            refer.refuse(603)
        else:
            on_refer(refer)

    def _carry_on(self, digit: str) -> None:
        """Pass a digit that came as INFO on to the other party; those in RTP pass with the media."""
        digits_to = (self.lent_to or self).digits_to
        if digits_to is not None:
            with suppress(StreamClosed):
                digits_to.send_digits(digit)

    def _heard(self, event: StreamEvent) -> None:
        """An event of the media stream; called by the media plane, outside of the call's task."""
        try:
            self._happened_to_media(event)
        except StreamClosed:
            return
        except Exception as error:  # as of a story: this call alone
            self._story_failed(error)

    def _happened_to_media(self, event: StreamEvent) -> None:
        match event:
            case DigitPressed(digit, source):
                self.live_record.digit_received(source)
                if self._digit_sources.by_media(digit, self._clock()):
                    self.digits.put(digit)
            case FirstPacket(source):
                self.live_record.first_packet_received(source)
            case FormatUsed(payload_type):
                self.leg.use_format(payload_type)
            case NothingHeard(seconds):
                text = f"one-way audio: nothing was heard from {self.record.to} in {seconds:g} s"
                self.notify(Problem(ONE_WAY_AUDIO, text, is_warning=True))
            case Stalled(silence_s):
                reason = f"no RTP for {silence_s:.0f} s"
                self.notify(Problem(MEDIA_TIMEOUT, f"media timeout: {reason}"))
                self.hang_up(reason)
            case SecurityFailed(reason):
                self.notify(Problem(SECURITY_FAILED, reason))
                self.hang_up(reason, CallStatus.FAILED)

    # --- its status -------------------------------------------------------------------------------------------------

    def initiated(self) -> None:
        """The INVITE is on its way, or an application is asked."""
        if self._status.handle(InviteSent()):
            self._moved()

    def ringing(self) -> None:
        """The called party rings."""
        if self._status.handle(RingingReceived()):
            self._moved()
            self.rang.set(None)

    def _did_ring(self, *, has_audio: bool) -> None:
        self.ringing()
        if has_audio:
            self.early_media.set(None)

    def _was_answered(self) -> None:
        if not self._status.handle(CallAnswered()):
            return
        self.answered_at = self._clock()
        if self._limit is not None:
            self._limit.begin(self.answered_at)
        now = self.live_record.now()
        ring = whole_seconds(self.record.start_time or now, now)
        code = None if self.leg.is_lent else 200
        encryption = self.leg.encryption
        self._moved(now, answer_time=now, ring_duration=ring, sip_response_code=code, srtp=encryption)
        self.answered.set(True)

    def _end_requested(self, verdict: CallStatus, reason: str) -> None:
        self._status.handle(EndRequested(verdict))
        self._end_reason = reason

    def _moved(self, now: datetime | None = None, **facts: Any) -> None:
        self.live_record.moved(self._status.status, now or self.live_record.now(), self._sip_facts(), **facts)

    def _finish(self, end: Ended | None) -> None:
        """Close the record; `end` is None if the node stops without waiting for the peer."""
        if end is None:
            self._status.handle(ProcessLost())
            ending = Ending(Party.LOCAL, self._end_reason or "the node stopped")
        else:
            self._status.handle(SessionEnded(end.by, end.status))
            by = end.by if self._end_reason is None else Party.LOCAL
            is_theirs = end.by is Party.REMOTE and end.headers is not None
            sip_reason = end.headers.get("Reason") if is_theirs and end.headers is not None else None
            ending = Ending(by, self._end_reason or end.reason, end.status, sip_reason)
        self.live_record.ended(self._status.status, ending, self._sip_facts(), self.leg.encryption)
        self.answered.set(False)
        self.ended.set(ending)
        self.released.set(None)

    def _measure(self) -> None:
        if self.leg.is_lent:
            return
        heard = self.leg.stream.statistics()
        if heard.packets_received or heard.packets_sent:
            self.live_record.media_measured(heard)

    def __repr__(self) -> str:
        return f"<Call {self.record.sid} {self.record.status} {self.record.direction} {self.leg!r}>"
