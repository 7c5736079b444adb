"""What a fake stream plays and records: it ends when the test says so."""

from pathlib import Path
from typing import Protocol

from msgspec import Struct

from callapi.media.plane.delivery import Outcome
from callapi.media.plane.events import PlaybackEnded, RecordingCause, RecordingEnded, StreamEvent
from callapi.media.plane.types import Prompt, RecordOptions

DIGITS = frozenset("0123456789*#ABCDwW")


class Emitter(Protocol):
    """Where the events of a playback or recording go."""

    def emit(self, event: StreamEvent) -> None:
        """Queue an event."""


class Tone(Struct, frozen=True):
    """What `play_tone` was asked for."""

    country: str


class Digits(Struct, frozen=True):
    """What `send_digits` was asked for."""

    digits: str


class FakePlayback:
    """Something a FakeStream is asked to play: `audio` is a Prompt, a Tone or Digits."""

    def __init__(self, stream: Emitter, playback_id: int, audio: Prompt | Tone | Digits, loop: int) -> None:
        self._stream = stream
        self._outcome: Outcome[bool] = Outcome()
        self.playback_id = playback_id
        self.audio = audio
        self.loop = loop

    @property
    def is_playing(self) -> bool:
        """Whether it has neither finished nor been stopped."""
        return not self._outcome.is_set

    def finish(self) -> None:
        """Test hook: it was heard to its end."""
        self._end(finished=True)

    def stop(self) -> None:
        """As Playback.stop."""
        self._end(finished=False)

    async def ended(self) -> bool:
        """As Playback.ended."""
        return await self._outcome.wait()

    def _end(self, *, finished: bool) -> None:
        if self.is_playing:
            self._outcome.set(finished)
            self._stream.emit(PlaybackEnded(self.playback_id, finished))


class FakeRecording:
    """A recording a FakeStream is asked for; writes no file."""

    def __init__(self, stream: Emitter, recording_id: int, path: Path, options: RecordOptions) -> None:
        self._stream = stream
        self._outcome: Outcome[RecordingEnded] = Outcome()
        self.recording_id = recording_id
        self.path = path
        self.options = options
        self.duration_ms = 1000
        self.pauses: list[bool | None] = []
        """Each `pause` (whether it skips) and `resume` (None), in order."""

    @property
    def is_recording(self) -> bool:
        """Whether it has not ended yet."""
        return not self._outcome.is_set

    def pause(self, *, skips: bool) -> None:
        """As Recording.pause."""
        self.pauses.append(skips)

    def resume(self) -> None:
        """As Recording.resume."""
        self.pauses.append(None)

    def stop(self) -> None:
        """As Recording.stop."""
        self.end(RecordingCause.STOPPED)

    async def ended(self) -> RecordingEnded:
        """As Recording.ended."""
        return await self._outcome.wait()

    def end(self, cause: RecordingCause, *, digit: str | None = None, is_silent: bool = False) -> None:
        """Test hook: it ends for `cause`; its length is `duration_ms`."""
        if not self.is_recording:
            return
        failed = cause is RecordingCause.FAILED
        event = RecordingEnded(
            self.recording_id,
            cause,
            duration_ms=0 if failed else self.duration_ms,
            path=None if failed else self.path,
            digit=digit,
            is_silent=is_silent,
            error="no space left on device" if failed else None,
        )
        self._outcome.set(event)
        self._stream.emit(event)
