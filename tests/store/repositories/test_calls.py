"""Lists of calls: filters, order, pages; and every one of them served by an index."""

from pathlib import Path

import pytest

from callapi.store import CallFilter, CallRecord, PageRequest, Put, Store
from callapi.store.query import Equals, Query
from callapi.store.sql.tables import TABLES
from tests.store.plans import plan_of
from tests.store.samples import ACCOUNT, OTHER, after, call


async def _keep(store: Store, *records: CallRecord) -> None:
    store.write(*map(Put, records))
    await store.flush()


async def test_the_newest_call_comes_first_and_other_accounts_are_not_seen(store: Store) -> None:
    calls = [call(date_created=after(n)) for n in range(5)]
    await _keep(store, *calls, call(account_sid=OTHER))
    page = await store.calls.list_page(ACCOUNT, CallFilter(), PageRequest(page=0, size=2))
    assert (page.records, page.has_next) == ((calls[4], calls[3]), True)
    page = await store.calls.list_page(ACCOUNT, CallFilter(), PageRequest(page=2, size=2))
    assert (page.records, page.has_next) == ((calls[0],), False)
    assert await store.calls.total(ACCOUNT, CallFilter()) == 5


@pytest.mark.parametrize("oldest_first", [False, True])
async def test_pages_by_the_last_record_are_not_shifted_by_new_calls(
    store: Store, oldest_first: bool
) -> None:
    """Several calls of the same instant, new ones between the pages: each old one is seen once, in order."""
    calls = [call(date_created=after(n // 3)) for n in range(10)]
    await _keep(store, *calls)
    seen: list[CallRecord] = []
    request = PageRequest(size=3, oldest_first=oldest_first)
    while True:
        page = await store.calls.list_page(ACCOUNT, CallFilter(), request)
        seen.extend(page.records)
        if not page.has_next:
            break
        await _keep(store, call(date_created=after((-1 if oldest_first else 1) * (100 + len(seen)))))
        request = PageRequest(size=3, after=page.records[-1].sid, oldest_first=oldest_first)
    assert seen == sorted(calls, key=lambda each: (each.date_created, each.sid), reverse=not oldest_first)


async def test_a_page_after_an_unknown_record_is_empty(store: Store) -> None:
    await _keep(store, call())
    page = await store.calls.list_page(ACCOUNT, CallFilter(), PageRequest(after="CA" + "0" * 32))
    assert (page.records, page.has_next) == ((), False)


async def test_filters(store: Store) -> None:
    parent = call(to="1000", status="in-progress", start_time=after(0))
    child = call(
        from_="bob",
        parent_call_sid=parent.sid,
        date_created=after(9),
        start_time=after(10),
        end_time=after(20),
    )
    await _keep(store, parent, child)

    async def found(wanted: CallFilter) -> tuple[CallRecord, ...]:
        page = await store.calls.list_page(ACCOUNT, wanted, PageRequest())
        assert await store.calls.total(ACCOUNT, wanted) == len(page.records)
        return page.records

    assert await found(CallFilter(to="1000")) == (parent,)
    assert await found(CallFilter(from_="bob")) == (child,)
    assert await found(CallFilter(status="in-progress")) == (parent,)
    assert await found(CallFilter(parent_call_sid=parent.sid)) == (child,)
    assert await found(CallFilter(started_from=after(10))) == (child,)
    assert await found(CallFilter(started_before=after(10))) == (parent,)
    assert await found(CallFilter(started_from=after(0), started_before=after(11))) == (child, parent)
    assert await found(CallFilter(ended_from=after(20))) == (child,)
    assert await found(CallFilter(ended_before=after(20))) == ()
    assert await found(CallFilter(to="100_")) == ()


async def test_children_come_in_the_order_in_which_they_were_dialled(store: Store) -> None:
    parent = call()
    children = [call(parent_call_sid=parent.sid, date_created=after(n)) for n in range(3)]
    await _keep(store, parent, *children, call())
    assert await store.calls.children(parent.sid) == tuple(children)
    assert await store.calls.children("CA" + "0" * 32) == ()


async def test_live_ones_are_those_of_this_node_without_an_end(store: Store) -> None:
    alive = call()
    await _keep(store, alive, call(end_time=after(1)), call(node="node-2"))
    assert await store.calls.live_ones("node-1") == (alive,)


EVERY_FILTER = {
    "none": CallFilter(),
    "to": CallFilter(to="1000"),
    "from": CallFilter(from_="1000"),
    "status": CallFilter(status="busy"),
    "parent": CallFilter(parent_call_sid="CA1"),
    "start": CallFilter(started_from=after(0), started_before=after(9)),
    "start and status": CallFilter(started_before=after(9), status="busy"),
    "end": CallFilter(ended_from=after(0)),
    "to and from": CallFilter(to="1000", from_="2000"),
}


@pytest.mark.parametrize("oldest_first", [False, True])
@pytest.mark.parametrize("wanted", EVERY_FILTER.values(), ids=EVERY_FILTER)
def test_every_list_of_calls_is_served_by_an_index(
    wanted: CallFilter, oldest_first: bool, tmp_path: Path
) -> None:
    where = (Equals("account_sid", ACCOUNT), *wanted.conditions())
    query = Query(CallRecord, where, ("date_created", "sid"), 51, is_rising=oldest_first)
    plan = plan_of(query, tmp_path)
    assert "USING INDEX" in plan
    assert "TEMP B-TREE" not in plan


LISTED = [kind for kind, table in TABLES.items() if {"account_sid", "sid"} <= set(table.c.keys())]


@pytest.mark.parametrize("kind", LISTED, ids=lambda kind: kind.__name__)
def test_every_list_of_an_account_is_served_by_an_index(kind: type, tmp_path: Path) -> None:
    columns = TABLES[kind].c
    newest_by = ("message_date" if "message_date" in columns else "date_created", "sid")
    plan = plan_of(Query(kind, (Equals("account_sid", ACCOUNT),), newest_by, 51), tmp_path)
    assert "USING INDEX" in plan
    assert "TEMP B-TREE" not in plan
