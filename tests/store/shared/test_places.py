"""Who waits in queues of callers, as several nodes write and see it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from callapi.base.clock import utc_now
from callapi.base.ids import AccountSid, CallSid, QueueSid
from callapi.store import Owner, PlaceTable, Put, QueuePlace, QueueRecord, Store

QUEUE = "QU1"


def caller(sid: str, number: int, node: str, priority: int = 999) -> QueuePlace:
    """The place of a caller."""
    return QueuePlace(CallSid(sid), node, is_agent=False, priority=priority, number=number)


def agent(sid: str, number: int, node: str) -> QueuePlace:
    """The place of an agent."""
    return QueuePlace(CallSid(sid), node, is_agent=True, priority=0, number=number)


@pytest.fixture
async def tables(postgresql_url: str) -> AsyncIterator[tuple[PlaceTable, PlaceTable, Store]]:
    """The tables of two nodes that run, and the store of the first."""
    async with AsyncExitStack() as stack:
        stores = [
            await stack.enter_async_context(Store.open(postgresql_url, owner=Owner(name, f"{at:032x}")))
            for at, name in enumerate(("one", "two"))
        ]
        made = [
            PlaceTable(each.nodes.engine, each.nodes.owner.name, each.nodes.epoch)
            for each in stores
            if each.nodes
        ]
        yield made[0], made[1], stores[0]


async def test_each_node_writes_its_own_and_sees_all(tables: tuple[PlaceTable, PlaceTable, Store]) -> None:
    one, two, _ = tables
    first, second = caller("CA1", 10, "one"), caller("CA2", 20, "two")
    assert set(one.keep(QUEUE, [first], {}).places) == {first}
    serving = agent("CA3", 30, "two")
    assert set(two.keep(QUEUE, [second, serving], {}).places) == {first, second, serving}
    assert set(one.look([QUEUE, "QU2"])[QUEUE]) == {first, second, serving}
    assert one.look(["QU2"]) == {"QU2": ()}
    assert set(one.keep(QUEUE, [], {}).places) == {second, serving}, "the first has left"
    assert set(two.look([QUEUE])[QUEUE]) == {second, serving}


async def test_room_is_counted_over_all_nodes(tables: tuple[PlaceTable, PlaceTable, Store]) -> None:
    one, two, _ = tables
    one.keep(QUEUE, [caller("CA1", 10, "one")], {CallSid("CA1"): 2})
    state = two.keep(
        QUEUE,
        [agent("CA9", 5, "two"), caller("CA2", 20, "two"), caller("CA3", 30, "two")],
        {CallSid("CA2"): 2, CallSid("CA3"): 2},
    )
    assert state.refused == {"CA3"}, "agents take no room"
    assert {each.call_sid for each in state.places} == {"CA1", "CA2", "CA9"}
    assert {each.call_sid for each in one.look([QUEUE])[QUEUE]} == {"CA1", "CA2", "CA9"}
    back = two.keep(QUEUE, [caller("CA2", 20, "two"), caller("CA4", 7, "two")], {})
    assert not back.refused, "who was in line before is not counted anew"


async def test_the_places_of_a_process_that_is_over_count_no_more(postgresql_url: str) -> None:
    async with Store.open(postgresql_url, owner=Owner("stays", "1" * 32)) as store:
        assert store.nodes is not None
        mine = PlaceTable(store.nodes.engine, "stays", store.nodes.epoch)
        async with Store.open(postgresql_url, owner=Owner("leaves", "2" * 32)) as other:
            assert other.nodes is not None
            theirs = PlaceTable(other.nodes.engine, "leaves", other.nodes.epoch)
            theirs.keep(QUEUE, [caller("CA1", 10, "leaves")], {})
            assert len(mine.look([QUEUE])[QUEUE]) == 1
            late = PlaceTable(store.nodes.engine, "leaves", other.nodes.epoch - 1)
            late.keep("QU2", [caller("CA5", 10, "leaves")], {})
            assert mine.look(["QU2"])["QU2"] == (), "written by an earlier process of that node"
        assert mine.look([QUEUE])[QUEUE] == ()
        assert mine.keep(QUEUE, [caller("CA1", 11, "stays")], {}).places == (caller("CA1", 11, "stays"),)


async def test_all_nodes_make_a_queue_under_one_sid(tables: tuple[PlaceTable, PlaceTable, Store]) -> None:
    one, two, store = tables
    assert one.agreed_sid("AC1", "sales", "QUa") == two.agreed_sid("AC1", "sales", "QUb") == "QUa"
    assert two.agreed_sid("AC2", "sales", "QUc") == "QUc"
    one.forget("AC1", "sales")
    assert two.agreed_sid("AC1", "sales", "QUd") == "QUd"
    assert one.keep(QUEUE, [], {}).friendly_name is None
    now = utc_now()
    await store.commit(Put(QueueRecord(QueueSid(QUEUE), AccountSid("AC1"), "sales", 7, now, now)))
    state = two.keep(QUEUE, [], {})
    assert (state.friendly_name, state.max_size) == ("sales", 7)
