"""The queues that calls of this node use, by account and name; the record of one is made with its first caller."""

from collections.abc import Callable
from typing import Protocol

from callapi.base.clock import utc_now
from callapi.base.ids import AccountSid, QueueSid, new_queue_sid
from callapi.calls.queues.elsewhere import QueuesElsewhere
from callapi.calls.queues.queue import LiveQueue
from callapi.store import QueueRecord


class QueueRecords(Protocol):
    """Where the records of queues are."""

    async def named(self, account: AccountSid, name: str) -> QueueRecord | None:
        """The queue of that name. Raises Unavailable."""
        ...

    async def keep(self, record: QueueRecord) -> None:
        """Keep a new queue; where other nodes use it too, it is written on return. Raises Unavailable."""
        ...


class Queues:
    """Finds and makes queues. `now` is monotonic seconds; `elsewhere` are the other nodes, None without any."""

    def __init__(
        self, records: QueueRecords, now: Callable[[], float], elsewhere: QueuesElsewhere | None = None
    ) -> None:
        self._records = records
        self.now = now
        self.elsewhere = elsewhere
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
        sid = new_queue_sid()
        if self.elsewhere is not None:
            sid = await self.elsewhere.agreed_sid(account, name, sid)
        if (live := self._live.get((account, name))) is not None:  # another caller made it meanwhile
            return live
        now = utc_now()
        live = self._add(QueueRecord(sid, account, name, max_size, now, now))
        await self._records.keep(live.record)
        return live

    def live(self, sid: QueueSid) -> LiveQueue | None:
        """The queue of that sid; None if no call of this node uses it."""
        return next((each for each in self._live.values() if each.record.sid == sid), None)

    def in_use(self) -> list[QueueSid]:
        """Those that calls of this node use."""
        return [each.record.sid for each in self._live.values()]

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
        if (live := self._live.get(key)) is None:
            # Other nodes may rename it or delete it while no call of this one uses it.
            on_idle = self._drop if self.elsewhere is not None else None
            live = self._live[key] = LiveQueue(record, self.now, self.elsewhere, on_idle)
        return live

    def _drop(self, live: LiveQueue) -> None:
        key = live.record.account_sid, live.record.friendly_name
        if self._live.get(key) is live:
            del self._live[key]
