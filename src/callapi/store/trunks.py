"""Gateways through which numbers are called."""

from callapi.store.cache import Cache
from callapi.store.changes import Put, Remove
from callapi.store.numbers import fits, specificity
from callapi.store.query import Equals, Query
from callapi.store.reader import Reader
from callapi.store.records import TrunkRecord
from callapi.store.repository import Repository

ENABLED = "enabled"


class TrunkRepository(Repository[TrunkRecord]):
    """Trunks of accounts."""

    kind = TrunkRecord

    def __init__(self, reader: Reader) -> None:
        super().__init__(reader)
        self._of_account = Cache(reader, self._load)

    async def serving(self, account_sid: str, number: str) -> tuple[TrunkRecord, ...]:
        """The account's enabled trunks whose pattern fits `number`, in the order of trial; from memory when warm.

        The lowest priority first; among equals the pattern that says more.
        """
        trunks = await self._of_account.get(account_sid)
        return tuple(each for each in trunks if each.status == ENABLED and fits(each.pattern, number))

    def absorb(self, change: Put | Remove) -> None:
        """Forget what a write has changed."""
        match change:
            case Put(TrunkRecord() as trunk):
                self._of_account.drop(trunk.account_sid)
            case _:
                self.forget()

    def forget(self) -> None:
        """Know nothing, and ask again."""
        self._of_account.drop()

    def _load(self, account_sid: str) -> tuple[TrunkRecord, ...]:
        found = self._reader.backend.select(Query(TrunkRecord, (Equals("account_sid", account_sid),)))
        return tuple(sorted(found, key=_order_of_trial))


def _order_of_trial(trunk: TrunkRecord) -> tuple[int, int, int, str]:
    own, stars = specificity(trunk.pattern)
    return trunk.priority, -own, -stars, trunk.sid
