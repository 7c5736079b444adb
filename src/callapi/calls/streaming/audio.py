"""A call's audio stream as a Media Stream needs it: sources and a sink over the media plane's listening and feeding."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Literal

from callapi.media import (
    AudioFormat,
    AudioFrame,
    AudioStream,
    BufferFull,
    Feeding,
    Listening,
    StreamClosed,
    Track,
)
from callapi.streams import Encoding, MarkReached, MediaFormat

_ENCODINGS: Final[dict[Encoding, Literal["PCMU", "PCMA", "L16"]]] = {
    Encoding.MULAW: "PCMU",
    Encoding.ALAW: "PCMA",
    Encoding.L16: "L16",
}


def audio_format(media_format: MediaFormat) -> AudioFormat:
    """The format of the media plane for that of a stream."""
    return AudioFormat(_ENCODINGS[media_format.encoding], media_format.rate)


class CallAudio:
    """Opens what a stream needs of one call. `tracks` are `inbound`, `outbound` or both."""

    def __init__(
        self, stream: AudioStream, tracks: Sequence[str], media_format: MediaFormat, max_buffer_s: float
    ) -> None:
        self._stream = stream
        self._tracks = tracks
        self._format = audio_format(media_format)
        self._max_buffer_s = max_buffer_s

    def open_sources(self) -> Sequence["TrackSource"]:
        """As StreamAudio."""
        return [
            TrackSource(track, self._stream.listen(self._format, track=Track(track)))
            for track in self._tracks
        ]

    def open_sink(self) -> "FeedingSink":
        """As StreamAudio."""
        feeding = self._stream.feed(self._format, max_buffer_s=self._max_buffer_s)
        return FeedingSink(feeding, self._format, self._max_buffer_s)


class TrackSource:
    """One track, as AudioSource."""

    def __init__(self, track: str, listening: Listening) -> None:
        self.track = track
        self._listening = listening

    async def read(self) -> Sequence[AudioFrame]:
        """As AudioSource."""
        try:
            return await self._listening.next()
        except StreamClosed:
            return ()

    def close(self) -> None:
        """As AudioSource."""
        self._listening.close()


class FeedingSink:
    """The queue of a call, as AudioSink."""

    def __init__(self, feeding: Feeding, audio: AudioFormat, max_buffer_s: float) -> None:
        self._feeding = feeding
        self._octets_per_ms = audio.octets_per_ms
        self._max_buffer_ms = int(max_buffer_s * 1000)

    def write(self, payload: bytes) -> int:
        """As AudioSink: what does not fit is left out at the end."""
        try:
            self._feeding.write(payload)
        except BufferFull:
            room_ms = max(0, self._max_buffer_ms - self._feeding.buffered_ms - 20)
            payload = payload[: room_ms * self._octets_per_ms]
            try:
                self._feeding.write(payload)
            except BufferFull:
                return 0
        except StreamClosed:
            pass
        return len(payload)

    def mark(self, number: int) -> None:
        """As AudioSink."""
        with suppress(StreamClosed):
            self._feeding.mark(str(number))

    def clear(self) -> None:
        """As AudioSink."""
        self._feeding.clear()

    def pause(self) -> None:
        """As AudioSink."""
        self._feeding.pause(paused=True)

    def resume(self) -> None:
        """As AudioSink."""
        self._feeding.pause(paused=False)

    async def next_mark(self) -> MarkReached | None:
        """As AudioSink."""
        try:
            mark = await self._feeding.next_mark()
        except StreamClosed:
            return None
        return MarkReached(int(mark.mark_id), mark.is_cleared)

    def close(self) -> None:
        """As AudioSink."""
        self._feeding.close()
