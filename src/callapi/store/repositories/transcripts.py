"""The texts of recordings."""

from callapi.store.query import Equals, Missing, Query
from callapi.store.reading.repository import Repository
from callapi.store.records import TranscriptRecord


class TranscriptRepository(Repository[TranscriptRecord]):
    """Texts, of an account or (`Equals("recording_sid", …)`) of one recording."""

    kind = TranscriptRecord

    async def live_ones(self, node: str) -> tuple[TranscriptRecord, ...]:
        """The texts that `node` has not made to the end: at its start, what a crash left behind."""
        where = (Equals("node", node), Missing("end_time"))
        return tuple(await self._select(Query(TranscriptRecord, where)))
