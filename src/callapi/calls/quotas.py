"""Quotas of one account on a node: live calls, and new calls a second."""

from collections import Counter
from collections.abc import Callable
from time import monotonic
from typing import Final

from callapi.base.ids import AccountSid
from callapi.base.token_bucket import TokenBuckets

CALLS: Final = "limits.calls_per_account"
RATE: Final = "limits.calls_per_second_per_account"
MAX_ACCOUNTS: Final = 10_000
"""How many accounts' recent rates are remembered."""


class Quotas:
    """Counts the calls of each account; 0 stands for no limit."""

    def __init__(
        self, *, calls: int = 0, calls_per_second: float = 0.0, clock: Callable[[], float] = monotonic
    ) -> None:
        self.max_live = calls
        self.rate = calls_per_second
        self._clock = clock
        self._live: Counter[AccountSid] = Counter()
        self._buckets: TokenBuckets[AccountSid] = TokenBuckets(
            calls_per_second, max(1.0, calls_per_second), MAX_ACCOUNTS
        )

    def began(self, account: AccountSid) -> None:
        """One more call of `account` is up."""
        self._live[account] += 1

    def ended(self, account: AccountSid) -> None:
        """One less."""
        self._live[account] -= 1
        if not self._live[account]:
            del self._live[account]

    def live(self, account: AccountSid) -> int:
        """How many calls of `account` this node has."""
        return self._live[account]

    async def reserve(self, account: AccountSid) -> str | None:
        """`refusal`, for a caller that can wait for other nodes."""
        return self.refusal(account)

    def is_full(self, account: AccountSid) -> bool:
        """Whether `account` has all the calls up that it may have."""
        return bool(self.max_live) and self._live[account] >= self.max_live

    def refusal(self, account: AccountSid) -> str | None:
        """Why a new call of `account` cannot be admitted, None if it can; that uses up its share of the rate."""
        if self.is_full(account):
            return CALLS
        if not self.rate or self._buckets.take(account, self._clock()):
            return None
        return RATE
