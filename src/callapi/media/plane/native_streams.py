"""Streams, playbacks, recordings and bridges of the native media plane, as the floors above hold them."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Protocol

from callapi.media import _native
from callapi.media.errors import StreamClosed
from callapi.media.plane.delivery import EventQueue
from callapi.media.plane.events import PlaybackEnded, StreamEvent
from callapi.media.plane.native_audio import NativeFeeding, NativeListening
from callapi.media.plane.native_playing import (
    NativePlayback,
    NativeRecording,
    RecordingChange,
    change_recording,
)
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


class Owner(Protocol):
    """What streams need of their plane."""

    def native_prompt(self, audio: Prompt) -> _native.Prompt:
        """The handle that all streams share."""

    def wake_soon(self) -> None:
        """A packet thread was given an order."""

    def wake_now(self) -> None:
        """It must be obeyed before anything that is sent after it is answered."""

    def forget(self, stream: "NativeStream | NativeVideo") -> None:
        """The stream is closed."""

    def part(self, one: "NativeStream | NativeVideo", other: "NativeStream | NativeVideo") -> None:
        """Their bridge ends."""


class Leavable(Protocol):
    """A place in a room."""

    def leave(self) -> None:
        """Give it up."""


class NativeStream:
    """An AudioStream whose packets are moved by a packet thread."""

    __slots__ = (
        "_feeding",
        "_is_closed",
        "_is_configured",
        "_listenings",
        "_plane",
        "_playbacks",
        "_queue",
        "_recordings",
        "bridge",
        "local",
        "member",
        "native",
    )

    def __init__(self, plane: Owner, native: _native.Stream, host: str) -> None:
        self._plane = plane
        self._queue = EventQueue()
        self._playbacks: dict[int, NativePlayback] = {}
        self._recordings: dict[int, NativeRecording] = {}
        self._listenings: dict[int, NativeListening] = {}
        self._feeding: NativeFeeding | None = None
        self._is_closed = False
        self._is_configured = False
        self.native = native
        self.bridge: NativeBridge | None = None
        self.member: Leavable | None = None
        self.local = MediaAddress(host, native.port)

    def __repr__(self) -> str:
        state = "closed" if self._is_closed else "open"
        return f"<NativeStream {self.native.id} port {self.local.port} {state}>"

    @property
    def orders(self) -> _native.Stream:
        """What to give an order to: its thread is woken afterwards."""
        self._plane.wake_soon()
        return self.native

    @property
    def events(self) -> AsyncIterator[StreamEvent]:
        """As AudioStream.events."""
        return self._queue

    def configure(self, parameters: StreamParameters) -> None:
        """As AudioStream.configure. Raises ValueError on a codec or address that no stream can use."""
        self._require_open()
        self.native.configure(parameters)
        if self._is_configured:
            self._plane.wake_now()  # the party speaks already, and turns to the new format when our answer has come
        else:
            self._is_configured = True
            self._plane.wake_soon()

    def play(self, audio: Prompt, *, loop: int = 1) -> NativePlayback:
        """As AudioStream.play."""
        self._require_open()
        return self._started(self.orders.play(self._plane.native_prompt(audio), loop))

    def play_tone(self, country: str) -> NativePlayback:
        """As AudioStream.play_tone."""
        self._require_open()
        return self._started(self.orders.play_tone(country))

    def send_digits(self, digits: str) -> NativePlayback:
        """As AudioStream.send_digits."""
        self._require_open()
        return self._started(self.orders.send_digits(digits))

    def record(self, path: Path, options: RecordOptions = RecordOptions()) -> NativeRecording:  # noqa: B008 - frozen
        """As AudioStream.record."""
        self._require_open()
        recording = NativeRecording(self._change_recording, self.orders.record(path, options), path)
        self._recordings[recording.recording_id] = recording
        return recording

    def listen(self, audio_format: AudioFormat, *, track: Track = Track.INBOUND) -> NativeListening:
        """As AudioStream.listen."""
        self._require_open()
        audio_format.check()
        native = self.orders.listen(track, audio_format.encoding, audio_format.rate)
        listening = NativeListening(self, native)
        self._listenings[listening.listening_id] = listening
        return listening

    def feed(self, audio_format: AudioFormat, *, max_buffer_s: float = 600.0) -> NativeFeeding:
        """As AudioStream.feed."""
        self._require_open()
        audio_format.check()
        if self._feeding is not None:
            self._feeding.close()
        max_octets = int(max_buffer_s * 1000) * audio_format.octets_per_ms
        native = self.orders.feed(audio_format.encoding, audio_format.rate, max_octets)
        self._feeding = NativeFeeding(self, native, audio_format, max_buffer_s)
        return self._feeding

    async def next_event(self) -> StreamEvent:
        """As AudioStream.next_event."""
        return await self._queue.next()

    def hand_events_to(self, reader: Callable[[StreamEvent], None]) -> None:
        """As AudioStream.hand_events_to."""
        self._queue.hand_to(reader)

    def mute(self, muted: bool) -> None:  # noqa: FBT001 - as the protocol
        """As AudioStream.mute."""
        self.orders.mute(muted)

    @property
    def packets(self) -> int:
        """As AudioStream.packets."""
        return self.native.packets

    def statistics(self) -> StreamStatistics:
        """As AudioStream.statistics."""
        return _statistics(self.native)

    @property
    def recordings(self) -> int:
        """How many recordings have not ended."""
        return len(self._recordings)

    @property
    def is_closed(self) -> bool:
        """Whether it was closed; recordings may not have ended yet."""
        return self._is_closed

    def close(self) -> None:
        """As AudioStream.close."""
        if self._is_closed:
            return
        self._is_closed = True
        self.unlink()
        self.orders.close()
        for playback_id in list(self._playbacks):
            self.deliver(PlaybackEnded(playback_id, finished=False))
        for listening in self._listenings.values():
            listening.set_closed()
        self._listenings.clear()
        if self._feeding is not None:
            self._feeding.set_closed()
            self._feeding = None
        self._queue.close()
        self._plane.forget(self)

    def unlink(self) -> None:
        """End its bridge, or take it out of its room."""
        if self.bridge is not None:
            self.bridge.close()
        if self.member is not None:
            self.member.leave()

    def deliver(self, event: StreamEvent) -> None:
        """For the plane: something happened."""
        if isinstance(event, PlaybackEnded):
            playback = self._playbacks.pop(event.playback_id, None)
            if playback is None:
                return
            playback.set_ended(finished=event.finished)
        self._queue.put(event)

    def deliver_recording(self, event: _native.Event.RecordingEnded) -> None:
        """For the plane: a recording ended, perhaps after the stream was closed."""
        self._queue.put(self._recordings.pop(event.recording).set_ended(event))
        if self._is_closed:
            self._plane.forget(self)

    def wake_soon(self) -> None:
        """For listenings and feedings: as Owner.wake_soon."""
        self._plane.wake_soon()

    def forget_audio(self, audio: NativeListening | NativeFeeding) -> None:
        """For listenings and feedings: it is closed."""
        if isinstance(audio, NativeListening):
            self._listenings.pop(audio.listening_id, None)
        elif audio is self._feeding:
            self._feeding = None

    def set_audio_ready(self, listening_id: int) -> None:
        """For the plane: a listening that was read empty has a frame."""
        if (listening := self._listenings.get(listening_id)) is not None:
            listening.set_ready()

    def set_mark_played(self, feeding_id: int, mark: int, *, is_cleared: bool) -> None:
        """For the plane: a mark of a feeding is over."""
        if self._feeding is not None and self._feeding.feeding_id == feeding_id:
            self._feeding.set_played(mark, is_cleared=is_cleared)

    def _started(self, playback_id: int) -> NativePlayback:
        playback = NativePlayback(self._stop_playback, playback_id)
        self._playbacks[playback_id] = playback
        return playback

    def _stop_playback(self, playback_id: int) -> None:
        self.orders.stop(playback_id)

    def _change_recording(self, recording_id: int, change: RecordingChange) -> None:
        change_recording(self.orders, recording_id, change)

    def _require_open(self) -> None:
        if self._is_closed:
            raise StreamClosed(f"{self!r} takes no commands")


class NativeVideo:
    """A VideoStream whose packets are moved by a packet thread."""

    def __init__(self, plane: Owner, native: _native.Stream, host: str) -> None:
        self._plane = plane
        self._is_closed = False
        self.native = native
        self.bridge: NativeBridge | None = None
        self.local = MediaAddress(host, native.port)

    @property
    def orders(self) -> _native.Stream:
        """As of a NativeStream."""
        self._plane.wake_soon()
        return self.native

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._is_closed

    def configure(self, parameters: VideoParameters) -> None:
        """As VideoStream.configure."""
        if self._is_closed:
            raise StreamClosed("the video stream takes no commands")
        self.orders.configure_video(parameters)

    def statistics(self) -> StreamStatistics:
        """As VideoStream.statistics."""
        return _statistics(self.native)

    def unlink(self) -> None:
        """End its bridge."""
        if self.bridge is not None:
            self.bridge.close()

    def close(self) -> None:
        """As VideoStream.close."""
        if self._is_closed:
            return
        self._is_closed = True
        self.unlink()
        self.orders.close()
        self._plane.forget(self)


class NativeBridge:
    """Two streams that a packet thread has joined."""

    __slots__ = ("_is_open", "_plane", "_streams")

    def __init__(
        self, plane: Owner, one: NativeStream | NativeVideo, other: NativeStream | NativeVideo
    ) -> None:
        self._plane = plane
        self._streams = (one, other)
        self._is_open = True
        for stream in self._streams:
            stream.unlink()
        one.bridge = other.bridge = self

    def close(self) -> None:
        """As Bridge.close."""
        if self._is_open:
            self._is_open = False
            one, other = self._streams
            one.bridge = other.bridge = None
            self._plane.part(one, other)


def _statistics(native: _native.Stream) -> StreamStatistics:
    counters = native.statistics()
    return StreamStatistics(
        packets_received=counters.packets_received,
        bytes_received=counters.bytes_received,
        packets_sent=counters.packets_sent,
        bytes_sent=counters.bytes_sent,
        packets_lost=counters.packets_lost,
        packets_dropped=counters.packets_dropped,
        jitter_ms=counters.jitter_ms,
        round_trip_ms=counters.round_trip_ms,
        mos=counters.mos,
        codec=counters.codec,
        remote=MediaAddress(*counters.remote) if counters.remote else None,
    )
