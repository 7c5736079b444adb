"""The media plane that moves packets: the Python face of the native packet threads (`docs/rooms/media.md`).

Commands return at once; events come through one eventfd that the loop watches, and are handed to the streams
that they are about. Used within one event loop.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self, cast
from weakref import WeakKeyDictionary

import numpy as np
import soxr

from callapi.media import _native
from callapi.media.delivery import EventQueue, Outcome
from callapi.media.errors import PortsExhausted, StreamClosed
from callapi.media.events import (
    DigitPressed,
    DigitSource,
    FirstPacket,
    NothingHeard,
    PlaybackEnded,
    Stalled,
    StreamEvent,
)
from callapi.media.plane import AudioStream, VideoStream
from callapi.media.types import (
    MediaAddress,
    PlaneStatistics,
    Prompt,
    StreamParameters,
    StreamStatistics,
    VideoParameters,
)

_RATES = (8000, 16_000, 48_000)
_log = logging.getLogger(__name__)


class NativePlayback:
    """A playback, tone or row of digits in a packet thread."""

    def __init__(self, stream: "NativeStream", playback_id: int) -> None:
        self._stream = stream
        self._outcome: Outcome[bool] = Outcome()
        self.playback_id = playback_id

    def stop(self) -> None:
        """As Playback.stop."""
        if not self._outcome.is_told:
            self._stream.native.stop(self.playback_id)

    async def ended(self) -> bool:
        """As Playback.ended."""
        return await self._outcome.wait()

    def tell_ended(self, *, finished: bool) -> None:
        """For the stream: it is over."""
        self._outcome.tell(finished)


class NativeStream:
    """An AudioStream whose packets are moved by a packet thread."""

    def __init__(self, plane: "NativePlane", native: _native.Stream, host: str) -> None:
        self._plane = plane
        self._queue = EventQueue()
        self._playbacks: dict[int, NativePlayback] = {}
        self._is_closed = False
        self.native = native
        self.bridge: NativeBridge | None = None
        self.local = MediaAddress(host, native.port)

    def __repr__(self) -> str:
        state = "closed" if self._is_closed else "open"
        return f"<NativeStream {self.native.id} port {self.local.port} {state}>"

    @property
    def events(self) -> AsyncIterator[StreamEvent]:
        """As AudioStream.events."""
        return self._queue

    def configure(self, parameters: StreamParameters) -> None:
        """As AudioStream.configure. Raises ValueError on a codec or address that no stream can use."""
        self._require_open()
        self.native.configure(parameters)

    def play(self, audio: Prompt, *, loop: int = 1) -> NativePlayback:
        """As AudioStream.play."""
        self._require_open()
        return self._started(self.native.play(self._plane.native_prompt(audio), loop))

    def play_tone(self, country: str) -> NativePlayback:
        """As AudioStream.play_tone."""
        self._require_open()
        return self._started(self.native.play_tone(country))

    def send_digits(self, digits: str) -> NativePlayback:
        """As AudioStream.send_digits."""
        self._require_open()
        return self._started(self.native.send_digits(digits))

    async def next_event(self) -> StreamEvent:
        """As AudioStream.next_event."""
        return await self._queue.next()

    def mute(self, muted: bool) -> None:  # noqa: FBT001 - as the protocol
        """As AudioStream.mute."""
        self.native.mute(muted)

    def statistics(self) -> StreamStatistics:
        """As AudioStream.statistics."""
        return _statistics(self.native)

    def close(self) -> None:
        """As AudioStream.close."""
        if self._is_closed:
            return
        self._is_closed = True
        if self.bridge is not None:
            self.bridge.close()
        self.native.close()
        for playback_id in list(self._playbacks):
            self.take(PlaybackEnded(playback_id, finished=False))
        self._queue.close()
        self._plane.forget(self)

    def take(self, event: StreamEvent) -> None:
        """For the plane: something happened."""
        if isinstance(event, PlaybackEnded):
            playback = self._playbacks.pop(event.playback_id, None)
            if playback is None:
                return
            playback.tell_ended(finished=event.finished)
        self._queue.put(event)

    def _started(self, playback_id: int) -> NativePlayback:
        playback = NativePlayback(self, playback_id)
        self._playbacks[playback_id] = playback
        return playback

    def _require_open(self) -> None:
        if self._is_closed:
            raise StreamClosed(f"{self!r} takes no commands")


class NativeVideo:
    """A VideoStream whose packets are moved by a packet thread."""

    def __init__(self, plane: "NativePlane", native: _native.Stream, host: str) -> None:
        self._plane = plane
        self._is_closed = False
        self.native = native
        self.bridge: NativeBridge | None = None
        self.local = MediaAddress(host, native.port)

    def configure(self, parameters: VideoParameters) -> None:
        """As VideoStream.configure."""
        if self._is_closed:
            raise StreamClosed("the video stream takes no commands")
        self.native.configure_video(parameters)

    def statistics(self) -> StreamStatistics:
        """As VideoStream.statistics."""
        return _statistics(self.native)

    def close(self) -> None:
        """As VideoStream.close."""
        if self._is_closed:
            return
        self._is_closed = True
        if self.bridge is not None:
            self.bridge.close()
        self.native.close()
        self._plane.forget(self)


class NativeBridge:
    """Two streams that a packet thread has joined."""

    def __init__(
        self, plane: "NativePlane", one: NativeStream | NativeVideo, other: NativeStream | NativeVideo
    ) -> None:
        self._plane = plane
        self._streams = (one, other)
        self._is_open = True
        for stream in self._streams:
            if stream.bridge is not None:
                stream.bridge.close()
        one.bridge = other.bridge = self

    def close(self) -> None:
        """As Bridge.close."""
        if self._is_open:
            self._is_open = False
            one, other = self._streams
            one.bridge = other.bridge = None
            self._plane.part(one, other)


class NativePlane:
    """The MediaPlane of a node.

    Args:
        address: IP literal that RTP sockets are bound to.
        advertised_address: what goes into SDP; empty: `address`.
        rtp_ports: range of UDP ports; RTP takes the even ones, RTCP the odd ones.
        threads: packet threads; 0: one for each core.
        timeout_s: silence after which a stream is told to be stalled.
    """

    def __init__(
        self,
        address: str = "127.0.0.1",
        *,
        advertised_address: str = "",
        rtp_ports: str = "20000-29999",
        threads: int = 0,
        timeout_s: float = 60.0,
    ) -> None:
        self._host = advertised_address or address
        first, _, last = rtp_ports.partition("-")
        self._arguments = (
            address,
            int(first),
            int(last),
            threads,
            timeout_s,
            f"callapi@{socket.gethostname()}",
        )
        self._native: _native.Plane | None = None
        self._streams: dict[int, NativeStream] = {}
        self._videos: dict[int, NativeVideo] = {}
        self._bridges = 0
        self._prompts: WeakKeyDictionary[Prompt, _native.Prompt] = WeakKeyDictionary()

    async def __aenter__(self) -> Self:
        self._native = _native.Plane(*self._arguments)
        asyncio.get_running_loop().add_reader(self._native.event_fd, self._drain)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def open_stream(self) -> NativeStream:
        """As MediaPlane.open_stream."""
        try:
            native = self._open_plane().open_stream()
        except OSError as error:
            raise PortsExhausted(str(error)) from error
        stream = NativeStream(self, native, self._host)
        self._streams[native.id] = stream
        return stream

    def open_video(self) -> NativeVideo:
        """As MediaPlane.open_video."""
        try:
            native = self._open_plane().open_video()
        except OSError as error:
            raise PortsExhausted(str(error)) from error
        video = NativeVideo(self, native, self._host)
        self._videos[native.id] = video
        return video

    def bridge(self, one: AudioStream, other: AudioStream) -> NativeBridge:
        """As MediaPlane.bridge."""
        return self._join(cast("NativeStream", one), cast("NativeStream", other))

    def bridge_video(self, one: VideoStream, other: VideoStream) -> NativeBridge:
        """As MediaPlane.bridge_video."""
        return self._join(cast("NativeVideo", one), cast("NativeVideo", other))

    def statistics(self) -> PlaneStatistics:
        """As MediaPlane.statistics."""
        native = self._open_plane().statistics()
        return PlaneStatistics(
            streams=len(self._streams),
            video_streams=len(self._videos),
            bridges=self._bridges,
            ports_in_use=native.ports_in_use,
            ports_free=native.ports_free,
            threads=native.threads,
            packets_received=native.packets_received,
            packets_sent=native.packets_sent,
            packets_dropped=native.packets_dropped,
            events_lost=native.events_lost,
        )

    async def close(self) -> None:
        """As MediaPlane.close."""
        native, self._native = self._native, None
        if native is None:
            return
        for stream in list(self._streams.values()):
            stream.close()
        for video in list(self._videos.values()):
            video.close()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, native.close)
        loop.remove_reader(native.event_fd)
        self._deliver(native.take_events())

    def forget(self, stream: NativeStream | NativeVideo) -> None:
        """For a stream: it is closed."""
        self._streams.pop(stream.native.id, None)
        self._videos.pop(stream.native.id, None)

    def part(self, one: NativeStream | NativeVideo, other: NativeStream | NativeVideo) -> None:
        """For a bridge: it ends."""
        self._bridges -= 1
        if self._native is not None:
            self._native.unbridge(one.native, other.native)

    def native_prompt(self, audio: Prompt) -> _native.Prompt:
        """The handle that all streams share, made once; odd rates are resampled here."""
        prompt = self._prompts.get(audio)
        if prompt is None:
            samples, rate = audio.samples, audio.rate
            if rate not in _RATES:
                wanted = next((each for each in _RATES if each >= rate), _RATES[-1])
                samples, rate = soxr.resample(samples, rate, wanted), wanted
            prompt = _native.Prompt(np.ascontiguousarray(samples, np.int16).tobytes(), rate)
            self._prompts[audio] = prompt
        return prompt

    def _open_plane(self) -> _native.Plane:
        if self._native is None:
            raise StreamClosed("the media plane is not open")
        return self._native

    def _join(self, one: NativeStream | NativeVideo, other: NativeStream | NativeVideo) -> NativeBridge:
        self._open_plane().bridge(one.native, other.native)
        self._bridges += 1
        return NativeBridge(self, one, other)

    def _drain(self) -> None:
        if self._native is not None:
            self._deliver(self._native.take_events())

    def _deliver(self, events: list[_native.Event]) -> None:
        for event in events:
            self._deliver_one(event)

    def _deliver_one(self, event: _native.Event) -> None:
        match event:
            case _native.Event.Digit(stream, digit, duration_ms, inband):
                source = DigitSource.INBAND if inband else DigitSource.RTP
                self._tell(stream, DigitPressed(digit, duration_ms, source))
            case _native.Event.PlaybackEnded(stream, playback, finished):
                self._tell(stream, PlaybackEnded(playback, finished))
            case _native.Event.FirstPacket(stream, host, port):
                self._tell(stream, FirstPacket(MediaAddress(host, port)))
            case _native.Event.NothingHeard(stream, seconds):
                self._tell(stream, NothingHeard(seconds))
            case _native.Event.Stalled(stream, silence_s):
                self._tell(stream, Stalled(silence_s))

    def _tell(self, stream_id: int, event: StreamEvent) -> None:
        stream = self._streams.get(stream_id)
        if stream is not None:
            stream.take(event)


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
