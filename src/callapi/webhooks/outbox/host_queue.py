"""The callbacks to one host that are in memory: one lane for each stream, and how the host is doing. Pure.

A lane holds the first callbacks of its stream in order; only its head may be under way. Later ones of the
same stream may be in the store alone, earlier ones never.
"""

import heapq
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from msgspec.structs import replace

from callapi.webhooks.outbox.callback import Callback


class LaneState(StrEnum):
    """What the head of a lane is doing."""

    READY = "ready"
    UNDER_WAY = "under-way"
    WAITING = "waiting"


@dataclass(slots=True)
class StreamQueue:
    """One stream; never empty."""

    callbacks: deque[Callback]
    state: LaneState = LaneState.READY


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

    _lanes: dict[str, StreamQueue] = field(default_factory=dict)
    _ready: deque[str] = field(default_factory=deque)
    _waiting: list[tuple[float, str]] = field(default_factory=list)

    @property
    def ready(self) -> int:
        """How many lanes have a head that may go."""
        return len(self._ready)

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to remember."""
        return not (self._lanes or self.is_behind or self.is_loading)

    @property
    def wakes_at(self) -> float | None:
        """When the first waiting lane is to be woken."""
        return self._waiting[0][0] if self._waiting else None

    def add(self, callback: Callback) -> None:
        """Put `callback` at the end of its lane."""
        self.known.add(callback.event_id)
        self.count += 1
        lane = self._lanes.get(callback.stream)
        if lane is not None:
            lane.callbacks.append(callback)
            return
        self._lanes[callback.stream] = StreamQueue(deque((callback,)))
        self._ready.append(callback.stream)

    def take(self) -> Callback:
        """The head of the lane that has been ready longest, now under way."""
        lane = self._lanes[self._ready.popleft()]
        lane.state = LaneState.UNDER_WAY
        self.under_way += 1
        return lane.callbacks[0]

    def settle(self, callback: Callback) -> None:
        """`callback`, which was under way, is done; the next of its lane may go."""
        self.under_way -= 1
        lane = self._lanes[callback.stream]
        self._drop(lane.callbacks.popleft())
        if lane.callbacks:
            lane.state = LaneState.READY
            self._ready.append(callback.stream)
        else:
            del self._lanes[callback.stream]

    def postpone(self, callback: Callback, next_at: float) -> None:
        """`callback`, which was under way, and its lane wait until `next_at`."""
        self.under_way -= 1
        lane = self._lanes[callback.stream]
        lane.callbacks[0] = replace(callback, next_at=next_at)
        lane.state = LaneState.WAITING
        heapq.heappush(self._waiting, (next_at, callback.stream))

    def release(self, callback: Callback) -> None:
        """`callback`, which was under way, and its lane leave memory: the store has them."""
        self.under_way -= 1
        self._forget(callback.stream)

    def release_all(self) -> None:
        """Everything that is not under way leaves memory."""
        for stream in [each for each, lane in self._lanes.items() if lane.state is not LaneState.UNDER_WAY]:
            self._forget(stream)
        self._ready.clear()
        self._waiting.clear()

    def wake(self, now: float) -> None:
        """Lanes whose time has come are ready."""
        while self._waiting and self._waiting[0][0] <= now:
            _, stream = heapq.heappop(self._waiting)
            self._lanes[stream].state = LaneState.READY
            self._ready.append(stream)

    def _forget(self, stream: str) -> None:
        for callback in self._lanes.pop(stream).callbacks:
            self._drop(callback)

    def _drop(self, callback: Callback) -> None:
        self.known.discard(callback.event_id)
        self.count -= 1
