"""Token buckets: how often something may happen, with bursts, in two floats; the clock is an argument."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class TokenBucket:
    """`rate` tokens a second flow in, up to `burst`; each permission takes one. Full at the start."""

    __slots__ = ("_filled_at", "_tokens", "burst", "rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = rate
        self.burst = burst
        self._tokens = burst
        self._filled_at = now

    def level(self, now: float) -> float:
        """The tokens at the instant `now` (seconds); a clock that goes back adds none."""
        if now > self._filled_at:
            self._tokens = min(self.burst, self._tokens + (now - self._filled_at) * self.rate)
            self._filled_at = now
        return self._tokens

    def take(self, now: float) -> bool:
        """Take a token; False, and nothing is taken, where there is less than one."""
        if self.level(now) < 1:
            return False
        self._tokens -= 1
        return True


class TokenBuckets(Generic[Key]):
    """One bucket a key, for the `max_keys` keys used last; a forgotten key starts with a full bucket again."""

    __slots__ = ("_buckets", "_burst", "_max_keys", "_rate")

    def __init__(self, rate: float, burst: float, max_keys: int) -> None:
        self._rate = rate
        self._burst = burst
        self._max_keys = max_keys
        self._buckets: OrderedDict[Key, TokenBucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def level(self, key: Key, now: float) -> float:
        """The tokens of a key; looking costs no memory."""
        bucket = self._buckets.get(key)
        return self._burst if bucket is None else bucket.level(now)

    def take(self, key: Key, now: float) -> bool:
        """Take a token of a key; False where it has less than one."""
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(self._rate, self._burst, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._max_keys:
            self._buckets.popitem(last=False)
        return bucket.take(now)
