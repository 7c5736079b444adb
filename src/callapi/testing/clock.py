"""An event loop whose clock jumps to the next timer, except while an application outside of this process is at work."""

import asyncio
import selectors
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

_IO_STEP_S: Final = 0.05


class NothingHappens(Exception):
    """Every task waits for something that will never come."""


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.requests = 0
        self.paces = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self.requests:  # the application works in real time; the virtual clock stands still meanwhile
            return super().select(_IO_STEP_S if timeout is None or timeout > 0 else 0)
        if self.paces:  # a socket to a real server is open: time passes as it does for that server
            began = time.monotonic()
            ready = super().select(_IO_STEP_S if timeout is None else timeout)
            self.now += min(time.monotonic() - began, timeout if timeout is not None else _IO_STEP_S)
            return ready
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise NothingHappens("every task waits for something that will never come")
            self.now += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Waiting costs nothing, and the order of timers is exact."""

    def __init__(self) -> None:
        self._jumping: Any = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return float(self._jumping.now)

    @contextmanager
    def real_time(self) -> Iterator[None]:
        """While the block lasts the clock stands still, and the loop waits for what really comes."""
        self._jumping.requests += 1
        try:
            yield
        finally:
            self._jumping.requests -= 1

    @contextmanager
    def paced(self) -> Iterator[None]:
        """While the block lasts virtual time passes no faster than real time."""
        self._jumping.paces += 1
        try:
            yield
        finally:
            self._jumping.paces -= 1
