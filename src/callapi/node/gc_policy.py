"""When the cyclic garbage collector works: the young generation all the time, a full collection while no call is up.

A call leaves no cycles behind, so there is next to nothing to find; but the interpreter's own rule looks at every
object of every live call again and again, and stops them all for hundreds of milliseconds. Here objects are looked
at once, when they are a moment old, which finds what a failure leaves; then they are set apart. What became garbage
later is found by a full collection after the last call is over.
"""

import asyncio
import gc
from collections.abc import Callable
from typing import Final

EVERY_S: Final = 0.05
"""The more often, the shorter the pause."""
QUIET_S: Final = 60.0
"""How long there must have been no call before everything is looked at: what calls leave for a while is gone then."""


class GcPolicy:
    """Takes the place of automatic collections between `start` and `stop`. `is_idle`: no call is up."""

    def __init__(self, is_idle: Callable[[], bool]) -> None:
        self._is_idle = is_idle
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._busy_at: float | None = None
        """When a call was up last; None: none since everything was looked at."""

    def start(self) -> None:
        """Set apart what there is, and begin."""
        gc.disable()
        self._sweep()
        self._wait()

    def stop(self) -> None:
        """Leave it to the interpreter again."""
        if self._timer is not None:
            self._timer.cancel()
        gc.unfreeze()
        gc.enable()

    def _wait(self) -> None:
        self._timer = self._loop.call_later(EVERY_S, self._work)

    def _work(self) -> None:
        now = self._loop.time()
        if not self._is_idle():
            self._busy_at = now
        if self._busy_at is not None and now - self._busy_at > QUIET_S:
            self._busy_at = None
            self._sweep()
        else:
            gc.collect(0)
            gc.freeze()
        self._wait()

    def _sweep(self) -> None:
        gc.unfreeze()
        gc.collect()
        gc.freeze()
