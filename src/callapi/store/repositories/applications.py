"""Applications: URLs under a name."""

from callapi.store.changes import Put, Remove
from callapi.store.query import Equals, Query
from callapi.store.reading.cache import Cache
from callapi.store.reading.reader import Reader
from callapi.store.reading.repository import Repository
from callapi.store.records import ApplicationRecord


class ApplicationRepository(Repository[ApplicationRecord]):
    """What numbers and clients may share."""

    kind = ApplicationRecord

    def __init__(self, reader: Reader) -> None:
        super().__init__(reader)
        self._by_sid = Cache(reader, self._load)

    async def by_sid(self, sid: str) -> ApplicationRecord | None:
        """The application, from memory when warm."""
        return await self._by_sid.get(sid)

    def update(self, change: Put | Remove) -> None:
        """Know what was just written."""
        match change:
            case Put(ApplicationRecord() as application):
                self._by_sid.put(application.sid, application)
            case _:
                self.forget()

    def forget(self) -> None:
        """Know nothing, and ask again."""
        self._by_sid.drop()

    def _load(self, sid: str) -> ApplicationRecord | None:
        found = self._reader.backend.select(Query(ApplicationRecord, (Equals("sid", sid),)))
        return found[0] if found else None
