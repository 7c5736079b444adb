"""Event-loop lag, the symptom of an overloaded CPU."""

import asyncio
from collections.abc import Callable
from typing import Final


class LagMeter:
    """How late the event loop is, the symptom of an overloaded CPU."""

    EVERY_S: Final = 0.1
    WEIGHT: Final = 0.2
    """Of the newest sample: one stall is not an overload, sustained lag is."""

    def __init__(self) -> None:
        self.lag_s = 0.0
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._now: Callable[[], float] = asyncio.get_running_loop().time

    def start(self) -> None:
        """Measure ten times a second."""
        self._due = self._now() + self.EVERY_S
        self._timer = asyncio.get_running_loop().call_at(self._due, self._measure)

    def stop(self) -> None:
        """Measure no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _measure(self) -> None:
        self.lag_s += self.WEIGHT * (max(0.0, self._now() - self._due) - self.lag_s)
        self.start()
