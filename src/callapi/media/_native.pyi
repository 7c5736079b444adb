"""The seam to the packet threads, written in Rust (native/media-py). Only the engine imports it."""

from pathlib import Path
from typing import Final, final

from typing_extensions import disjoint_base

from callapi.media.answering.detector import MachineDetection
from callapi.media.plane.types import RecordOptions, StreamParameters, VideoParameters

__all__ = [
    "Event",
    "Feeding",
    "Listening",
    "MachineDetector",
    "Plane",
    "PlaneStatistics",
    "Prompt",
    "Room",
    "Stream",
    "StreamStatistics",
    "certificate_fingerprint",
    "generate_certificate",
]

@disjoint_base
class Event:
    """What happened; `stream` is `Stream.id`."""

    @final
    class Digit(Event):
        stream: Final[int]
        digit: Final[str]
        inband: Final[bool]
        __match_args__: Final = ("stream", "digit", "inband")
        def __new__(cls, stream: int, digit: str, inband: bool) -> Event.Digit: ...

    @final
    class PlaybackEnded(Event):
        stream: Final[int]
        playback: Final[int]
        finished: Final[bool]
        __match_args__: Final = ("stream", "playback", "finished")
        def __new__(cls, stream: int, playback: int, finished: bool) -> Event.PlaybackEnded: ...

    @final
    class AudioReady(Event):
        stream: Final[int]
        listening: Final[int]
        __match_args__: Final = ("stream", "listening")
        def __new__(cls, stream: int, listening: int) -> Event.AudioReady: ...

    @final
    class MarkPlayed(Event):
        stream: Final[int]
        feeding: Final[int]
        mark: Final[int]
        cleared: Final[bool]
        __match_args__: Final = ("stream", "feeding", "mark", "cleared")
        def __new__(cls, stream: int, feeding: int, mark: int, cleared: bool) -> Event.MarkPlayed: ...

    @final
    class MemberSpeaks(Event):
        room: Final[int]
        member: Final[int]
        speaks: Final[bool]
        __match_args__: Final = ("room", "member", "speaks")
        def __new__(cls, room: int, member: int, speaks: bool) -> Event.MemberSpeaks: ...

    @final
    class FirstPacket(Event):
        stream: Final[int]
        host: Final[str]
        port: Final[int]
        __match_args__: Final = ("stream", "host", "port")
        def __new__(cls, stream: int, host: str, port: int) -> Event.FirstPacket: ...

    @final
    class FormatUsed(Event):
        stream: Final[int]
        payload_type: Final[int]
        __match_args__: Final = ("stream", "payload_type")
        def __new__(cls, stream: int, payload_type: int) -> Event.FormatUsed: ...

    @final
    class NothingHeard(Event):
        stream: Final[int]
        seconds: Final[float]
        __match_args__: Final = ("stream", "seconds")
        def __new__(cls, stream: int, seconds: float) -> Event.NothingHeard: ...

    @final
    class Stalled(Event):
        stream: Final[int]
        silence_s: Final[float]
        __match_args__: Final = ("stream", "silence_s")
        def __new__(cls, stream: int, silence_s: float) -> Event.Stalled: ...

    @final
    class Secured(Event):
        stream: Final[int]
        suite: Final[str]
        __match_args__: Final = ("stream", "suite")
        def __new__(cls, stream: int, suite: str) -> Event.Secured: ...

    @final
    class SecurityFailed(Event):
        stream: Final[int]
        reason: Final[str]
        __match_args__: Final = ("stream", "reason")
        def __new__(cls, stream: int, reason: str) -> Event.SecurityFailed: ...

    @final
    class RecordingEnded(Event):
        stream: Final[int]
        recording: Final[int]
        cause: Final[str]
        duration_ms: Final[int]
        digit: Final[str | None]
        is_silent: Final[bool]
        error: Final[str | None]
        __match_args__: Final = (
            "stream",
            "recording",
            "cause",
            "duration_ms",
            "digit",
            "is_silent",
            "error",
        )
        def __new__(
            cls,
            stream: int,
            recording: int,
            cause: str,
            duration_ms: int,
            digit: str | None,
            is_silent: bool,
            error: str | None,
        ) -> Event.RecordingEnded: ...

@final
class MachineDetector:
    """Who has answered a call: fed with `L16` at 8000 Hz, the verdict in Twilio's words."""

    def __new__(cls, options: MachineDetection) -> MachineDetector: ...
    elapsed_ms: Final[int]
    def hear(self, octets: bytes) -> str | None: ...

@final
class Prompt:
    """Audio that any number of streams can play at once: 16-bit mono at 8000, 16000 or 48000 Hz."""

    def __new__(cls, samples: bytes, rate: int) -> Prompt: ...

@final
class StreamStatistics:
    """Counters of one stream."""

    packets_received: Final[int]
    bytes_received: Final[int]
    packets_sent: Final[int]
    bytes_sent: Final[int]
    packets_lost: Final[int]
    packets_dropped: Final[int]
    jitter_ms: Final[float]
    round_trip_ms: Final[float | None]
    mos: Final[float | None]
    codec: Final[str]
    remote: Final[tuple[str, int] | None]

@final
class PlaneStatistics:
    """Counters of the plane."""

    threads: Final[int]
    ports_free: Final[int]
    ports_in_use: Final[int]
    packets_received: Final[int]
    packets_sent: Final[int]
    packets_dropped: Final[int]
    events_lost: Final[int]

@final
class Listening:
    """Where frames of a stream are read."""

    id: Final[int]
    dropped: Final[int]
    def read(self) -> list[tuple[int, bytes]]: ...
    def close(self) -> None: ...

@final
class Feeding:
    """Where audio for a stream is written; what was refused is False."""

    id: Final[int]
    queued: Final[int]
    def write(self, data: bytes) -> bool: ...
    def mark(self, mark: int) -> bool: ...
    def pause(self, paused: bool) -> None: ...
    def clear(self) -> None: ...
    def close(self) -> None: ...

@final
class Stream:
    """A stream of audio or video. Orders are obeyed after `Plane.wake`; those that do not fit have no effect."""

    id: Final[int]
    port: Final[int]
    def configure(self, parameters: StreamParameters) -> None: ...
    def configure_video(self, parameters: VideoParameters) -> None: ...
    def play(self, prompt: Prompt, loops: int) -> int: ...
    def play_tone(self, country: str) -> int: ...
    def send_digits(self, digits: str) -> int: ...
    def stop(self, playback: int) -> None: ...
    def record(self, path: Path, options: RecordOptions) -> int: ...
    def pause_recording(self, recording: int, skips: bool | None) -> None: ...
    def stop_recording(self, recording: int) -> None: ...
    def mute(self, muted: bool) -> None: ...
    def listen(self, track: str, encoding: str, rate: int) -> Listening: ...
    def feed(self, encoding: str, rate: int, max_octets: int) -> Feeding: ...
    @property
    def packets(self) -> int: ...
    def statistics(self) -> StreamStatistics: ...
    def close(self) -> None: ...

@final
class Room:
    """A conference. Orders are carried out after `Plane.wake`."""

    id: Final[int]
    def join(
        self,
        stream: Stream,
        muted: bool,
        coaches: int | None,
        early: bool,
        delay_ms: tuple[int, int] | None,
    ) -> int: ...
    def set_part(self, stream: Stream, member: int, muted: bool, coaches: int | None) -> None: ...
    def leave(self, stream: Stream, member: int) -> None: ...
    def announce(self, prompt: Prompt, loops: int) -> int: ...
    def stop(self, playback: int) -> None: ...
    def record(self, path: Path, options: RecordOptions) -> int: ...
    def pause_recording(self, recording: int, skips: bool | None) -> None: ...
    def stop_recording(self, recording: int) -> None: ...
    def close(self) -> None: ...

@final
class Plane:
    """All media of one node."""

    def __new__(
        cls,
        address: str,
        first_port: int,
        last_port: int,
        threads: int,
        timeout_s: float,
        cname: str,
        certificate: tuple[bytes, bytes] | None,
        webrtc_port: int,
        other_address: str | None,
    ) -> Plane: ...
    thread_ids: Final[list[int]]
    @property
    def event_fd(self) -> int: ...
    def drain_events(self) -> list[Event]: ...
    def open_stream(self, is_elsewhere: bool) -> Stream: ...
    def open_video(self, is_elsewhere: bool) -> Stream: ...
    def open_room(self) -> Room: ...
    def bridge(self, one: Stream, other: Stream) -> None: ...
    def unbridge(self, one: Stream, other: Stream) -> None: ...
    def wake(self) -> None: ...
    def statistics(self) -> PlaneStatistics: ...
    def close(self) -> None: ...

def generate_certificate() -> tuple[bytes, bytes]: ...
def certificate_fingerprint(certificate: bytes) -> bytes: ...
