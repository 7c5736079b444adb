"""Time as the product reports it (UTC, RFC 2822, RFC 5322 §3.3), and time that never jumps.

A machine's clock is set: by hand, by NTP, after a pause of a virtual machine. Reported times follow it. Comparisons
(due, expired) use `steady_time`; how long something took, by the event loop's clock.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache, partial
from typing import Final

_STARTED_AT: Final = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)

utc_now: Final[Callable[[], datetime]] = partial(datetime.now, UTC)
"""The present instant, aware, in UTC."""


_correction_s = 0.0


def boot_time() -> float:
    """Seconds since the machine started, suspension included: a clock that is never set."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def correct_by(seconds: float) -> None:
    """Let `steady_time` be so much ahead of what this machine's clock said: to be called once, at the start.

    What nodes compare (is this due, has that expired) then goes by one clock, that of their database.
    """
    global _correction_s  # noqa: PLW0603 - a process has one clock
    _correction_s = seconds


def steady_time() -> float:
    """Seconds since the epoch by the clock that was right when the process started, however it was set since."""
    return _STARTED_AT + _correction_s + time.clock_gettime(time.CLOCK_BOOTTIME)


def steady_now() -> datetime:
    """`steady_time` as an instant."""
    return datetime.fromtimestamp(steady_time(), UTC)


def rfc2822(instant: datetime) -> str:
    """`instant` as `Tue, 17 Nov 2026 10:00:00 +0000`."""
    return _rfc2822(instant.astimezone(UTC).replace(microsecond=0))


@lru_cache(maxsize=64)
def _rfc2822(second: datetime) -> str:
    return format_datetime(second)
