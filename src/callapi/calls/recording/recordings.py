"""Recordings of calls: where the file goes, its record, its callbacks.

The file appears under its name only when it is whole. A recording that fails leaves a record that says so, and the
call goes on.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from callapi.base.api_version import API_VERSION
from callapi.base.clock import rfc2822, utc_now
from callapi.base.ids import CallSid, ConferenceSid, new_recording_sid
from callapi.calls.documents.stories import Story
from callapi.calls.events import EventBus, RecordingChanged
from callapi.calls.one_shot import OneShot, first_of
from callapi.calls.parameters import Parameters, present
from callapi.calls.problem import Problem
from callapi.calls.records.callbacks import callback_row
from callapi.media import Recording, RecordingCause, RecordingEnded, RecordOptions, keep_right_channel
from callapi.rcml import RecordingEvent
from callapi.store import CallbackRecord, CallRecord, RecordingRecord

RECORDING_FAILED = 60_030
STARTED_BY_REST: Final = "StartCallRecordingAPI"
STARTED_BY_DOCUMENT: Final = "StartCallRecordingTwiML"
OF_PLACED_CALL: Final = "OutboundAPI"
"""`Record` of a call that REST places."""
CURRENT: Final = "Twilio.CURRENT"
"""In a path: the recording that began last."""


Recorded: TypeAlias = CallSid | ConferenceSid
"""What a recording is of."""


class RecordingFacts(Struct, frozen=True):
    """A finished recording, as applications read of it. `duration` is in whole seconds."""

    url: str
    sid: str
    duration: int


class RecordingCallback(Struct, frozen=True):
    """Where the callbacks of a recording go; `url` is absolute."""

    url: str
    method: str
    events: frozenset[RecordingEvent]


class Recordable(Protocol):
    """What can be recorded: a call, or a conference in the name of one of its calls."""

    @property
    def record(self) -> CallRecord:
        """The record of the call."""
        ...

    @property
    def ended(self) -> OneShot[Any]:
        """Set when it is over; the recording ends with it."""
        ...

    def start_recording(self, path: Path, options: RecordOptions) -> Recording:
        """Record into `path`."""
        ...

    def notify(self, problem: Problem) -> None:
        """Raise a notification."""
        ...

    def run_detached(self, task: Story) -> None:
        """Run the closing of the recording, which outlives the story that started it."""
        ...


class Recordings:
    """Makes recordings of the node. `url_of` gives the address of a recording over REST."""

    def __init__(self, directory: Path, bus: EventBus, url_of: Callable[[str, str], str]) -> None:
        self._directory = directory
        self._bus = bus
        self._url_of = url_of
        self._active: dict[Recorded, list[ActiveRecording]] = {}

    def start(
        self,
        recorded: Recordable,
        source: str,
        options: RecordOptions,
        callback: RecordingCallback | None,
        conference: ConferenceSid | None = None,
        *,
        sent_only: bool = False,
    ) -> "ActiveRecording":
        """Record from now on; `source` is the vendor's word for why (`DialVerb`, `RecordVerb`, `Conference`).

        `sent_only`: what the party hears alone; it is taken out of a recording of both when that is whole.
        """
        sid = new_recording_sid()
        now = utc_now()
        with suppress(OSError):  # the recording then fails, and says so; the call goes on
            self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / f"{sid}.wav"
        recording = recorded.start_recording(path, replace(options, channels=2) if sent_only else options)
        record = RecordingRecord(
            sid=sid,
            account_sid=recorded.record.account_sid,
            call_sid=recorded.record.sid,
            status="in-progress",
            source=source,
            channels=1 if sent_only else options.channels,
            api_version=API_VERSION,
            start_time=now,
            date_created=now,
            date_updated=now,
            node=recorded.record.node,
            conference_sid=conference,
        )
        if callback is not None:
            record = replace(
                record,
                status_callback=callback.url,
                status_callback_method=callback.method,
                status_callback_events=tuple(sorted(event.value for event in callback.events)),
            )
        finish = partial(asyncio.to_thread, keep_right_channel, path) if sent_only else None
        active = ActiveRecording(self, recorded, recording, record, finish)
        self._active.setdefault(active.of, []).append(active)
        self.keep(record, RecordingEvent.IN_PROGRESS)
        return active

    def path_of(self, sid: str) -> Path:
        """The file of a recording of this node."""
        return self._directory / f"{sid}.wav"

    def active(self, of: Recorded) -> tuple["ActiveRecording", ...]:
        """The recordings of a call, or of a conference, that are under way, in the order of their beginning."""
        return tuple(self._active.get(of, ()))

    def find(self, of: Recorded, key: str) -> "ActiveRecording | None":
        """The one of that sid or name; `Twilio.CURRENT`: the one that began last."""
        for each in reversed(self.active(of)):
            if key in {CURRENT, each.record.sid, each.name}:
                return each
        return None

    def stop(self, call: CallSid, name: str | None) -> bool:
        """End the recording of that name, or every one that `<Start>` or REST began; whether there was one."""
        chosen = [each for each in self.active(call) if each.was_started and name in {None, each.name}]
        for each in chosen:
            each.stop()
        return bool(chosen)

    def forget(self, active: "ActiveRecording") -> None:
        """For the recording: it is over."""
        rest = [each for each in self._active.get(active.of, ()) if each is not active]
        if rest:
            self._active[active.of] = rest
        else:
            self._active.pop(active.of, None)

    def url(self, record: RecordingRecord) -> str:
        """Where the recording can be fetched."""
        return self._url_of(record.account_sid, record.sid)

    def keep(self, record: RecordingRecord, event: RecordingEvent | None = None) -> None:
        """Publish `record`, together with the callback for `event` if the application asked for it."""
        row = None
        if event is not None and event.value in record.status_callback_events:
            row = self._callback(record, event)
        self._bus.publish(RecordingChanged(record, record.date_updated, row))

    def _callback(self, record: RecordingRecord, event: RecordingEvent) -> CallbackRecord | None:
        if record.status_callback is None:
            return None
        at = record.date_updated
        return callback_row(
            stream=record.sid,
            event=event,
            account=record.account_sid,
            url=record.status_callback,
            method=record.status_callback_method or "POST",
            parameters=self._parameters(record, at),
            at=at,
        )

    def _parameters(self, record: RecordingRecord, at: datetime) -> Parameters:
        return present(
            (
                ("AccountSid", record.account_sid),
                ("CallSid", record.call_sid),
                ("ConferenceSid", record.conference_sid),
                ("RecordingSid", record.sid),
                ("RecordingUrl", self.url(record)),
                ("RecordingStatus", record.status),
                ("RecordingDuration", record.duration),
                ("RecordingChannels", record.channels),
                ("RecordingStartTime", rfc2822(record.start_time)),
                ("RecordingSource", record.source),
                ("ErrorCode", record.error_code),
                ("Timestamp", rfc2822(at)),
            )
        )


class ActiveRecording:
    """A recording under way."""

    def __init__(
        self,
        recordings: Recordings,
        recorded: Recordable,
        recording: Recording,
        record: RecordingRecord,
        finish: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._finish = finish
        self._recordings = recordings
        self._recorded = recorded
        self._recording = recording
        self._record = record
        self.name: str | None = None
        """By which `<Stop>` finds it."""
        recorded.run_detached(self._close)

    @property
    def record(self) -> RecordingRecord:
        """Its record as it stands."""
        return self._record

    @property
    def of(self) -> Recorded:
        """What it records: a conference, else a call."""
        return self._record.conference_sid or self._record.call_sid

    @property
    def was_started(self) -> bool:
        """Whether `<Start>` or REST began it, and not a verb that ends it by itself."""
        return self._record.source in {STARTED_BY_REST, STARTED_BY_DOCUMENT}

    @property
    def is_kept_if_silent(self) -> bool:
        """Whether it is complete though the party said nothing: it holds what the document said to the party."""
        return self.was_started or self._record.source == OF_PLACED_CALL

    def pause(self, *, skips: bool) -> None:
        """Record nothing from now on; `skips`: the time is left out, else it is silent."""
        self._recording.pause(skips=skips)
        self._move("paused")

    def resume(self) -> None:
        """Go on recording."""
        self._recording.resume()
        self._move("in-progress")

    def _move(self, status: str) -> None:
        self._record = replace(self._record, status=status, date_updated=utc_now())
        self._recordings.keep(self._record)

    def stop(self) -> None:
        """End it and keep what was recorded."""
        self._recording.stop()

    async def ended(self) -> RecordingEnded:
        """How it ended; the file is whole then."""
        return await self._recording.ended()

    async def facts(self) -> RecordingFacts | None:
        """What applications read of it once it is over; None if it failed."""
        ended = await self._recording.ended()
        if ended.cause is RecordingCause.FAILED:
            return None
        return RecordingFacts(
            self._recordings.url(self._record), self._record.sid, seconds(ended.duration_ms)
        )

    async def _close(self) -> None:
        """Publish how it ended, at the latest with the call. Detached from the story that started it."""
        await first_of(_happens(self._recording.ended()), _happens(self._recorded.ended.wait()))
        self._recording.stop()
        ended = await self._recording.ended()
        now = utc_now()
        if ended.cause is RecordingCause.FAILED:
            self._recorded.notify(
                Problem(RECORDING_FAILED, f"recording {self._record.sid} failed: {ended.error}")
            )
            self._record, event = failed(self._record, now)
        elif ended.duration_ms == 0 or (ended.is_silent and not self.is_kept_if_silent):
            self._record, event = absent(self._record, now)
        else:
            if self._finish is not None:
                await self._finish()
            self._record, event = completed(self._record, now, ended.duration_ms)
        self._recordings.forget(self)
        self._recordings.keep(self._record, event)


Finished: TypeAlias = tuple[RecordingRecord, RecordingEvent]
"""A record with its end, and the step that is reported."""


def completed(record: RecordingRecord, now: datetime, duration_ms: int) -> Finished:
    """Its file is whole and has sound of that length."""
    ended = _ended(record, now, duration=seconds(duration_ms), path=f"{record.sid}.wav")
    return replace(ended, status="completed"), RecordingEvent.COMPLETED


def absent(record: RecordingRecord, now: datetime) -> Finished:
    """There was nothing to keep."""
    return replace(_ended(record, now, duration=0), status="absent"), RecordingEvent.ABSENT


def failed(record: RecordingRecord, now: datetime) -> Finished:
    """The file could not be written, or is lost."""
    ended = _ended(record, now, duration=0)
    return replace(ended, status="failed", error_code=RECORDING_FAILED), RecordingEvent.COMPLETED


def _ended(record: RecordingRecord, now: datetime, **changes: Any) -> RecordingRecord:
    return replace(record, date_updated=now, end_time=now, **changes)


async def _happens(event: Awaitable[object]) -> None:
    await event


def seconds(milliseconds: int) -> int:
    """Whole seconds, rounded."""
    return (milliseconds + 500) // 1000
