"""Records of calls."""

from dataclasses import dataclass
from datetime import datetime

from callapi.store.pages import Page, PageRequest
from callapi.store.query import AtLeast, Below, Condition, Equals, Missing, Query
from callapi.store.records import CallRecord
from callapi.store.repository import Repository


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls of an account; None: any. `…_from` is included, `…_before` is not."""

    to: str | None = None
    from_: str | None = None
    status: str | None = None
    parent_call_sid: str | None = None
    started_from: datetime | None = None
    started_before: datetime | None = None
    ended_from: datetime | None = None
    ended_before: datetime | None = None

    def conditions(self) -> tuple[Condition, ...]:
        """The same for a query."""
        equal = {
            "to": self.to,
            "from_": self.from_,
            "status": self.status,
            "parent_call_sid": self.parent_call_sid,
        }
        least = {"start_time": self.started_from, "end_time": self.ended_from}
        below = {"start_time": self.started_before, "end_time": self.ended_before}
        return (
            *(Equals(name, value) for name, value in equal.items() if value is not None),
            *(AtLeast(name, instant) for name, instant in least.items() if instant is not None),
            *(Below(name, instant) for name, instant in below.items() if instant is not None),
        )


class CallRepository(Repository[CallRecord]):
    """Calls, live and finished."""

    kind = CallRecord

    async def list_page(self, account_sid: str, wanted: CallFilter, request: PageRequest) -> Page[CallRecord]:
        """A page of the calls of `account_sid`, the newest first; those picked by start go by their start."""
        where = (Equals("account_sid", account_sid), *wanted.conditions())
        return await self._page(where, request, order_of(wanted))

    async def total(self, account_sid: str, wanted: CallFilter) -> int:
        """How many calls `list_page` would list in all."""
        return await self.count(account_sid, *wanted.conditions())

    async def children(self, parent_call_sid: str) -> tuple[CallRecord, ...]:
        """The calls that `parent_call_sid` has dialled, the oldest first."""
        parent = await self.fetch(parent_call_sid)
        if parent is None:
            return ()
        where = (Equals("account_sid", parent.account_sid), Equals("parent_call_sid", parent_call_sid))
        found = await self._select(Query(CallRecord, where, self.newest_by))
        return tuple(reversed(found))

    async def live_ones(self, node: str) -> tuple[CallRecord, ...]:
        """The calls of `node` without an end: at its start, what a crash left behind."""
        return tuple(await self._select(Query(CallRecord, (Equals("node", node), Missing("end_time")))))


def order_of(wanted: CallFilter) -> tuple[str, ...]:
    """By what the list is sorted, so that one index gives both the choice and the order."""
    by_start = wanted.started_from is not None or wanted.started_before is not None
    return ("start_time" if by_start else "date_created", "sid")
