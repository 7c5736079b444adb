"""Where registered clients can be reached."""

from typing import Final

from callapi.store.changes import Put, Remove
from callapi.store.query import Equals, Query
from callapi.store.reading.cache import Cache
from callapi.store.reading.reader import Reader
from callapi.store.records import BindingRecord

RECENT_S: Final = 0.2
"""How old an answer may be where a client may just have registered with another node."""


class BindingRepository:
    """The registrar's bindings, by login."""

    def __init__(self, reader: Reader, *, is_shared: bool = False) -> None:
        """`is_shared`: other nodes write bindings too."""
        self._is_shared = is_shared
        self._reader = reader
        self._of = Cache(reader, self._load)

    async def of(self, login: str) -> tuple[BindingRecord, ...]:
        """Every binding of the client, expired ones too, from memory when warm."""
        if self._is_shared:
            return await self._of.get_recent(login, RECENT_S)
        return await self._of.get(login)

    async def everywhere(self, limit: int) -> tuple[BindingRecord, ...]:
        """Bindings of all clients, at most `limit`, as the database has them. Raises Unavailable."""
        query: Query[BindingRecord] = Query(BindingRecord, limit=limit)
        return tuple(await self._reader.run(self._reader.backend.select, query))

    async def total(self) -> int:
        """How many bindings there are, of all clients. Raises Unavailable."""
        query: Query[BindingRecord] = Query(BindingRecord)
        return await self._reader.run(self._reader.backend.count, query)

    def update(self, change: Put | Remove) -> None:
        """Know what was just written: phones register anew while the database is away, and must be found."""
        match change:
            case Put(BindingRecord() as binding):
                self._replace(binding.login, binding.contact, (binding,))
            case Remove(_, (login, contact)):
                self._replace(login, contact, ())
            case Remove(_, (login,)):
                self._of.put(login, ())
            case _:
                self.forget()

    def forget(self) -> None:
        """Know nothing, and ask again."""
        self._of.drop()

    def _replace(self, login: str, contact: str, by: tuple[BindingRecord, ...]) -> None:
        known = self._of.peek(login)
        if known is None:
            self._of.drop(login)
        else:
            self._of.put(login, (*(each for each in known if each.contact != contact), *by))

    def _load(self, login: str) -> tuple[BindingRecord, ...]:
        return tuple(self._reader.backend.select(Query(BindingRecord, (Equals("login", login),))))
