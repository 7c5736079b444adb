"""Records of recordings; the sound itself is in files."""

from callapi.store.query import Equals, Missing, Query
from callapi.store.reading.repository import Repository
from callapi.store.records import RecordingRecord


class RecordingRepository(Repository[RecordingRecord]):
    """Recordings, of an account or (`Equals("call_sid", …)`) of one call."""

    kind = RecordingRecord

    async def live_ones(self, node: str) -> tuple[RecordingRecord, ...]:
        """The recordings of `node` that have no end: at its start, what a crash left behind."""
        where = (Equals("node", node), Missing("end_time"))
        return tuple(await self._select(Query(RecordingRecord, where)))
