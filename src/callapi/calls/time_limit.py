"""How long a call may last from its answer on; REST may change that while it lasts."""

import asyncio
from collections.abc import Callable


class TimeLimit:
    """Calls `expired` once, when the time is up. Counts from `begin`; `close` it with the call."""

    __slots__ = ("_began_at", "_expired", "_seconds", "_timer")

    def __init__(self, expired: Callable[[], None], began_at: float | None) -> None:
        """`began_at`: the answer, by the clock of the loop; None: the call is not answered yet."""
        self._expired = expired
        self._began_at = began_at
        self._seconds: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> None:
        """The call may last so long; less than it has lasted: it is over at once."""
        self._seconds = seconds
        self._arm()

    def begin(self, at: float) -> None:
        """The call is answered at that instant."""
        self._began_at = at
        self._arm()

    def close(self) -> None:
        """The call is over."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self.close()
        if self._began_at is not None and self._seconds is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(self._began_at + self._seconds, self._expired)
