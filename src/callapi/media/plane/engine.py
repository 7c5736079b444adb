"""The media plane that moves packets: the Python face of the native packet threads (`docs/rooms/media.md`).

Commands return at once, and are obeyed when the present turn of the loop is over or a few milliseconds later; events
come through one eventfd that the loop watches, and are handed to the streams that they are about. Used within one
event loop.
"""

import asyncio
import logging
import os
import socket
from types import TracebackType
from typing import Final, Self, cast
from weakref import WeakKeyDictionary

import numpy as np
import soxr

from callapi.media import _native
from callapi.media.errors import PortsExhausted, StreamClosed
from callapi.media.plane.certificate import NodeCertificate
from callapi.media.plane.events import (
    DigitPressed,
    DigitSource,
    FirstPacket,
    FormatUsed,
    NothingHeard,
    PlaybackEnded,
    Secured,
    SecurityFailed,
    Stalled,
    StreamEvent,
)
from callapi.media.plane.native_rooms import NativeRoom
from callapi.media.plane.native_streams import NativeBridge, NativeStream, NativeVideo
from callapi.media.plane.plane import AudioStream, VideoStream
from callapi.media.plane.types import (
    MediaAddress,
    PlaneStatistics,
    Prompt,
)

GATHER_S: Final = 0.005
"""How long commands to packet threads are gathered under load: a quarter of a frame of audio."""
_RATES = (8000, 16_000, 48_000)
_log = logging.getLogger(__name__)


class NativePlane:
    """The MediaPlane of a node.

    Args:
        address: IP literal that RTP sockets are bound to.
        advertised_address: what goes into SDP; empty: `address`.
        rtp_ports: range of UDP ports; RTP takes the even ones, RTCP the odd ones.
        threads: packet threads; 0: one for each core.
        timeout_s: silence after which a stream is reported as stalled.
        realtime: packet threads go before everything else on the machine, where the system allows it.
        certificate: what is shown in DTLS handshakes; None: there are none.
        webrtc_port: the one UDP port of all legs with ICE; 0: each has its own.
        ipv6_address: where IPv6 peers are served besides; empty: at `address` alone.
    """

    def __init__(  # noqa: PLR0913 - settings, each with a default
        self,
        address: str = "127.0.0.1",
        *,
        advertised_address: str = "",
        rtp_ports: str = "20000-29999",
        threads: int = 0,
        timeout_s: float = 60.0,
        realtime: bool = False,
        certificate: NodeCertificate | None = None,
        webrtc_port: int = 0,
        ipv6_address: str = "",
    ) -> None:
        self._host = advertised_address or address
        self._ipv6_host = ipv6_address or self._host
        first, _, last = rtp_ports.partition("-")
        self._arguments = (
            address,
            int(first),
            int(last),
            threads,
            timeout_s,
            f"callapi@{socket.gethostname()}",
            (certificate.certificate, certificate.private_key) if certificate else None,
            webrtc_port,
            ipv6_address or None,
        )
        self._realtime = realtime
        self.is_realtime = False
        """Whether the system has granted it."""
        self._native: _native.Plane | None = None
        self._streams: dict[int, NativeStream] = {}
        self._videos: dict[int, NativeVideo] = {}
        self._rooms: dict[int, NativeRoom] = {}
        self._bridges = 0
        self._is_waking = False
        self._woken_at = 0.0
        self._prompts: WeakKeyDictionary[Prompt, _native.Prompt] = WeakKeyDictionary()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._native = _native.Plane(*self._arguments)
        self.is_realtime = self._realtime and _hurry(self._native.thread_ids)
        self._loop.add_reader(self._native.event_fd, self._drain)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def open_stream(self, *, is_ipv6: bool = False) -> NativeStream:
        """As MediaPlane.open_stream."""
        try:
            native = self._open_plane().open_stream(is_ipv6)
        except OSError as error:
            raise PortsExhausted(str(error)) from error
        stream = NativeStream(self, native, self._ipv6_host if is_ipv6 else self._host)
        self._streams[native.id] = stream
        return stream

    def open_video(self, *, is_ipv6: bool = False) -> NativeVideo:
        """As MediaPlane.open_video."""
        try:
            native = self._open_plane().open_video(is_ipv6)
        except OSError as error:
            raise PortsExhausted(str(error)) from error
        video = NativeVideo(self, native, self._ipv6_host if is_ipv6 else self._host)
        self._videos[native.id] = video
        return video

    def bridge(self, one: AudioStream, other: AudioStream) -> NativeBridge:
        """As MediaPlane.bridge."""
        return self._join(cast("NativeStream", one), cast("NativeStream", other))

    def open_room(self) -> NativeRoom:
        """As MediaPlane.open_room."""
        room = NativeRoom(self, self._open_plane().open_room())
        self._rooms[room.room_id] = room
        self.wake_soon()
        return room

    def bridge_video(self, one: VideoStream, other: VideoStream) -> NativeBridge:
        """As MediaPlane.bridge_video."""
        return self._join(cast("NativeVideo", one), cast("NativeVideo", other))

    def statistics(self) -> PlaneStatistics:
        """As MediaPlane.statistics."""
        native = self._open_plane().statistics()
        return PlaneStatistics(
            streams=sum(not stream.is_closed for stream in self._streams.values()),
            video_streams=len(self._videos),
            bridges=self._bridges,
            rooms=sum(not room.is_closed for room in self._rooms.values()),
            recordings=sum(stream.recordings for stream in self._streams.values())
            + sum(room.recordings for room in self._rooms.values()),
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
        for room in list(self._rooms.values()):
            room.close()
        for stream in list(self._streams.values()):
            stream.close()
        for video in list(self._videos.values()):
            video.close()
        await self._loop.run_in_executor(None, native.close)
        self._loop.remove_reader(native.event_fd)
        # What happened while the threads ended: recordings, most of all.
        self._deliver(native.drain_events())

    def forget(self, stream: NativeStream | NativeVideo) -> None:
        """For a stream: it is closed. It is kept while its recordings are being completed."""
        if isinstance(stream, NativeVideo):
            self._videos.pop(stream.native.id, None)
        elif not stream.recordings:
            self._streams.pop(stream.native.id, None)

    def forget_room(self, room: NativeRoom) -> None:
        """For a room: it is closed, and its recordings are complete."""
        self._rooms.pop(room.room_id, None)

    def part(self, one: NativeStream | NativeVideo, other: NativeStream | NativeVideo) -> None:
        """For a bridge: it ends."""
        self._bridges -= 1
        if self._native is not None:
            self._native.unbridge(one.native, other.native)
            self.wake_soon()

    def wake_soon(self) -> None:
        """Wake the packet threads once for all commands of this turn of the loop, and at most every `GATHER_S`.

        A packet thread that shares the core of the event loop takes it at once when it is woken: a call's commands
        would cost more in switches than in work. A node with little to do wakes the threads without delay.
        """
        if self._is_waking:
            return
        self._is_waking = True
        wait_s = self._woken_at + GATHER_S - self._loop.time()
        if wait_s <= 0:
            self._loop.call_soon(self._wake)
        else:
            self._loop.call_later(wait_s, self._wake)

    def wake_now(self) -> None:
        """Wake the packet threads at once."""
        if self._native is not None:
            self._native.wake()

    def _wake(self) -> None:
        self._is_waking = False
        self._woken_at = self._loop.time()
        if self._native is not None:
            self._native.wake()

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
        if one.is_closed or other.is_closed:
            raise StreamClosed("a closed stream cannot be bridged")
        self._open_plane().bridge(one.native, other.native)
        self.wake_soon()
        self._bridges += 1
        return NativeBridge(self, one, other)

    def _drain(self) -> None:
        if self._native is not None:
            self._deliver(self._native.drain_events())

    def _deliver(self, events: list[_native.Event]) -> None:
        for event in events:
            self._deliver_one(event)

    def _deliver_one(self, event: _native.Event) -> None:
        match event:
            case _native.Event.AudioReady(stream, listening):
                if (listened := self._streams.get(stream)) is not None:
                    listened.set_audio_ready(listening)
            case _native.Event.MarkPlayed(stream, feeding, mark, cleared):
                if (fed := self._streams.get(stream)) is not None:
                    fed.set_mark_played(feeding, mark, is_cleared=cleared)
            case _native.Event.MemberSpeaks(room, member, speaks):
                if (spoken := self._rooms.get(room)) is not None:
                    spoken.deliver_speaking(member, speaks=speaks)
            case _native.Event.RecordingEnded(stream):
                owner = self._streams.get(stream) or self._rooms[stream]
                owner.deliver_recording(event)
            case _native.Event.PlaybackEnded(stream, playback, finished) if stream in self._rooms:
                self._rooms[stream].deliver_playback(playback, finished=finished)
            case _:
                self._deliver_to_story(event)

    def _deliver_to_story(self, event: _native.Event) -> None:
        match event:
            case _native.Event.Digit(stream, digit, inband):
                source = DigitSource.INBAND if inband else DigitSource.RTP
                self._publish(stream, DigitPressed(digit, source))
            case _native.Event.PlaybackEnded(stream, playback, finished):
                self._publish(stream, PlaybackEnded(playback, finished))
            case _native.Event.FirstPacket(stream, host, port):
                self._publish(stream, FirstPacket(MediaAddress(host, port)))
            case _native.Event.FormatUsed(stream, payload_type):
                self._publish(stream, FormatUsed(payload_type))
            case _native.Event.NothingHeard(stream, seconds):
                self._publish(stream, NothingHeard(seconds))
            case _native.Event.Stalled(stream, silence_s):
                self._publish(stream, Stalled(silence_s))
            case _native.Event.Secured(stream, suite):
                self._publish(stream, Secured(suite))
            case _native.Event.SecurityFailed(stream, reason):
                self._publish(stream, SecurityFailed(reason))

    def _publish(self, stream_id: int, event: StreamEvent) -> None:
        stream = self._streams.get(stream_id)
        if stream is not None:
            stream.deliver(event)


def _hurry(threads: list[int]) -> bool:
    """Round robin at the lowest real-time priority: a packet that is due does not wait for other programs' turns."""
    try:
        for thread in threads:
            os.sched_setscheduler(thread, os.SCHED_RR, os.sched_param(os.sched_get_priority_min(os.SCHED_RR)))
    except OSError as error:
        _log.info("packet threads keep the ordinary priority: %s", error.strerror)
        return False
    return True
