"""The queues of this node, by account and name; the record of one is made with its first caller."""

from collections.abc import Callable
from typing import Protocol

from callapi.base.clock import utc_now
from callapi.base.ids import AccountSid, QueueSid, new_queue_sid
from callapi.calls.queues.queue import LiveQueue
from callapi.store import QueueRecord


class QueueRecords(Protocol):
    """Where the records of queues are."""

    async def named(self, account: AccountSid, name: str) -> QueueRecord | None:
        """The queue of that name. Raises Unavailable."""
        ...

    def keep(self, record: QueueRecord) -> None:
        """Keep a new queue; does not wait."""
        ...


class Queues:
    """Finds and makes queues. `now` is monotonic seconds."""

    def __init__(self, records: QueueRecords, now: Callable[[], float]) -> None:
        self._records = records
        self._now = now
        self._live: dict[tuple[AccountSid, str], LiveQueue] = {}

    async def find(self, account: AccountSid, name: str) -> LiveQueue | None:
        """The queue of that name; None if there is none. Raises Unavailable."""
        if (live := self._live.get((account, name))) is not None:
            return live
        record = await self._records.named(account, name)
        return self._add(record) if record is not None else None

    async def open(self, account: AccountSid, name: str, max_size: int) -> LiveQueue:
        """The queue of that name, made with room for `max_size` if there is none. Raises Unavailable."""
        if (live := await self.find(account, name)) is not None:
            return live
        if (live := self._live.get((account, name))) is not None:  # another caller made it meanwhile
            return live
        now = utc_now()
        record = QueueRecord(new_queue_sid(), account, name, max_size, now, now)
        self._records.keep(record)
        return self._add(record)

    def live(self, sid: QueueSid) -> LiveQueue | None:
        """The queue of that sid; None if it was not used on this node."""
        return next((each for each in self._live.values() if each.record.sid == sid), None)

    def changed(self, record: QueueRecord) -> None:
        """A queue has another name or size."""
        if (live := self.live(record.sid)) is not None:
            del self._live[live.record.account_sid, live.record.friendly_name]
            live.record = record
            self._live[record.account_sid, record.friendly_name] = live

    def removed(self, record: QueueRecord) -> None:
        """A queue was deleted."""
        self._live.pop((record.account_sid, record.friendly_name), None)

    def _add(self, record: QueueRecord) -> LiveQueue:
        key = record.account_sid, record.friendly_name
        return self._live.setdefault(key, LiveQueue(record, self._now))
