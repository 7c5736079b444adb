"""The outbox: callbacks that are still to be delivered."""

from datetime import datetime

from msgspec import Struct

from callapi.store.query import Query
from callapi.store.reading.reader import Reader
from callapi.store.records import CallbackRecord


class Backlog(Struct, frozen=True):
    """How many callbacks are not delivered yet, and when the oldest of them was written (None: there are none)."""

    pending: int
    oldest_at: datetime | None


class CallbackRepository:
    """Rows of the outbox, in the order in which they were written. Every write made before is seen."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def hosts(self, limit: int) -> tuple[str, ...]:
        """Hosts (`CallbackRecord.host`) with pending callbacks, at most `limit`, the longest waiting first."""
        await self._reader.settle()
        return tuple(await self._reader.run(self._reader.backend.callback_hosts, limit))

    async def due(
        self, host: str, now: datetime, limit: int
    ) -> tuple[tuple[CallbackRecord, ...], datetime | None]:
        """At most `limit` callbacks to `host` to be tried now, and when there will be more (None: never).

        Left out are those that must still wait: whose `next_at`, or that of an earlier pending callback of the
        same stream to the same host, is after `now`.
        """
        await self._reader.settle()
        records, next_at = await self._reader.run(self._reader.backend.due_callbacks, host, now, limit)
        return tuple(records), next_at

    async def backlog(self) -> Backlog:
        """The rows of all hosts together. Raises Unavailable."""
        backend, query = self._reader.backend, Query(CallbackRecord, (), ("created_at",), 1, is_rising=True)
        pending = await self._reader.run(backend.count, query)
        oldest = await self._reader.run(backend.select, query) if pending else []
        return Backlog(pending, oldest[0].created_at if oldest else None)
