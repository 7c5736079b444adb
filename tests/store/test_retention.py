"""What is old goes, what is not stays, in every kind of store."""

from datetime import timedelta

from msgspec.structs import replace

from callapi.store import AddEvents, PageRequest, Put, Store
from callapi.store.retention import BATCH, keep_for, let_go
from tests.store.samples import ACCOUNT, NOON, account, call, event, notification

OLD, NEW = NOON - timedelta(days=91), NOON - timedelta(days=89)


async def test_old_calls_go_with_their_events_and_nothing_else(store: Store) -> None:
    """More than one batch of old ones; a new one, one that is still up however old, and one that ended lately."""
    old = [
        replace(call(), account_sid=ACCOUNT, date_created=OLD, end_time=OLD + timedelta(seconds=number % 60))
        for number in range(BATCH + 5)
    ]
    kept = [
        replace(call(), account_sid=ACCOUNT, date_created=NEW, end_time=NEW),
        replace(call(), account_sid=ACCOUNT, date_created=OLD, end_time=None),
        replace(call(), account_sid=ACCOUNT, date_created=OLD, end_time=NEW),
    ]
    notes = [
        replace(notification(), account_sid=ACCOUNT, message_date=OLD),
        replace(notification(), account_sid=ACCOUNT, message_date=NEW),
    ]
    await store.commit(Put(replace(account(), sid=ACCOUNT)))
    store.write(*map(Put, (*old, *kept)), *map(Put, notes))
    store.write(AddEvents(old[0].sid, (event(0),)), AddEvents(kept[0].sid, (event(0),)))
    await store.flush()
    assert await let_go(store, NOON - timedelta(days=90), pause_s=0) == len(old) + 1
    left = await store.calls.page(ACCOUNT, PageRequest(size=1000))
    assert {each.sid for each in left.records} == {each.sid for each in kept}
    assert (await store.notifications.page(ACCOUNT, PageRequest())).records == (notes[1],)
    assert not (await store.events.page(old[0].sid, PageRequest())).records
    assert (await store.events.page(kept[0].sid, PageRequest())).records


async def test_without_a_limit_everything_is_kept(store: Store) -> None:
    await keep_for(store, 0)
