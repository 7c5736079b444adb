"""How events reach their readers: a bounded queue or a function, and an outcome that is set once."""

from collections.abc import Callable
from typing import Generic, Self, TypeVar

from callapi.base.notifier import Notifier
from callapi.media.errors import StreamClosed
from callapi.media.plane.events import StreamEvent
from callapi.media.plane.types import PlayedMark

QUEUE_BOUND = 256
T = TypeVar("T")


class EventQueue:
    """Events of one stream, oldest first; beyond 256 unread ones, the oldest is dropped and counted.

    A reader with a task of its own takes them by `next`; one without gets them by `hand_to`.
    """

    __slots__ = ("_changed", "_events", "_is_closed", "_reader", "lost")

    def __init__(self) -> None:
        self._reader: Callable[[StreamEvent], None] | None = None
        self._events: list[StreamEvent] = []
        self._changed = Notifier()
        self._is_closed = False
        self.lost = 0

    def put(self, event: StreamEvent) -> None:
        """Add an event; ignored after `close`."""
        if self._is_closed:
            return
        if self._reader is not None:
            self._reader(event)
            return
        if len(self._events) == QUEUE_BOUND:
            self.lost += 1
            del self._events[0]
        self._events.append(event)
        self._changed.ring()

    def close(self) -> None:
        """No more will come; what is there can still be taken."""
        self._is_closed = True
        self._reader = None
        self._changed.ring()

    def hand_to(self, reader: Callable[[StreamEvent], None]) -> None:
        """Call `reader` with each event as it comes, those that wait first, until `close`. It must not raise."""
        waiting, self._events = self._events, []
        if not self._is_closed:
            self._reader = reader
        for event in waiting:
            reader(event)

    async def next(self) -> StreamEvent:
        """Wait for the oldest event; raises StreamClosed when there will be none. Safe to cancel."""
        while not self._events:
            if self._is_closed:
                raise StreamClosed("the stream is closed")
            await self._changed.wait()
        return self._events.pop(0)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> StreamEvent:
        try:
            return await self.next()
        except StreamClosed:
            raise StopAsyncIteration from None


class Outcome(Generic[T]):
    """A value that is set once and may be awaited by many, each of which may be cancelled."""

    def __init__(self) -> None:
        self._ready = Notifier()
        self._value: list[T] = []

    @property
    def is_set(self) -> bool:
        """Whether `set` was called."""
        return bool(self._value)

    def set(self, value: T) -> None:
        """Wake all tasks that wait; only the first value counts."""
        if not self._value:
            self._value.append(value)
            self._ready.ring()

    async def wait(self) -> T:
        """The value, as soon as there is one."""
        if not self._value:
            await self._ready.wait()
        return self._value[0]


class MarkQueue:
    """The marks of one Feeding that are over, oldest first. Bounded by how many may be pending."""

    def __init__(self) -> None:
        self._marks: list[PlayedMark] = []
        self._changed = Notifier()
        self._is_closed = False

    def put(self, mark: PlayedMark) -> None:
        """Add a mark."""
        self._marks.append(mark)
        self._changed.ring()

    def close(self) -> None:
        """No more will come; what is there can still be taken."""
        self._is_closed = True
        self._changed.ring()

    async def next(self) -> PlayedMark:
        """Wait for the oldest mark; raises StreamClosed when there will be none. Safe to cancel."""
        while not self._marks:
            if self._is_closed:
                raise StreamClosed("the feeding is closed")
            await self._changed.wait()
        return self._marks.pop(0)
