"""The door of the media plane: what the floors above may ask of it.

Two doors fit these protocols: `engine.NativePlane`, which moves packets in threads of its own, and
`fake.FakePlane`, which has no sockets and obeys a test. All commands return at once and take effect in the
order in which they were given; what happened comes back as events.
"""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from callapi.media.plane.events import RecordingEnded, RoomEvent, StreamEvent
from callapi.media.plane.types import (
    AudioFormat,
    AudioFrame,
    JitterDelay,
    MediaAddress,
    PlaneStatistics,
    PlayedMark,
    Prompt,
    RecordOptions,
    StreamParameters,
    StreamStatistics,
    Track,
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

    def pause(self, *, skips: bool) -> None:
        """Record nothing from now on: the time is left out (`skips`), or silent. No effect while it is paused."""

    def resume(self) -> None:
        """Go on recording."""

    def stop(self) -> None:
        """End it now and keep what was recorded. No effect if it is over."""

    async def ended(self) -> RecordingEnded:
        """Wait until the file is whole (or has failed). May be awaited often; safe to cancel."""


class Listening(Protocol):
    """A leg's audio as it is: a frame every 20 ms, silence where there is none, on hold and muted too.

    Timestamps never go back; they leave out frames that were dropped because they were not read for about a second.
    Goes on through bridges, conferences and changes of the codec. It ends with its stream.
    """

    @property
    def dropped(self) -> int:
        """Frames that found no room in the ring."""

    def read(self) -> list[AudioFrame]:
        """The frames that wait, oldest first; empty if there are none. What waited at the end can still be read."""

    async def next(self) -> list[AudioFrame]:
        """Wait until `read` has something, and read it. Safe to cancel; for one task at a time.

        Raises:
            StreamClosed: the stream or the listening was closed and everything has been read.
        """

    def close(self) -> None:
        """Stop listening. Idempotent."""


class Feeding(Protocol):
    """Audio from the application to a leg: queued, and sent packet by packet in real time; silence when empty.

    While it is open nothing else is heard on the leg but digits. It waits while nothing may be sent (hold).
    It ends with its stream.
    """

    @property
    def buffered_ms(self) -> int:
        """How much is queued."""

    def write(self, data: bytes) -> None:
        """Queue audio of any length; samples may be split between two writes.

        Raises:
            BufferFull: `max_buffer_s` would be exceeded; nothing of `data` was queued.
            StreamClosed: the stream or the feeding is closed.
        """

    def mark(self, mark_id: str) -> None:
        """Ask to hear when the last sample written before has left as RTP. Raises as `write`."""

    async def next_mark(self) -> PlayedMark:
        """Wait for the next mark that is over, in the order in which they were set. Safe to cancel.

        Raises:
            StreamClosed: closed, and the marks that were pending (all of them cleared) have been taken.
        """

    def pause(self, *, paused: bool) -> None:
        """While paused the leg hears silence, and what is queued waits with its marks. Raises StreamClosed."""

    def clear(self) -> None:
        """Drop what is queued: the leg is silent within 40 ms, and the pending marks come back as cleared."""

    def close(self) -> None:
        """Drop what is queued and end. Idempotent."""


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

    def listen(self, audio_format: AudioFormat, *, track: Track = Track.INBOUND) -> Listening:
        """Hear the leg from now on. Several at once are possible. Raises ValueError on an unknown format."""

    def feed(self, audio_format: AudioFormat, *, max_buffer_s: float = 600.0) -> Feeding:
        """Give the application the word on this leg; what is playing ends unfinished, and so does a former feeding.

        Raises ValueError on an unknown format.
        """

    async def next_event(self) -> StreamEvent:
        """Wait for the next event; safe to cancel.

        Raises:
            StreamClosed: the stream was closed and its last event has been taken.
        """

    def hand_events_to(self, reader: Callable[[StreamEvent], None]) -> None:
        """Call `reader` on the event loop with each event from now on, in place of `next_event`; it must not raise."""

    def mute(self, muted: bool) -> None:  # noqa: FBT001 - the vendor's `Mute=true|false`
        """While muted, what this party says is not passed on. Digits are still reported, and the party still hears."""

    @property
    def packets(self) -> int:
        """Packets received, sent or dropped so far: a cheap question whether the counters have moved."""

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


class RoomMember(Protocol):
    """A stream's place in a room."""

    @property
    def member_id(self) -> int:
        """The id that events of the room carry."""

    def mute(self, muted: bool) -> None:  # noqa: FBT001 - the vendor's `Muted=true|false`
        """While muted the room does not hear this member; the member hears the room."""

    def coach(self, member: "RoomMember | None") -> None:
        """Only `member` hears this one from now on; None: all members do."""

    def leave(self) -> None:
        """Take the stream out; it stays open. Also when the stream is closed, bridged, or joins another room."""


class Room(Protocol):
    """A conference: each member hears all others but not itself, at the best rate of the room.

    A stream that plays a prompt hears that instead of the room, and is heard meanwhile: so is one member announced
    to.
    """

    @property
    def members(self) -> int:
        """How many streams are in it."""

    def join(
        self,
        stream: AudioStream,
        *,
        muted: bool = False,
        coach: RoomMember | None = None,
        early: bool = False,
        delay: JitterDelay | None = None,
    ) -> RoomMember:
        """Put a stream in; a bridge or room that it is in, and what it plays, ends.

        `early`: its party has not answered yet. It hears nothing, and is heard as a ringing tone until it sends sound.
        `delay` bounds its jitter buffer; None: 40 to 240 ms.

        Raises:
            RoomFull: 250 members are in it.
            StreamClosed: the stream or the room is closed.
        """

    def announce(self, audio: Prompt, *, loop: int = 1) -> Playback:
        """Play `audio` to all members, over what is said. One at a time: a second ends the first."""

    def record(self, path: Path, options: RecordOptions = ...) -> Recording:
        """Record what all members say together, announcements included, in one channel; as AudioStream.record."""

    async def next_event(self) -> RoomEvent:
        """Wait for who begins or ceases to speak. Safe to cancel. Raises StreamClosed when the room is closed."""

    def close(self) -> None:
        """Take every member out; recordings are completed. Idempotent."""


class MediaPlane(Protocol):
    """All media of one node."""

    async def __aenter__(self) -> Self:
        """Start the threads."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """`close`."""

    def open_stream(self, *, is_ipv6: bool = False) -> AudioStream:
        """A new stream on its own ports, at the plane's IPv6 address if asked for and there is one.

        Raises:
            PortsExhausted: no port is free.
        """

    def open_video(self, *, is_ipv6: bool = False) -> VideoStream:
        """A new video stream, as `open_stream`."""

    def bridge(self, one: AudioStream, other: AudioStream) -> Bridge:
        """Join two streams; a former bridge of either ends, and so does what is playing on them.

        Packets are passed on as they are if both have the same codec, else decoded and encoded anew.
        """

    def open_room(self) -> Room:
        """A new conference without members."""

    def bridge_video(self, one: VideoStream, other: VideoStream) -> Bridge:
        """Join two video streams."""

    def statistics(self) -> PlaneStatistics:
        """What is open at present, and totals."""

    async def close(self) -> None:
        """Close every stream, complete every recording, end the threads. Idempotent."""
