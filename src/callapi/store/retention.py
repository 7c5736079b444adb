"""Removes old records in small batches, off the path of calls, so that the database does not grow without bound.

Calls that have ended go with their events, and notifications; recordings stay until they are deleted over REST, for
they are the account's own. The file of SQLite does not shrink: its free pages are used again.
"""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from callapi.base.clock import steady_now
from callapi.store.changes import Remove
from callapi.store.errors import Unavailable
from callapi.store.query import Below, Condition, Equals, Query
from callapi.store.records import AccountRecord, CallRecord, EventBlock, NotificationRecord
from callapi.store.store import Store

EVERY_S: Final = 3600.0
BATCH: Final = 200
"""Records that go at once."""
PAUSE_S: Final = 0.5
"""Between two batches: at most 400 records a second, more than a node makes."""


async def keep_for(store: Store, days: int) -> None:
    """Remove what is older than so many days, every hour, until cancelled; 0: keep everything."""
    if not days:
        return
    while True:
        with suppress(Unavailable):  # tried again in an hour
            await let_go(store, steady_now() - timedelta(days=days))
        await asyncio.sleep(EVERY_S)


async def let_go(store: Store, before: datetime, pause_s: float = PAUSE_S) -> int:
    """Remove what ended `before`; how many records that were. Raises Unavailable."""
    gone = 0
    for account in await store.select(Query(AccountRecord)):
        for query in _old_ones(account.sid, before):
            while old := await store.select(query):
                for record in old:
                    if isinstance(record, CallRecord):
                        store.write(Remove(EventBlock, (record.sid,)), Remove(CallRecord, (record.sid,)))
                    else:
                        store.write(Remove(type(record), (record.sid,)))
                gone += len(old)
                await store.flush()
                await asyncio.sleep(pause_s)
    return gone


def _old_ones(account: str, before: datetime) -> Iterator[Query[Any]]:
    """By the index of each list; a call that ended was made before."""
    of_account: tuple[Condition, ...] = (Equals("account_sid", account),)
    made = Below("date_created", before)
    yield Query(CallRecord, (*of_account, made, Below("end_time", before)), limit=BATCH)
    yield Query(NotificationRecord, (*of_account, Below("message_date", before)), limit=BATCH)
