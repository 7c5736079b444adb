"""What the repositories have in common: one record by its sid, and pages of them."""

from typing import Any, ClassVar, Generic

from callapi.store.pages import Page, PageRequest
from callapi.store.query import Beyond, Condition, Equals, Query, RecordT
from callapi.store.reading.reader import Reader


class Repository(Generic[RecordT]):
    """The records of one kind that have a sid and belong to an account. All its methods raise Unavailable."""

    kind: ClassVar[type[Any]]
    newest_by: ClassVar[tuple[str, ...]] = ("date_created", "sid")

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def fetch(self, sid: str) -> RecordT | None:
        """The record, as the database has it."""
        found = await self._select(Query(self.kind, (Equals("sid", sid),), limit=1))
        return found[0] if found else None

    async def page(self, account_sid: str, request: PageRequest, *where: Condition) -> Page[RecordT]:
        """A page of the account's records that meet `where`, the newest first unless `request` says otherwise."""
        return await self._page((Equals("account_sid", account_sid), *where), request, self.newest_by)

    async def count(self, account_sid: str, *where: Condition) -> int:
        """How many records `page` would list in all."""
        query: Query[RecordT] = Query(self.kind, (Equals("account_sid", account_sid), *where))
        return await self._reader.run(self._reader.backend.count, query)

    async def _page(
        self, where: tuple[Condition, ...], request: PageRequest, newest_by: tuple[str, ...]
    ) -> Page[RecordT]:
        offset = request.page * request.size
        if request.after is not None:
            last = await self.fetch(request.after)
            if last is None:
                return Page((), request, has_next=False)
            values = tuple(getattr(last, name) for name in newest_by)
            where = (*where, Beyond(newest_by, values, request.oldest_first))
            offset = 0
        query: Query[RecordT] = Query(
            self.kind, where, newest_by, request.size + 1, offset, request.oldest_first
        )
        found = await self._select(query)
        return Page(tuple(found[: request.size]), request, has_next=len(found) > request.size)

    async def _select(self, query: Query[RecordT]) -> list[RecordT]:
        return await self._reader.run(self._reader.backend.select, query)
