"""Playbacks and recordings of the native media plane, of a stream or of a room."""

from collections.abc import Callable
from enum import Enum
from pathlib import Path

from callapi.media import _native
from callapi.media.plane.delivery import Outcome
from callapi.media.plane.events import RecordingCause, RecordingEnded


class NativePlayback:
    """A playback, tone or row of digits in a packet thread."""

    def __init__(self, stop: Callable[[int], None], playback_id: int) -> None:
        self._stop = stop
        self._outcome: Outcome[bool] = Outcome()
        self.playback_id = playback_id

    def stop(self) -> None:
        """As Playback.stop."""
        if not self._outcome.is_set:
            self._stop(self.playback_id)

    async def ended(self) -> bool:
        """As Playback.ended."""
        return await self._outcome.wait()

    def set_ended(self, *, finished: bool) -> None:
        """For the stream: it is over."""
        self._outcome.set(finished)


class RecordingChange(Enum):
    """What a recording asks of its owner."""

    STOP = "stop"
    SKIP = "pause, the time is left out"
    SILENCE = "pause, the time is silent"
    RESUME = "resume"


def change_recording(
    orders: _native.Stream | _native.Room, recording_id: int, change: RecordingChange
) -> None:
    """Give the stream or room that records the order for `change`."""
    match change:
        case RecordingChange.STOP:
            orders.stop_recording(recording_id)
        case RecordingChange.RESUME:
            orders.pause_recording(recording_id, None)
        case _:
            orders.pause_recording(recording_id, change is RecordingChange.SKIP)


class NativeRecording:
    """A recording that a packet thread taps and the writer thread writes."""

    def __init__(
        self, change: Callable[[int, "RecordingChange"], None], recording_id: int, path: Path
    ) -> None:
        self._change = change
        self._outcome: Outcome[RecordingEnded] = Outcome()
        self.recording_id = recording_id
        self.path = path

    def stop(self) -> None:
        """As Recording.stop."""
        if not self._outcome.is_set:
            self._change(self.recording_id, RecordingChange.STOP)

    def pause(self, *, skips: bool) -> None:
        """As Recording.pause."""
        if not self._outcome.is_set:
            self._change(self.recording_id, RecordingChange.SKIP if skips else RecordingChange.SILENCE)

    def resume(self) -> None:
        """As Recording.resume."""
        if not self._outcome.is_set:
            self._change(self.recording_id, RecordingChange.RESUME)

    async def ended(self) -> RecordingEnded:
        """As Recording.ended."""
        return await self._outcome.wait()

    def set_ended(self, event: _native.Event.RecordingEnded) -> RecordingEnded:
        """For its owner: the file is whole, or it failed. Returns the event for the application."""
        cause = RecordingCause(event.cause)
        ended = RecordingEnded(
            event.recording,
            cause,
            event.duration_ms,
            None if cause is RecordingCause.FAILED else self.path,
            event.digit,
            event.is_silent,
            event.error,
        )
        self._outcome.set(ended)
        return ended
