"""A media plane without sockets: records what it is asked, and lets a test say what the party does.

::

    plane = FakePlane()
    stream = plane.open_stream()            # code under test plays, records, bridges ...
    plane.streams[0].press("5")             # ... and the test makes things happen
    plane.streams[0].playbacks[-1].finish()
"""

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from msgspec import Struct
from msgspec.structs import replace

from callapi.media.errors import PortsExhausted, StreamClosed
from callapi.media.plane.delivery import EventQueue, Outcome
from callapi.media.plane.events import (
    DigitPressed,
    DigitSource,
    FirstPacket,
    NothingHeard,
    PlaybackEnded,
    RecordingCause,
    RecordingEnded,
    Stalled,
    StreamEvent,
)
from callapi.media.plane.plane import AudioStream, VideoStream
from callapi.media.plane.types import (
    MediaAddress,
    PlaneStatistics,
    Prompt,
    RecordOptions,
    StreamParameters,
    StreamStatistics,
    VideoParameters,
)

_HOST = "127.0.0.1"
DIGITS = frozenset("0123456789*#ABCDwW")


class Tone(Struct, frozen=True):
    """What `play_tone` was asked for."""

    country: str


class Digits(Struct, frozen=True):
    """What `send_digits` was asked for."""

    digits: str


class FakePlayback:
    """Something a FakeStream is asked to play: `audio` is a Prompt, a Tone or Digits."""

    def __init__(
        self, stream: "FakeStream", playback_id: int, audio: Prompt | Tone | Digits, loop: int
    ) -> None:
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

    def __init__(self, stream: "FakeStream", recording_id: int, path: Path, options: RecordOptions) -> None:
        self._stream = stream
        self._outcome: Outcome[RecordingEnded] = Outcome()
        self.recording_id = recording_id
        self.path = path
        self.options = options
        self.duration_ms = 1000

    @property
    def is_recording(self) -> bool:
        """Whether it has not ended yet."""
        return not self._outcome.is_set

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


class FakeBridge:
    """Two fake streams, audio or video, that are joined."""

    def __init__(self, one: "FakeStream | FakeVideo", other: "FakeStream | FakeVideo") -> None:
        self.streams = (one, other)
        self.is_open = True
        for stream in self.streams:
            if stream.bridge is not None:
                stream.bridge.close()
        one.bridge = other.bridge = self

    def close(self) -> None:
        """As Bridge.close."""
        if self.is_open:
            self.is_open = False
            for stream in self.streams:
                stream.bridge = None


class FakeStream:
    """An AudioStream that keeps what it was asked, and whose party is played by the test."""

    def __init__(self, plane: "FakePlane", port: int) -> None:
        self._plane = plane
        self._events = EventQueue()
        self.local = MediaAddress(_HOST, port)
        self.configurations: list[StreamParameters] = []
        self.playbacks: list[FakePlayback] = []
        self.recordings: list[FakeRecording] = []
        self.bridge: FakeBridge | None = None
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
        recording = FakeRecording(self, self._plane.next_id(), path, options)
        self.recordings.append(recording)
        return recording

    async def next_event(self) -> StreamEvent:
        """As AudioStream.next_event."""
        return await self._events.next()

    def mute(self, muted: bool) -> None:  # noqa: FBT001 - as the protocol
        """As AudioStream.mute."""
        self.is_muted = muted

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
        if self.bridge is not None:
            self.bridge.close()
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
        playback = FakePlayback(self, self._plane.next_id(), audio, loop)
        self.playbacks.append(playback)
        if self._plane.finishes_playbacks and loop:
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

    def configure(self, parameters: VideoParameters) -> None:
        """As VideoStream.configure."""
        self.configurations.append(parameters)

    def statistics(self) -> StreamStatistics:
        """Nothing was counted."""
        return StreamStatistics()

    def close(self) -> None:
        """As VideoStream.close."""
        self.is_closed = True
        if self.bridge is not None:
            self.bridge.close()


@dataclass
class FakePlane:
    """A MediaPlane for tests.

    Attributes:
        finishes_playbacks: prompts and digits are over as soon as they are asked for.
        is_exhausted: opening anything raises PortsExhausted.
        streams: every audio stream that was opened, in order, closed ones too.
        videos: the same of video.
        bridges: every bridge, in order.
    """

    finishes_playbacks: bool = False
    is_exhausted: bool = False
    streams: list[FakeStream] = field(default_factory=list)
    videos: list[FakeVideo] = field(default_factory=list)
    bridges: list[FakeBridge] = field(default_factory=list)
    _ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _ports: "itertools.count[int]" = field(default_factory=lambda: itertools.count(20_000, 2))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def open_stream(self) -> FakeStream:
        """As MediaPlane.open_stream."""
        self._require_ports()
        stream = FakeStream(self, next(self._ports))
        self.streams.append(stream)
        return stream

    def open_video(self) -> FakeVideo:
        """As MediaPlane.open_video."""
        self._require_ports()
        video = FakeVideo(next(self._ports))
        self.videos.append(video)
        return video

    def bridge(self, one: AudioStream, other: AudioStream) -> FakeBridge:
        """As MediaPlane.bridge."""
        legs = cast("tuple[FakeStream, FakeStream]", (one, other))
        for leg in legs:
            if leg.is_closed:
                raise StreamClosed("the stream is closed")
            leg.silence()
        return self._join(*legs)

    def bridge_video(self, one: VideoStream, other: VideoStream) -> FakeBridge:
        """As MediaPlane.bridge_video."""
        return self._join(*cast("tuple[FakeVideo, FakeVideo]", (one, other)))

    def statistics(self) -> PlaneStatistics:
        """What is open at present."""
        return PlaneStatistics(
            streams=sum(not each.is_closed for each in self.streams),
            video_streams=sum(not each.is_closed for each in self.videos),
            bridges=sum(each.is_open for each in self.bridges),
            recordings=sum(recording.is_recording for each in self.streams for recording in each.recordings),
        )

    async def close(self) -> None:
        """As MediaPlane.close."""
        for stream in self.streams:
            stream.close()
        for video in self.videos:
            video.close()

    def next_id(self) -> int:
        """A fresh id for a playback or recording."""
        return next(self._ids)

    def _join(self, one: FakeStream | FakeVideo, other: FakeStream | FakeVideo) -> FakeBridge:
        bridge = FakeBridge(one, other)
        self.bridges.append(bridge)
        return bridge

    def _require_ports(self) -> None:
        if self.is_exhausted:
            raise PortsExhausted("the fake plane is told to have no ports")
