"""Ends the texts of recordings that a crash cut short."""

from msgspec.structs import replace

from callapi.base.clock import utc_now
from callapi.calls.transcribing.recorded import FAILED
from callapi.store import Put, Store


async def close_texts_a_crash_left(store: Store, node: str) -> None:
    """Keep each text that `node` was recognising as failed. Raises Unavailable."""
    for left in await store.transcripts.live_ones(node):
        now = utc_now()
        store.write(Put(replace(left, status=FAILED, date_updated=now, end_time=now)))
