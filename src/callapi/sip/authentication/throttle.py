"""How many wrong passwords one source may try: a slow-down for those who guess, in bounded memory.

Each failure takes a token of the source's bucket. While less than one is left, no request from there is looked at, so
that a right guess is no different from a wrong one.
"""

from ipaddress import IPv6Address, ip_address
from typing import Final

from callapi.base.token_bucket import TokenBuckets

MAX_FAILURES: Final = 10
FORGIVEN_AFTER_S: Final = 6.0
"""One failure is forgiven in this time: ten tries at once, then ten a minute."""
MAX_SOURCES: Final = 10_000


class LoginThrottle:
    """Failures by source. An IPv6 source is its /64, which one machine may have for itself."""

    def __init__(self) -> None:
        self._buckets: TokenBuckets[int] = TokenBuckets(1 / FORGIVEN_AFTER_S, MAX_FAILURES, MAX_SOURCES)

    def __len__(self) -> int:
        return len(self._buckets)

    def is_slowed(self, host: str, now: float) -> bool:
        """Whether `host` (an IP address) has too many recent failures; `now` in seconds."""
        return self._buckets.level(_source(host), now) < 1

    def failed(self, host: str, now: float) -> None:
        """A wrong password, or an unknown user, came from `host`."""
        self._buckets.take(_source(host), now)


def _source(host: str) -> int:
    address = ip_address(host)
    return int(address) >> 64 | 1 << 128 if isinstance(address, IPv6Address) else int(address)
