"""The callbacks to one host that are in memory: one queue for each stream, and how the host is doing. Pure.

A queue holds the first callbacks of its stream in order; only its head may be under way. Later ones of the
same stream may be in the store alone, earlier ones never.
"""

import heapq
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from msgspec.structs import replace

from callapi.webhooks.outbox.callback import Callback


class QueueState(StrEnum):
    """What the head of a queue is doing."""

    READY = "ready"
    UNDER_WAY = "under-way"
    WAITING = "waiting"


@dataclass(slots=True)
class StreamQueue:
    """One stream; never empty."""

    callbacks: deque[Callback]
    state: QueueState = QueueState.READY


@dataclass(slots=True)
class HostQueue:
    """`known` is the set of all event ids in memory, shared by all hosts."""

    name: str
    known: set[str]
    at_once: int
    """How many may be under way: grows by one with each delivery, falls to one when the host fails."""
    count: int = 0
    under_way: int = 0

    failures: int = 0
    """Failures of the host in a row; while it rests, those that were already under way do not count."""
    rests_until: float = 0.0

    is_behind: bool = False
    """The store has callbacks of this host that are not in memory; new ones are left there too, in order."""
    is_loading: bool = False
    has_missed: bool = False
    """Something was left to the store since the load that is going on began."""
    more_at: float = 0.0
    """When the store will have more, if `is_behind`."""
    alarm_at: float | None = None
    """The earliest alarm set for this host."""

    _queues: dict[str, StreamQueue] = field(default_factory=dict)
    _ready: deque[str] = field(default_factory=deque)
    _waiting: list[tuple[float, str]] = field(default_factory=list)

    @property
    def ready(self) -> int:
        """How many queues have a head that may go."""
        return len(self._ready)

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to remember."""
        return not (self._queues or self.is_behind or self.is_loading)

    @property
    def wakes_at(self) -> float | None:
        """When the first waiting queue is to be woken."""
        return self._waiting[0][0] if self._waiting else None

    def add(self, callback: Callback) -> None:
        """Put `callback` at the end of its queue."""
        self.known.add(callback.event_id)
        self.count += 1
        queue = self._queues.get(callback.stream)
        if queue is not None:
            queue.callbacks.append(callback)
            return
        self._queues[callback.stream] = StreamQueue(deque((callback,)))
        self._ready.append(callback.stream)

    def take(self) -> Callback:
        """The head of the queue that has been ready longest, now under way."""
        queue = self._queues[self._ready.popleft()]
        queue.state = QueueState.UNDER_WAY
        self.under_way += 1
        return queue.callbacks[0]

    def settle(self, callback: Callback) -> None:
        """`callback`, which was under way, is done; the next of its queue may go."""
        self.under_way -= 1
        queue = self._queues[callback.stream]
        self._drop(queue.callbacks.popleft())
        if queue.callbacks:
            queue.state = QueueState.READY
            self._ready.append(callback.stream)
        else:
            del self._queues[callback.stream]

    def postpone(self, callback: Callback, next_at: float) -> None:
        """`callback`, which was under way, and its queue wait until `next_at`."""
        self.under_way -= 1
        queue = self._queues[callback.stream]
        queue.callbacks[0] = replace(callback, next_at=next_at)
        queue.state = QueueState.WAITING
        heapq.heappush(self._waiting, (next_at, callback.stream))

    def release(self, callback: Callback) -> None:
        """`callback`, which was under way, and its queue leave memory: the store has them."""
        self.under_way -= 1
        self._forget(callback.stream)

    def release_all(self) -> None:
        """Everything that is not under way leaves memory."""
        for stream in [
            each for each, queue in self._queues.items() if queue.state is not QueueState.UNDER_WAY
        ]:
            self._forget(stream)
        self._ready.clear()
        self._waiting.clear()

    def wake(self, now: float) -> None:
        """Queues whose time has come are ready."""
        while self._waiting and self._waiting[0][0] <= now:
            _, stream = heapq.heappop(self._waiting)
            self._queues[stream].state = QueueState.READY
            self._ready.append(stream)

    def _forget(self, stream: str) -> None:
        for callback in self._queues.pop(stream).callbacks:
            self._drop(callback)

    def _drop(self, callback: Callback) -> None:
        self.known.discard(callback.event_id)
        self.count -= 1
