"""Quotas that hold over all nodes: each asks the database for accounts under a limit, and for no others."""

import logging
from collections import deque
from time import monotonic
from typing import Final

from callapi.base.ids import AccountSid
from callapi.base.retrying import every
from callapi.calls.quotas import CALLS, RATE, Quotas
from callapi.store import AccountUse, Nodes, Unavailable

log = logging.getLogger(__name__)

RESERVED_S: Final = 2.0
"""A call that was admitted and has not begun by then will not."""
COUNT_EVERY_S: Final = 0.5
"""How soon the others know that calls have ended, or were placed."""


class SharedQuotas(Quotas):
    """The quotas of a node among others. While the database is away it goes by what it knows."""

    def __init__(self, nodes: Nodes, *, calls: int, calls_per_second: float) -> None:
        super().__init__(calls=calls, calls_per_second=calls_per_second)
        self._nodes = nodes
        self._use = AccountUse(nodes.engine, nodes.owner.name)
        self._elsewhere: dict[AccountSid, int] = {}
        self._to_count: set[AccountSid] = set()
        self._reserved: dict[AccountSid, deque[float]] = {}

    def began(self, account: AccountSid) -> None:
        """One more call of `account` is up."""
        super().began(account)
        if reserved := self._reserved.get(account):
            reserved.popleft()
        self._has_changed(account)

    def ended(self, account: AccountSid) -> None:
        """One less."""
        super().ended(account)
        self._has_changed(account)

    def _has_changed(self, account: AccountSid) -> None:
        if self.max_live:
            self._to_count.add(account)

    def is_full(self, account: AccountSid) -> bool:
        """Whether `account` has all the calls up that it may have, over all nodes as far as is known."""
        return bool(self.max_live) and self._taken(account) + self._elsewhere.get(account, 0) >= self.max_live

    async def reserve(self, account: AccountSid) -> str | None:
        """As `Quotas`, over all nodes."""
        if not (self.max_live or self.rate):
            return None
        try:
            use = await self._nodes.run(
                self._use.reserve, account, self._taken(account), self.max_live, self.rate
            )
        except Unavailable:
            return self.refusal(account)
        self._know(account, use.elsewhere)
        self._has_changed(account)
        if not use.has_room:
            return CALLS
        if not use.is_within_rate:
            return RATE
        self._reserved.setdefault(account, deque()).append(monotonic())
        return None

    def _taken(self, account: AccountSid) -> int:
        """Calls that are up here, and those that were admitted a moment ago."""
        reserved = self._reserved.get(account, deque())
        while reserved and monotonic() - reserved[0] > RESERVED_S:
            reserved.popleft()  # it never began
        if not reserved:
            self._reserved.pop(account, None)
        return self.live(account) + len(reserved)

    async def serve(self) -> None:
        """Let the others know what this node has, until cancelled; at once where no number of calls is a limit."""
        if self.max_live:
            await every(COUNT_EVERY_S, self._count)

    async def _count(self) -> None:
        counting, self._to_count = self._to_count | set(self._elsewhere), set()
        for account in counting:
            try:
                elsewhere = await self._nodes.run(self._use.count, account, self._taken(account))
            except Unavailable:
                self._to_count.add(account)
            else:
                self._know(account, elsewhere)

    def _know(self, account: AccountSid, elsewhere: int) -> None:
        """An account without calls anywhere is asked about again when it has one."""
        if elsewhere or self.live(account):
            self._elsewhere[account] = elsewhere
        else:
            self._elsewhere.pop(account, None)
