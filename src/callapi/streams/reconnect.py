"""When a socket that broke is opened again: at most five times in ten seconds, sooner at first."""

from typing import Final

MAX_ATTEMPTS: Final = 5
WINDOW_S: Final = 10.0
_DELAYS_S: Final = (0.1, 0.9, 2.0, 3.0, 3.5)


class ReconnectPolicy:
    """Counts attempts over a sliding window; `now` is in seconds of any steady clock."""

    __slots__ = ("_attempts",)

    def __init__(self) -> None:
        self._attempts: list[float] = []

    def next_delay(self, now: float) -> float | None:
        """Seconds to wait before the next attempt, which is counted; None: no more attempts."""
        recent = [each for each in self._attempts if each > now - WINDOW_S]
        if len(recent) >= MAX_ATTEMPTS:
            return None
        delay = _DELAYS_S[len(recent)]
        self._attempts = [*recent, now + delay]
        return delay
