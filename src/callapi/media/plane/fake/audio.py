"""The audio door of the fake plane: a test puts frames in, and lets what was written leave."""

from callapi.base.notifier import Notifier
from callapi.media.errors import BufferFull, StreamClosed
from callapi.media.plane.delivery import MarkQueue
from callapi.media.plane.types import AudioFormat, AudioFrame, PlayedMark, Track

FRAME_MS = 20
MAX_FRAMES = 50


class FakeListening:
    """A Listening whose frames the test makes; `audio_format` and `track` are what was asked for."""

    def __init__(self, audio_format: AudioFormat, track: Track) -> None:
        self._frames: list[AudioFrame] = []
        self._changed = Notifier()
        self._elapsed_ms = 0
        self.audio_format = audio_format
        self.track = track
        self.dropped = 0
        self.is_closed = False

    def put(self, *payloads: bytes) -> None:
        """Test hook: 20 ms pass with each of `payloads`."""
        for payload in payloads:
            if len(self._frames) < MAX_FRAMES:
                self._frames.append(AudioFrame(self._elapsed_ms, payload))
            else:
                self.dropped += 1
            self._elapsed_ms += FRAME_MS
        self._changed.ring()

    def read(self) -> list[AudioFrame]:
        """As Listening.read."""
        frames, self._frames = self._frames, []
        return frames

    async def next(self) -> list[AudioFrame]:
        """As Listening.next."""
        while not self._frames:
            if self.is_closed:
                raise StreamClosed("the listening is closed")
            await self._changed.wait()
        return self.read()

    def close(self) -> None:
        """As Listening.close."""
        self.is_closed = True
        self._changed.ring()


class FakeFeeding:
    """A Feeding that keeps what was written.

    Attributes:
        written: everything, cleared or not.
        cleared: how often `clear` was called.
    """

    def __init__(self, audio_format: AudioFormat, max_buffer_s: float) -> None:
        self._marks = MarkQueue()
        self._pending: list[tuple[str, int]] = []
        self._left = 0
        self.audio_format = audio_format
        self.max_buffer_s = max_buffer_s
        self.written = bytearray()
        self.cleared = 0
        self.is_closed = False
        self.is_paused = False

    @property
    def buffered_ms(self) -> int:
        """As Feeding.buffered_ms."""
        return (len(self.written) - self._left) // self.audio_format.octets_per_ms

    @property
    def pending_marks(self) -> list[str]:
        """Marks that have not come back yet."""
        return [mark_id for mark_id, _ in self._pending]

    def write(self, data: bytes) -> None:
        """As Feeding.write."""
        self._require_open()
        queued = len(self.written) - self._left + len(data)
        if queued > self.max_buffer_s * 1000 * self.audio_format.octets_per_ms:
            raise BufferFull(self.buffered_ms, self.max_buffer_s)
        self.written += data

    def mark(self, mark_id: str) -> None:
        """As Feeding.mark; comes back with the next `play` that reaches it."""
        self._require_open()
        self._pending.append((mark_id, len(self.written)))

    async def next_mark(self) -> PlayedMark:
        """As Feeding.next_mark."""
        return await self._marks.next()

    def play(self, duration_ms: int | None = None) -> None:
        """Test hook: so much of what is queued leaves (None: all), and the marks before its end come back."""
        span = 0 if self.is_paused else len(self.written) - self._left
        if duration_ms is not None:
            span = min(span, duration_ms * self.audio_format.octets_per_ms)
        self._left += span
        while self._pending and self._pending[0][1] <= self._left:
            self._marks.put(PlayedMark(self._pending.pop(0)[0]))

    def pause(self, *, paused: bool) -> None:
        """As Feeding.pause."""
        self._require_open()
        self.is_paused = paused

    def clear(self) -> None:
        """As Feeding.clear."""
        self._require_open()
        self.cleared += 1
        self._drop()

    def close(self) -> None:
        """As Feeding.close."""
        if not self.is_closed:
            self.is_closed = True
            self._drop()
            self._marks.close()

    def _drop(self) -> None:
        self._left = len(self.written)
        for mark_id, _ in self._pending:
            self._marks.put(PlayedMark(mark_id, is_cleared=True))
        self._pending.clear()

    def _require_open(self) -> None:
        if self.is_closed:
            raise StreamClosed("the feeding is closed")
