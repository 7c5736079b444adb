"""Streams of the fake plane: they keep what they are asked, and their party is played by the test."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Protocol, cast

from msgspec.structs import replace

from callapi.media.errors import StreamClosed
from callapi.media.plane.delivery import EventQueue
from callapi.media.plane.events import (
    DigitPressed,
    DigitSource,
    FirstPacket,
    NothingHeard,
    RecordingCause,
    Stalled,
    StreamEvent,
)
from callapi.media.plane.fake.audio import FakeFeeding, FakeListening
from callapi.media.plane.fake.playing import DIGITS, Digits, FakePlayback, FakeRecording, Tone
from callapi.media.plane.types import (
    AudioFormat,
    MediaAddress,
    Prompt,
    RecordOptions,
    StreamParameters,
    StreamStatistics,
    Track,
    VideoParameters,
)

_HOST = "127.0.0.1"


class Settings(Protocol):
    """What a stream follows of its plane."""

    finishes_playbacks: bool


class Leavable(Protocol):
    """A place in a room."""

    def leave(self) -> None:
        """Give it up."""


class FakeBridge:
    """Two fake streams, audio or video, that are joined."""

    def __init__(self, one: "FakeStream | FakeVideo", other: "FakeStream | FakeVideo") -> None:
        self.streams = (one, other)
        self.is_open = True
        for stream in self.streams:
            stream.unlink()
        one.bridge = other.bridge = self

    def close(self) -> None:
        """As Bridge.close."""
        if self.is_open:
            self.is_open = False
            for stream in self.streams:
                stream.bridge = None


class FakeStream:
    """An AudioStream that keeps what it was asked, and whose party is played by the test."""

    def __init__(self, settings: Settings, new_id: Callable[[], int], port: int) -> None:
        self._settings = settings
        self._ids = new_id
        self._events = EventQueue()
        self.local = MediaAddress(_HOST, port)
        self.configurations: list[StreamParameters] = []
        self.playbacks: list[FakePlayback] = []
        self.recordings: list[FakeRecording] = []
        self.bridge: FakeBridge | None = None
        self.member: Leavable | None = None
        self.listenings: list[FakeListening] = []
        self.feedings: list[FakeFeeding] = []
        self.is_muted = False
        self.is_closed = False
        self.counters = StreamStatistics()

    @property
    def events(self) -> AsyncIterator[StreamEvent]:
        """As AudioStream.events."""
        return self._events

    @property
    def parameters(self) -> StreamParameters | None:
        """What was configured last."""
        return self.configurations[-1] if self.configurations else None

    @property
    def partner(self) -> "FakeStream | None":
        """The stream that this one is bridged with."""
        if self.bridge is None:
            return None
        one, other = self.bridge.streams
        return cast("FakeStream", other if one is self else one)

    def configure(self, parameters: StreamParameters) -> None:
        """As AudioStream.configure."""
        self._require_open()
        self.configurations.append(parameters)

    def play(self, audio: Prompt, *, loop: int = 1) -> FakePlayback:
        """As AudioStream.play; ends at once if the plane finishes playbacks and it is not endless."""
        return self._start(audio, loop)

    def play_tone(self, country: str) -> FakePlayback:
        """As AudioStream.play_tone."""
        return self._start(Tone(country), 0)

    def send_digits(self, digits: str) -> FakePlayback:
        """As AudioStream.send_digits."""
        if not DIGITS.issuperset(digits):
            raise ValueError(f"{digits!r} holds something else than 0-9 * # A-D w W")
        return self._start(Digits(digits), 1)

    def record(self, path: Path, options: RecordOptions = RecordOptions()) -> FakeRecording:  # noqa: B008 - frozen
        """As AudioStream.record."""
        self._require_open()
        recording = FakeRecording(self, self._ids(), path, options)
        self.recordings.append(recording)
        return recording

    def listen(self, audio_format: AudioFormat, *, track: Track = Track.INBOUND) -> FakeListening:
        """As AudioStream.listen."""
        self._require_open()
        audio_format.check()
        listening = FakeListening(audio_format, track)
        self.listenings.append(listening)
        return listening

    def feed(self, audio_format: AudioFormat, *, max_buffer_s: float = 600.0) -> FakeFeeding:
        """As AudioStream.feed."""
        self._require_open()
        audio_format.check()
        self.silence()
        for former in self.feedings:
            former.close()
        feeding = FakeFeeding(audio_format, max_buffer_s)
        self.feedings.append(feeding)
        return feeding

    async def next_event(self) -> StreamEvent:
        """As AudioStream.next_event."""
        return await self._events.next()

    def hand_events_to(self, reader: Callable[[StreamEvent], None]) -> None:
        """As AudioStream.hand_events_to."""
        self._events.hand_to(reader)

    def mute(self, muted: bool) -> None:  # noqa: FBT001 - as the protocol
        """As AudioStream.mute."""
        self.is_muted = muted

    @property
    def packets(self) -> int:
        """Of `counters`."""
        return self.counters.packets_received + self.counters.packets_sent + self.counters.packets_dropped

    def statistics(self) -> StreamStatistics:
        """`counters`, which a test may replace."""
        parameters = self.parameters
        return self.counters if parameters is None else replace(self.counters, codec=parameters.codec.name)

    def close(self) -> None:
        """As AudioStream.close."""
        if self.is_closed:
            return
        self.silence()
        for recording in self.recordings:
            recording.stop()
        for listening in self.listenings:
            listening.close()
        for feeding in self.feedings:
            feeding.close()
        self.unlink()
        self.is_closed = True
        self._events.close()

    def press(self, digits: str, *, source: DigitSource = DigitSource.RTP) -> None:
        """Test hook: the party presses keys; a recording that waits for one ends."""
        for digit in digits:
            self.emit(DigitPressed(digit, source))
            for recording in self.recordings:
                if digit in recording.options.finish_on_key:
                    recording.end(RecordingCause.DIGIT, digit=digit)

    def hear(self, source: MediaAddress = MediaAddress(_HOST, 40_000)) -> None:  # noqa: B008 - frozen
        """Test hook: the first packet comes."""
        self.emit(FirstPacket(source))

    def hear_nothing(self, seconds: float = 5.0) -> None:
        """Test hook: one-way audio is noticed."""
        self.emit(NothingHeard(seconds))

    def stall(self, silence_s: float = 60.0) -> None:
        """Test hook: no RTP came for so long."""
        self.emit(Stalled(silence_s))

    def emit(self, event: StreamEvent) -> None:
        """Put any event into the stream's queue."""
        self._events.put(event)

    def unlink(self) -> None:
        """End its bridge, or take it out of its room."""
        if self.bridge is not None:
            self.bridge.close()
        if self.member is not None:
            self.member.leave()

    def silence(self) -> None:
        """End prompts and tones unfinished, as bridging does."""
        for playback in self.playbacks:
            playback.stop()

    def _start(self, audio: Prompt | Tone | Digits, loop: int) -> FakePlayback:
        self._require_open()
        if not isinstance(audio, Digits):
            for earlier in self.playbacks:
                if not isinstance(earlier.audio, Digits):
                    earlier.stop()
        playback = FakePlayback(self, self._ids(), audio, loop)
        self.playbacks.append(playback)
        if not isinstance(audio, Digits) and any(not feeding.is_closed for feeding in self.feedings):
            playback.stop()
        if self._settings.finishes_playbacks and loop:
            playback.finish()
        return playback

    def _require_open(self) -> None:
        if self.is_closed:
            raise StreamClosed("the stream is closed")


class FakeVideo:
    """A VideoStream that keeps what it was asked."""

    def __init__(self, port: int) -> None:
        self.local = MediaAddress(_HOST, port)
        self.configurations: list[VideoParameters] = []
        self.bridge: FakeBridge | None = None
        self.is_closed = False

    def unlink(self) -> None:
        """End its bridge."""
        if self.bridge is not None:
            self.bridge.close()

    def configure(self, parameters: VideoParameters) -> None:
        """As VideoStream.configure."""
        self.configurations.append(parameters)

    def statistics(self) -> StreamStatistics:
        """Nothing was counted."""
        return StreamStatistics()

    def close(self) -> None:
        """As VideoStream.close."""
        self.is_closed = True
        self.unlink()
