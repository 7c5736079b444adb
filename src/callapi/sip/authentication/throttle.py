"""How many wrong passwords one source may try: a slow-down for those who guess, in bounded memory.

Each failure fills a bucket that leaks; while it is full, nothing that comes from there is looked at, so that a right
guess is no different from a wrong one.
"""

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address
from typing import Final

MAX_FAILURES: Final = 10
FORGIVEN_AFTER_S: Final = 6.0
"""One failure is forgiven in this time: ten tries at once, then ten a minute."""
MAX_SOURCES: Final = 10_000


class LoginThrottle:
    """Failures by source. An IPv6 source is its /64, which one machine may have for itself."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[int, tuple[float, float]] = OrderedDict()  # source -> level, at

    def __len__(self) -> int:
        return len(self._buckets)

    def is_slowed(self, host: str, now: float) -> bool:
        """Whether `host` (an IP address) has failed too often of late; `now` in seconds."""
        return self._level(_source(host), now) > MAX_FAILURES - 1

    def failed(self, host: str, now: float) -> None:
        """A wrong password, or no such user, came from `host`."""
        source = _source(host)
        self._buckets[source] = (self._level(source, now) + 1, now)
        self._buckets.move_to_end(source)
        if len(self._buckets) > MAX_SOURCES:
            self._buckets.popitem(last=False)

    def _level(self, source: int, now: float) -> float:
        level, at = self._buckets.get(source, (0.0, now))
        return max(0.0, level - max(0.0, now - at) / FORGIVEN_AFTER_S)


def _source(host: str) -> int:
    address = ip_address(host)
    return int(address) >> 64 | 1 << 128 if isinstance(address, IPv6Address) else int(address)
