"""The door of the media plane: what the floors above may ask of it.

Two doors fit these protocols: `engine.NativePlane`, which moves packets in threads of its own, and
`fake.FakePlane`, which has no sockets and obeys a test. All commands return at once and take effect in the
order in which they were given; what happened comes back as events.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from callapi.media.plane.events import RecordingEnded, StreamEvent
from callapi.media.plane.types import (
    MediaAddress,
    PlaneStatistics,
    Prompt,
    RecordOptions,
    StreamParameters,
    StreamStatistics,
    VideoParameters,
)


class Playback(Protocol):
    """Something that a stream is playing."""

    @property
    def playback_id(self) -> int:
        """The id that PlaybackEnded carries."""

    def stop(self) -> None:
        """Fall silent within one packet time. No effect if it is over."""

    async def ended(self) -> bool:
        """Wait for the end; True if it was played to its end. May be awaited often; safe to cancel."""


class Recording(Protocol):
    """A recording that is being made."""

    @property
    def recording_id(self) -> int:
        """The id that RecordingEnded carries."""

    def stop(self) -> None:
        """End it now and keep what was recorded. No effect if it is over."""

    async def ended(self) -> RecordingEnded:
        """Wait until the file is whole (or has failed). May be awaited often; safe to cancel."""


class AudioStream(Protocol):
    """One leg's audio: an RTP port, its RTCP port, and what is sent and heard there."""

    @property
    def local(self) -> MediaAddress:
        """What goes into our SDP: the advertised host and the (even) RTP port."""

    @property
    def events(self) -> AsyncIterator[StreamEvent]:
        """`next_event` as an iterator that ends when the stream is closed."""

    def configure(self, parameters: StreamParameters) -> None:
        """Apply what an offer/answer agreed on. May come several times; a changed remote is learned anew."""

    def play(self, audio: Prompt, *, loop: int = 1) -> Playback:
        """Play `audio` `loop` times (0: until stopped); what was playing before ends unfinished."""

    def play_tone(self, country: str) -> Playback:
        """Play the ringing tone of `country` (two letters, unknown ones sound American) until stopped."""

    def send_digits(self, digits: str) -> Playback:
        """Send 0-9 * # A-D, with `w` for 0.5 s and `W` for 1 s of pause.

        As RFC 4733 events if the remote takes them, else as tones; over a bridge or playback, not instead.
        Raises ValueError on any other character.
        """

    def record(self, path: Path, options: RecordOptions = ...) -> Recording:
        """Record into `path` (WAV, PCM16), written as `path` + ".part" until it is whole.

        Goes on through bridge and unbridge. Several recordings of one stream are possible.
        """

    async def next_event(self) -> StreamEvent:
        """Wait for the next event; safe to cancel.

        Raises:
            StreamClosed: the stream was closed and its last event has been taken.
        """

    def mute(self, muted: bool) -> None:  # noqa: FBT001 - the vendor's `Mute=true|false`
        """While muted, what this party says is not passed on. Digits are still told, hearing goes on."""

    def statistics(self) -> StreamStatistics:
        """Counters of the moment; the last ones after `close`."""

    def close(self) -> None:
        """Free the ports. Playbacks end unfinished, recordings are completed, a bridge ends. Idempotent."""


class VideoStream(Protocol):
    """One leg's video: a port pair whose packets go to the other leg untouched, but for the payload type."""

    @property
    def local(self) -> MediaAddress:
        """What goes into our SDP."""

    def configure(self, parameters: VideoParameters) -> None:
        """As AudioStream.configure."""

    def statistics(self) -> StreamStatistics:
        """Counters of the moment; jitter, loss and MOS are not kept for video."""

    def close(self) -> None:
        """Free ports at once. Idempotent."""


class Bridge(Protocol):
    """Two streams that hear each other."""

    def close(self) -> None:
        """Part them; both stay open and may be used again. Idempotent."""


class MediaPlane(Protocol):
    """All media of one node."""

    async def __aenter__(self) -> Self:
        """Start the threads."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """`close`."""

    def open_stream(self) -> AudioStream:
        """A new stream on its own ports. Raises PortsExhausted."""

    def open_video(self) -> VideoStream:
        """A new video stream on its own ports. Raises PortsExhausted."""

    def bridge(self, one: AudioStream, other: AudioStream) -> Bridge:
        """Join two streams; a former bridge of either ends, and so does what is playing on them.

        Packets are passed on as they are if both have the same codec, else decoded and encoded anew.
        """

    def bridge_video(self, one: VideoStream, other: VideoStream) -> Bridge:
        """Join two video streams."""

    def statistics(self) -> PlaneStatistics:
        """What is open at present, and totals."""

    async def close(self) -> None:
        """Close every stream, complete every recording, end the threads. Idempotent."""
