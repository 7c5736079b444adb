"""Listening and feeding of the native media plane, as the floors above hold them."""

from typing import Protocol

from callapi.base.notifier import Notifier
from callapi.media import _native
from callapi.media.errors import BufferFull, StreamClosed
from callapi.media.plane.delivery import MarkQueue
from callapi.media.plane.types import AudioFormat, AudioFrame, PlayedMark


class Owner(Protocol):
    """What both need of their stream."""

    def wake_soon(self) -> None:
        """A packet thread was given an order."""

    def forget_audio(self, audio: "NativeListening | NativeFeeding") -> None:
        """It is closed."""


class NativeListening:
    """Frames that a packet thread puts into a ring."""

    def __init__(self, owner: Owner, native: _native.Listening) -> None:
        self._owner = owner
        self._native = native
        self._ready = Notifier()
        self._is_closed = False

    @property
    def listening_id(self) -> int:
        """Names it in the events of the native module."""
        return self._native.id

    @property
    def dropped(self) -> int:
        """As Listening.dropped."""
        return self._native.dropped

    def read(self) -> list[AudioFrame]:
        """As Listening.read."""
        return [AudioFrame(timestamp_ms, payload) for timestamp_ms, payload in self._native.read()]

    async def next(self) -> list[AudioFrame]:
        """As Listening.next."""
        while not (frames := self.read()):
            if self._is_closed:
                raise StreamClosed("the listening is closed")
            await self._ready.wait()
        return frames

    def close(self) -> None:
        """As Listening.close."""
        if not self._is_closed:
            self._native.close()
            self._owner.wake_soon()
            self._owner.forget_audio(self)
            self.set_closed()

    def set_ready(self) -> None:
        """For the stream: there is a frame again."""
        self._ready.ring()

    def set_closed(self) -> None:
        """For the stream: no more frames will come."""
        self._is_closed = True
        self._ready.ring()


class NativeFeeding:
    """A queue that a packet thread plays out."""

    def __init__(
        self, owner: Owner, native: _native.Feeding, audio_format: AudioFormat, max_buffer_s: float
    ) -> None:
        self._owner = owner
        self._native = native
        self._octets_per_ms = audio_format.octets_per_ms
        self._max_buffer_s = max_buffer_s
        self._pending: dict[int, str] = {}
        self._marks = MarkQueue()
        self._next_mark = 0
        self._is_closed = False

    @property
    def feeding_id(self) -> int:
        """Names it in the events of the native module."""
        return self._native.id

    @property
    def buffered_ms(self) -> int:
        """As Feeding.buffered_ms."""
        return self._native.queued // self._octets_per_ms

    def write(self, data: bytes) -> None:
        """As Feeding.write."""
        self._require_open()
        if not self._native.write(data):
            raise BufferFull(self.buffered_ms, self._max_buffer_s)
        self._owner.wake_soon()

    def mark(self, mark_id: str) -> None:
        """As Feeding.mark; at most 10,000 marks may be pending."""
        self._require_open()
        self._next_mark += 1
        if not self._native.mark(self._next_mark):
            raise BufferFull(self.buffered_ms, self._max_buffer_s)
        self._pending[self._next_mark] = mark_id
        self._owner.wake_soon()

    async def next_mark(self) -> PlayedMark:
        """As Feeding.next_mark."""
        return await self._marks.next()

    def pause(self, *, paused: bool) -> None:
        """As Feeding.pause."""
        self._require_open()
        self._native.pause(paused)
        self._owner.wake_soon()

    def clear(self) -> None:
        """As Feeding.clear."""
        self._require_open()
        self._native.clear()
        self._owner.wake_soon()

    def close(self) -> None:
        """As Feeding.close."""
        if not self._is_closed:
            self._native.close()
            self._owner.wake_soon()
            self._owner.forget_audio(self)
            self.set_closed()

    def set_played(self, mark: int, *, is_cleared: bool) -> None:
        """For the stream: a mark is over."""
        mark_id = self._pending.pop(mark, None)
        if mark_id is not None:
            self._marks.put(PlayedMark(mark_id, is_cleared))

    def set_closed(self) -> None:
        """For the stream: nothing more will be played."""
        self._is_closed = True
        for mark in list(self._pending):
            self.set_played(mark, is_cleared=True)
        self._marks.close()

    def _require_open(self) -> None:
        if self._is_closed:
            raise StreamClosed("the feeding is closed")
