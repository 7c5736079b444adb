"""Calls that wait to be placed: each account's in their order, at its rate, one account after the other.

A machine: it knows no clock (`now` is monotonic seconds) and places nothing. It is bounded: an account at its limit
cannot queue more.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from callapi.base.ids import AccountSid, CallSid
from callapi.calls.commands import CreateCall
from callapi.store import CallRecord

QUEUED: Final = "limits.queued_calls_per_account"
MAX_ACCOUNTS: Final = 10_000
"""Above this many remembered accounts, those whose rate has recovered are forgotten."""


@dataclass(slots=True)
class QueuedCall:
    """A call that was not placed yet. REST may still change what it will do."""

    record: CallRecord
    command: CreateCall
    queued_at: float
    is_muted: bool = False


class CallQueue:
    """The waiting calls of a node; an account has `max_waiting` places and `calls_per_second` (0: no limit)."""

    def __init__(self, *, calls_per_second: float = 0.0, max_waiting: int = 1000) -> None:
        self._interval_s = 1 / calls_per_second if calls_per_second else 0.0
        self._max_waiting = max_waiting
        self._places: Counter[AccountSid] = Counter()
        self._lines: OrderedDict[AccountSid, dict[CallSid, QueuedCall]] = OrderedDict()
        self._free_at: dict[AccountSid, float] = {}

    def reserve(self, account: AccountSid) -> bool:
        """Reserve a place for a call of `account` (`put` uses it, `return_place` frees it); False: none is left."""
        if self._places[account] >= self._max_waiting:
            return False
        self._places[account] += 1
        return True

    def return_place(self, account: AccountSid) -> None:
        """Free a place that was reserved."""
        self._places[account] -= 1
        if not self._places[account]:
            del self._places[account]

    def adopt(self, waiting: QueuedCall) -> None:
        """Let a call wait that another node had accepted, whatever places are left."""
        self._places[waiting.record.account_sid] += 1
        self.put(waiting)

    def put(self, waiting: QueuedCall) -> None:
        """Let a call wait, behind the others of its account."""
        self._lines.setdefault(waiting.record.account_sid, {})[waiting.record.sid] = waiting

    def find(self, sid: CallSid) -> QueuedCall | None:
        """The waiting call of that sid."""
        return next((line[sid] for line in self._lines.values() if sid in line), None)

    def due(self, now: float, is_full: Callable[[AccountSid], bool]) -> QueuedCall | None:
        """The next call that may be placed; it stays in the queue until `remove`. `is_full`: at its limit."""
        for account, line in self._lines.items():
            if self._free_at.get(account, now) <= now and not is_full(account):
                return next(iter(line.values()))
        return None

    def overdue(self, queued_before: float) -> QueuedCall | None:
        """A call that has waited since before `queued_before`."""
        heads = (next(iter(line.values())) for line in self._lines.values())
        return next((each for each in heads if each.queued_at < queued_before), None)

    def wait_s(self, now: float) -> float | None:
        """How long until the rate of some account lets its next call go (0: it does); None: no call waits."""
        waits = (self._free_at.get(account, now) - now for account in self._lines)
        return max(0.0, min(waits)) if self._lines else None

    def remove(self, waiting: QueuedCall) -> bool:
        """Remove a call; whether it was still there."""
        account, sid = waiting.record.account_sid, waiting.record.sid
        line = self._lines.get(account, {})
        if line.pop(sid, None) is None:
            return False
        if not line:
            del self._lines[account]
        self.return_place(account)
        return True

    def defer(self, account: AccountSid, until: float) -> None:
        """No call of `account` is due before `until`: other nodes have used up its rate."""
        self._free_at[account] = until

    def placed(self, account: AccountSid, now: float) -> None:
        """A call of `account` is on its way: its next one is due an interval later, and the others go first."""
        if self._interval_s:
            self._free_at[account] = now + self._interval_s
            if len(self._free_at) > MAX_ACCOUNTS:
                self._free_at = {each: at for each, at in self._free_at.items() if at > now}
        if account in self._lines:
            self._lines.move_to_end(account)

    def all(self) -> list[QueuedCall]:
        """Every call that waits."""
        return [each for line in self._lines.values() for each in line.values()]
