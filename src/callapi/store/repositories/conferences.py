"""Records of conferences, and of queues."""

from callapi.store.query import Equals, Query
from callapi.store.reading.repository import Repository
from callapi.store.records import ConferenceRecord, QueueRecord


class ConferenceRepository(Repository[ConferenceRecord]):
    """Conferences, live and over."""

    kind = ConferenceRecord

    async def live_ones(self, node: str) -> tuple[ConferenceRecord, ...]:
        """The conferences of `node` that are not completed: at its start, what a crash left behind."""
        found: list[ConferenceRecord] = []
        for status in ("init", "in-progress"):
            where = (Equals("node", node), Equals("status", status))
            found += await self._select(Query(ConferenceRecord, where))
        return tuple(found)


class QueueRepository(Repository[QueueRecord]):
    """Queues of callers."""

    kind = QueueRecord

    async def named(self, account_sid: str, name: str) -> QueueRecord | None:
        """The queue of that name. Raises Unavailable."""
        where = (Equals("account_sid", account_sid), Equals("friendly_name", name))
        found = await self._select(Query(QueueRecord, where, limit=1))
        return found[0] if found else None
