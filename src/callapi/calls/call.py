"""A call: a leg, its record, and the story that is being told on it.

Every call, caller's or callee's, lives in one task of its own (`live`), from its INVITE to its final record. That task
alone moves the status. A story (a document, run by the `Script`) is a task beside it: it ends early by cancellation,
when the leg ends or when a REST command puts another story in its place.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from msgspec.structs import replace

from callapi.base.errors import CallApiError
from callapi.base.ids import CallSid
from callapi.calls.digits import DigitBuffer
from callapi.calls.leg import Answered, Dtmf, Leg, Rang, final_response
from callapi.calls.one_shot import OneShot
from callapi.calls.parameters import Parameters, sip_request, voice_request
from callapi.calls.problem import Problem
from callapi.calls.records.journal import Journal, event_callback
from callapi.calls.records.timeline import Timeline
from callapi.calls.status import CallStatus, Ending, status_of_code
from callapi.media import DigitPressed, FirstPacket, NothingHeard, Stalled, StreamClosed
from callapi.sip import Ended, InboundSession, Party, Response
from callapi.store import CallRecord
from callapi.webhooks import Cookies

log = logging.getLogger(__name__)

T = TypeVar("T")
Story = Callable[[], Coroutine[Any, Any, None]]
"""What happens on a call, one thing after another; a function, so that one that is never told leaves nothing."""

LINGER_S: Final = 3.0
"""How long an ended call waits for the far side to say so too; its record is closed then all the same."""
ONE_WAY_AUDIO: Final = 60_001
MEDIA_TIMEOUT: Final = 60_002
STORY_FAILED: Final = 60_003
DIALLED: Final = "outbound-dial"


class Call:
    """One row of the calls table while it lives. Made by `LiveCalls`."""

    __slots__ = (
        "_bound",
        "_clock",
        "_first_story",
        "_journal",
        "_since",
        "_story",
        "_tasks",
        "_verdict",
        "answered",
        "answered_at",
        "cookies",
        "digits",
        "early_media",
        "ended",
        "final_code",
        "is_taken",
        "left",
        "leg",
        "partner",
        "rang",
        "record",
        "sip",
        "timeline",
    )

    def __init__(self, record: CallRecord, leg: Leg, journal: Journal, sip: Parameters = ()) -> None:
        self.record = record
        self.leg = leg
        self.sip = sip
        """What SIP adds to the voice request."""
        self.digits = DigitBuffer()
        self.cookies = Cookies()
        """Set by the application that runs this call, and sent back to it."""
        self.timeline = Timeline()
        self.rang: OneShot[None] = OneShot()
        self.answered: OneShot[bool] = OneShot()
        """True when it was answered, False when it never will be."""
        self.ended: OneShot[Ending] = OneShot()
        self.early_media: OneShot[None] = OneShot()
        """The called phone sends audio before it is answered."""
        self.left: OneShot[None] = OneShot()
        """It ended, or a REST command gave it a story of its own: whoever holds it lets it go."""
        self.partner: Call | None = None
        """The call that it is joined with at the moment."""
        self.is_taken = record.direction != DIALLED
        """Whether its answer counts: a dialled party's does once it was joined or got a document of its own."""
        self._clock: Callable[[], float] = asyncio.get_running_loop().time
        self._since = (record.start_time or record.date_created, self._clock())
        self.answered_at: float | None = None
        self.final_code: int | None = None
        """What an unanswered caller is refused with, after a Dial that failed, if its document says nothing else."""
        self._journal = journal
        self._verdict: tuple[CallStatus, str] | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._story: asyncio.Task[None] | None = None
        self._first_story: Story | None = None
        """Told before its life began: a REST command can be that early."""
        self._bound: asyncio.TimerHandle | None = None

    # --- what it is -------------------------------------------------------------------------------------------------

    @property
    def sid(self) -> CallSid:
        """The `CallSid`."""
        return self.record.sid

    @property
    def status(self) -> CallStatus:
        """Where it stands."""
        return CallStatus(self.record.status)

    @property
    def outcome(self) -> CallStatus:
        """Its final status; of one that we have hung up and that did not end yet, what it will be."""
        if not self.ended.is_set and self._verdict is not None and not (self.answered_at and self.is_taken):
            return self._verdict[0]
        return self.status

    @property
    def final_response(self) -> Response | None:
        """The final response to the INVITE that we sent, if one came."""
        return final_response(self.leg.session)

    def voice_parameters(self) -> Parameters:
        """What every request about this call carries."""
        return voice_request(self.record, self.record.status, self.sip)

    def notify(self, problem: Problem) -> None:
        """Tell the developer of the application what went wrong on this call."""
        self._journal.notify(problem, self.record.account_sid, self.sid)
        self.timeline.add("notification", {"code": problem.code, "text": problem.text, "line": problem.line})

    # --- what a story may ask ---------------------------------------------------------------------------------------

    def answer(self) -> None:
        """Answer an inbound caller; nothing if that was done."""
        if not self.leg.is_answered and not self.ended.is_set:
            self.leg.answer()
            self._was_answered()

    def ring_if_waiting(self) -> None:
        """Let an inbound caller hear ringing if nothing was decided about it yet."""
        if self._verdict is None and not self.ended.is_set:
            self.leg.ring()

    def hang_up(self, reason: str, verdict: CallStatus = CallStatus.CANCELED) -> None:
        """End the call from our side. `verdict` is its final status if it was never answered, or never joined."""
        if self._verdict is None and not self.ended.is_set:
            self._verdict = (verdict, reason)
            self.leg.hang_up()
            self._set_bound()

    def refuse(self, code: int, reason: str, headers: Parameters = ()) -> None:
        """Final response to an unanswered inbound caller; hangs up if it was answered."""
        session = self.leg.session
        if session.is_answered or not isinstance(session, InboundSession):
            self.hang_up(reason)
        elif self._verdict is None and not self.ended.is_set:
            self._verdict = (status_of_code(code), reason)
            session.refuse(code, headers=headers)
            self._set_bound()

    # --- its stories ------------------------------------------------------------------------------------------------

    def tell(self, story: Story) -> None:
        """Run `story` on this call in place of the present one; when it is told, the call ends."""
        if self.ended.is_set:
            return
        if self._tasks is None:
            self._first_story = story
        else:
            self._drop_story()
            self._story = self._tasks.create_task(self._narrate(story))

    def release(self, story: Story) -> None:
        """Give this call a story of its own by force: a Dial that holds it lets it go first."""
        waiting, self.answered = self.answered, self.answered if self.answered.is_set else OneShot()
        waiting.set(False)
        self.is_taken = True
        self.left.set(None)
        self.tell(story)

    def afterwards(self, errand: Story) -> None:
        """Run a bounded errand beside the story, even if that is cut short; the call's task waits for it."""
        if self._tasks is None:
            return
        running = self._run_errand(errand)
        try:
            self._tasks.create_task(running)
        except RuntimeError:  # the group is being torn down with the whole node
            running.close()

    async def errand(self, errand: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of `errand`, which is done to its end even if the story that waits for it is cut short."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        async def run() -> None:
            try:
                result = await errand()
            except CallApiError as error:
                if not done.done():
                    done.set_exception(error)
            else:
                if not done.done():
                    done.set_result(result)

        self.afterwards(run)
        return await done

    async def _narrate(self, story: Story) -> None:
        try:
            await story()
        except Exception:
            log.exception("%r: its story failed", self)
            self.notify(Problem(STORY_FAILED, "internal error while running the document"))
            self.refuse(500, "internal error")
        else:
            self.end_of_story()

    def end_of_story(self) -> None:
        """The document is over: an answered call is hung up, an unanswered caller hears 480."""
        self.refuse(self.final_code or 480, "end of document")

    async def _run_errand(self, errand: Story) -> None:
        try:
            await errand()
        except Exception:
            log.exception("%r: an errand failed", self)

    def _drop_story(self) -> None:
        if self._story is not None:
            self._story.cancel()
            self._story = None

    # --- its life ---------------------------------------------------------------------------------------------------

    async def live(self, story: Story | None = None) -> None:
        """Attend to the leg until it has ended, then close the record. Owned by `LiveCalls`."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                listening = self._tasks.create_task(self._listen())
                if first := self._first_story or story:
                    self.tell(first)
                self._finish(await self._attend())
                listening.cancel()
                self._drop_story()
        finally:
            if not self.ended.is_set:
                self.leg.hang_up()
                self._finish(None)
            if self._bound is not None:
                self._bound.cancel()
            self._tasks = None
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
                case Dtmf(digit):
                    self.digits.put(digit)
                case Ended() as ended:
                    return ended

    async def _listen(self) -> None:
        try:
            while True:
                match await self.leg.stream.next_event():
                    case DigitPressed(digit, source):
                        self.timeline.add("digit", {"source": source.value})
                        self.digits.put(digit)
                    case FirstPacket(source):
                        self.timeline.add("media", {"first_packet_from": f"{source.host}:{source.port}"})
                    case NothingHeard(seconds):
                        text = f"one-way audio: nothing was heard from {self.record.to} in {seconds:g} s"
                        self.notify(Problem(ONE_WAY_AUDIO, text, is_warning=True))
                    case Stalled(silence_s):
                        reason = f"no RTP for {silence_s:.0f} s"
                        self.notify(Problem(MEDIA_TIMEOUT, f"media timeout: {reason}"))
                        self.hang_up(reason)
        except StreamClosed:
            return

    # --- its status -------------------------------------------------------------------------------------------------

    def _now(self) -> datetime:
        """The present instant, as far from the call's start as it is: the machine's clock may be set meanwhile."""
        start, began = self._since
        return start + timedelta(seconds=self._clock() - began)

    def initiated(self) -> None:
        """The INVITE is on its way."""
        self._advance(CallStatus.INITIATED, "initiated", self._now())

    def _did_ring(self, *, has_audio: bool) -> None:
        if self._verdict is None and not self.rang.is_set:
            self._advance(CallStatus.RINGING, "ringing", self._now())
            self.rang.set(None)
        if has_audio:
            self.early_media.set(None)

    def _was_answered(self) -> None:
        if self._verdict is not None or self.answered.is_set:
            return
        self.answered_at = self._clock()
        now = self._now()
        started = self.record.start_time or now
        ring = whole_seconds(started, now)
        self._advance(
            CallStatus.IN_PROGRESS,
            "answered",
            now,
            answer_time=now,
            ring_duration=ring,
            sip_response_code=200,
        )
        self.answered.set(True)

    def _advance(self, status: CallStatus, event: str, now: datetime, **facts: Any) -> None:
        """Write down `status` with the `facts` of the record that come with it, and tell who subscribed to `event`."""
        word = status.value
        record = replace(self.record, status=word, date_updated=now, **facts)
        callback = event_callback(record, event, word, now, self.sip)
        if callback is not None:
            record = replace(record, sequence_number=record.sequence_number + 1)
        self.record = record
        self._journal.keep(record, callback)
        self.timeline.add("status", {"status": word})

    def _finish(self, ended: Ended | None) -> None:
        """The one place where a call gets its final status."""
        now = self._now()
        status, reason = self._judge(ended)
        code = ended.status if ended is not None else None
        since = self.record.answer_time
        start = self.record.start_time or now
        by = ended.by if ended is not None and self._verdict is None else Party.LOCAL
        self._advance(
            status,
            "completed",
            now,
            end_time=now,
            duration=whole_seconds(since, now) if since and status is CallStatus.COMPLETED else 0,
            ring_duration=self.record.ring_duration if since else whole_seconds(start, now),
            sip_response_code=self.record.sip_response_code or code,
            ended_by=by.value,
            end_reason=reason,
        )
        self.answered.set(False)
        self.ended.set(Ending(by, reason, code))
        self.left.set(None)

    def _judge(self, ended: Ended | None) -> tuple[CallStatus, str]:
        """Its final status and why. Answered is not enough for a dialled party: it must have been joined."""
        reason = self._verdict[1] if self._verdict else ended.reason if ended else "the node stopped"
        if self.record.answer_time is not None and self.is_taken:
            return CallStatus.COMPLETED, reason
        if self._verdict is not None:
            return self._verdict[0], reason
        if ended is None:
            return CallStatus.FAILED, reason
        if self.record.answer_time is not None:
            return CallStatus.NO_ANSWER, reason
        if isinstance(self.leg.session, InboundSession) and ended.by is Party.REMOTE:
            return CallStatus.CANCELED, reason
        return status_of_code(ended.status), reason

    def _measure(self) -> None:
        heard = self.leg.stream.statistics()
        if heard.packets_received or heard.packets_sent:
            figures = {
                "packets_received": heard.packets_received,
                "packets_sent": heard.packets_sent,
                "packets_lost": heard.packets_lost,
                "jitter_ms": round(heard.jitter_ms, 2),
                "round_trip_ms": heard.round_trip_ms,
                "mos": heard.mos,
                "codec": heard.codec,
                "remote": f"{heard.remote.host}:{heard.remote.port}" if heard.remote else None,
            }
            self.timeline.add("media", figures)

    def __repr__(self) -> str:
        return f"<Call {self.record.sid} {self.record.status} {self.record.direction} {self.leg!r}>"


def whole_seconds(since: datetime, until: datetime) -> int:
    """The time between two instants, rounded to the nearest second."""
    return int((until - since).total_seconds() + 0.5)
