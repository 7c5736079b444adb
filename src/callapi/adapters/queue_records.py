"""The store's queues as the `QueueRecords` of calls."""

from callapi.base.ids import AccountSid
from callapi.store import Put, QueueRecord, Store


class StoredQueues:
    """The store's queues as `QueueRecords`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def named(self, account: AccountSid, name: str) -> QueueRecord | None:
        """As `QueueRecords`."""
        await self._store.settle()
        return await self._store.queues.named(account, name)

    async def keep(self, record: QueueRecord) -> None:
        """As `QueueRecords`."""
        if self._store.is_shared:
            await self._store.commit(Put(record))
        else:
            self._store.write(Put(record))
