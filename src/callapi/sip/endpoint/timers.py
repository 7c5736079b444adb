"""Every timer of the endpoint, in one heap behind one alarm of the event loop.

A call starts about eight timers and most of them are stopped again, so both must cost next to nothing: a stopped
entry stays in the heap without its owner, and the heap is swept when half of it is such entries.
"""

import asyncio
from collections.abc import Callable
from enum import StrEnum
from heapq import heapify, heappop, heappush
from typing import Protocol

from msgspec import Struct

SLACK = 0.01
"""Seconds by which a timer may fire late, so that neighbours share one wake-up."""
_SMALLEST_SWEEP = 256


class Timing(Struct, eq=False):
    """One running timer; without owner once it is stopped."""

    owner: "TimerOwner | None"
    timer: StrEnum


class TimerOwner(Protocol):
    """An owner of timers keeps the running ones by name."""

    timers: dict[StrEnum, Timing]


class TimerQueue:
    """The heap; `fire(owner, timer)` is called on the loop for each timer that is due."""

    __slots__ = ("_alarm", "_alarm_at", "_fire", "_heap", "_loop", "_serial", "_stopped")

    def __init__(self, loop: asyncio.AbstractEventLoop, fire: Callable[[TimerOwner, StrEnum], None]) -> None:
        self._loop = loop
        self._fire = fire
        # Instant, serial number (so that timings are never compared), timing.
        self._heap: list[tuple[float, int, Timing]] = []
        self._serial = 0
        self._stopped = 0
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = float("inf")

    def __len__(self) -> int:
        """The running timers."""
        return len(self._heap) - self._stopped

    def start(self, owner: TimerOwner, timer: StrEnum, at: float) -> None:
        """Fire once at the instant `at`; a running timer of this name is replaced."""
        if timer in owner.timers:
            self.stop(owner, timer)
        self._serial += 1
        timing = owner.timers[timer] = Timing(owner, timer)
        heappush(self._heap, (at, self._serial, timing))
        if at < self._alarm_at - SLACK:
            self._set_alarm(at)

    def stop(self, owner: TimerOwner, timer: StrEnum) -> None:
        """Forget a timer; it need not be running."""
        timing = owner.timers.pop(timer, None)
        if timing is not None:
            timing.owner = None
            self._stopped += 1

    def stop_all(self, owner: TimerOwner) -> None:
        """Forget every timer of this owner."""
        for timing in owner.timers.values():
            timing.owner = None
        self._stopped += len(owner.timers)
        owner.timers.clear()
        if self._stopped > _SMALLEST_SWEEP and 2 * self._stopped > len(self._heap):
            self._sweep()

    def close(self) -> None:
        """Forget everything."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = None
        self._heap.clear()
        self._stopped = 0

    def _sweep(self) -> None:
        self._heap = [entry for entry in self._heap if entry[2].owner is not None]
        heapify(self._heap)
        self._stopped = 0

    def _set_alarm(self, at: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = at
        self._alarm = self._loop.call_at(at, self._fire_due)

    def _fire_due(self) -> None:
        now = self._loop.time()
        heap = self._heap
        while heap and heap[0][0] <= now:
            timing = heappop(heap)[2]
            owner = timing.owner
            if owner is None:
                self._stopped -= 1
                continue
            timing.owner = None
            del owner.timers[timing.timer]
            self._fire(owner, timing.timer)
            heap = self._heap  # a sweep may have replaced it
        self._alarm = None
        self._alarm_at = float("inf")
        if heap:
            self._set_alarm(max(heap[0][0], now + SLACK))
