"""Records of calls."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from callapi.store.pages import Page, PageRequest
from callapi.store.query import AtLeast, Below, Condition, Equals, Missing, Query
from callapi.store.reading.repository import Repository
from callapi.store.records import CallRecord

# A call starts when its record is made or later, but not later than so.
MAX_QUEUED: Final = timedelta(days=1)


class CallFilter(Struct, frozen=True):
    """Which calls of an account; None: any. `…_from` is included, `…_before` is not."""

    to: str | None = None
    from_: str | None = None
    status: str | None = None
    parent_call_sid: str | None = None
    started_from: datetime | None = None
    started_before: datetime | None = None
    ended_from: datetime | None = None
    ended_before: datetime | None = None
    sip_call_id: str | None = None
    sip_response_code: int | None = None
    node: str | None = None
    least_duration: int | None = None
    """Whole seconds from answer to end."""
    greatest_duration: int | None = None

    def conditions(self) -> tuple[Condition, ...]:
        """The same for a query."""
        equal = {
            "to": self.to,
            "from_": self.from_,
            "status": self.status,
            "parent_call_sid": self.parent_call_sid,
            "sip_call_id": self.sip_call_id,
            "sip_response_code": self.sip_response_code,
            "node": self.node,
        }
        return (
            *(Equals(name, value) for name, value in equal.items() if value is not None),
            *_within("start_time", self.started_from, self.started_before),
            *_within("end_time", self.ended_from, self.ended_before),
            *_recorded(self.started_from, self.started_before),
            *self._durations(),
        )

    def _durations(self) -> Iterator[Condition]:
        if self.least_duration is not None:
            yield AtLeast("duration", self.least_duration)
        if self.greatest_duration is not None:
            yield Below("duration", self.greatest_duration + 1)


def _within(name: str, start: datetime | None, end: datetime | None) -> tuple[Condition, ...]:
    least = (AtLeast(name, start),) if start is not None else ()
    below = (Below(name, end),) if end is not None else ()
    return (*least, *below)


def _recorded(start: datetime | None, end: datetime | None) -> tuple[Condition, ...]:
    """What follows of `date_created`, by which the list is sorted, so that its index need be read only there."""
    return _within("date_created", start and start - MAX_QUEUED, end)


class CallRepository(Repository[CallRecord]):
    """Calls, live and finished."""

    kind = CallRecord

    async def list_page(self, account_sid: str, wanted: CallFilter, request: PageRequest) -> Page[CallRecord]:
        """A page of the calls of `account_sid`, the newest first."""
        return await self.page(account_sid, request, *wanted.conditions())

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
