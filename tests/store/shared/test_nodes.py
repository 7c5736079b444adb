"""The table of nodes on PostgreSQL and SQLite: claims, heartbeats, takeovers, and the fence before every write."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import LiteralString, Protocol

import psycopg
import pytest
from msgspec.structs import replace
from sqlalchemy import insert

from callapi.base.clock import utc_now
from callapi.store import Fenced, NameTaken, NodeState, Owner, Put, QueueTable, Report, Store, Unavailable
from callapi.store.shared import door
from callapi.store.shared.tables import COMMANDS
from callapi.store.sql.database import listen_conninfo, session_name
from tests.store.samples import NOON, call, callback

UP = Report(NodeState.UP, 0)
_identities = itertools.count()


def owner(name: str, identity: str | None = None, **changes: tuple[str, ...]) -> Owner:
    return Owner(name, identity or f"{next(_identities):032x}", **changes)  # type: ignore[arg-type]


class OpenNode(Protocol):
    async def __call__(self, owner: Owner) -> Store: ...


@pytest.fixture
async def open_node(postgresql_url: str) -> AsyncIterator[OpenNode]:
    """Opens stores on one PostgreSQL database."""
    async with AsyncExitStack() as stack:

        async def opened(owner: Owner) -> Store:
            return await stack.enter_async_context(Store.open(postgresql_url, owner=owner))

        yield opened


async def test_what_one_node_has_is_not_seen_by_another_of_another_name(open_node: OpenNode) -> None:
    one, two = await open_node(owner("one")), await open_node(owner("two"))
    alive = call(node="one")
    one.write(Put(alive), Put(callback("a")))
    await one.flush()
    assert await two.calls.live_ones("two") == ()
    assert await two.callbacks.hosts(10) == ()
    assert await two.callbacks.due("https://example.com", NOON, 10) == ((), None)
    assert len(await one.callbacks.hosts(10)) == 1


async def test_a_name_that_lives_is_refused_and_one_that_is_silent_is_taken(open_node: OpenNode) -> None:
    one = await open_node(owner("node-1"))
    nodes = one.nodes
    assert nodes is not None

    async def beating() -> None:
        while True:
            await nodes.beat(UP)
            await asyncio.sleep(0.3)

    beats = asyncio.create_task(beating())
    with pytest.raises(NameTaken, match="node-1"):
        await open_node(owner("node-1"))
    beats.cancel()
    two = await open_node(owner("node-1"))
    assert two.nodes is not None
    assert two.nodes.epoch == nodes.epoch + 1
    with pytest.raises(Fenced):
        await nodes.beat(UP)


async def test_a_process_of_the_same_identity_takes_over_at_once_and_fences_the_first(
    open_node: OpenNode,
) -> None:
    first = await open_node(owner("node-1", "a" * 32))
    alive = call(node="node-1")
    first.write(Put(alive))
    await first.flush()
    second = await open_node(owner("node-1", "a" * 32))
    assert await second.calls.live_ones("node-1") == (alive,)
    late = call(node="node-1")
    first.write(Put(late), Put(callback("late")))
    await first.flush()
    assert first.is_fenced
    assert await second.calls.fetch(late.sid) is None, "a write at an old epoch changes no row"
    with pytest.raises(Unavailable):
        await first.commit(Put(late))


async def test_the_dead_are_taken_over_from_once_with_their_callbacks(open_node: OpenNode) -> None:
    dead, one, two = [await open_node(owner(name)) for name in ("dead", "one", "two")]
    alive = call(node="dead")
    dead.write(Put(alive), Put(callback("a")))
    await dead.flush()
    assert one.nodes is not None
    assert two.nodes is not None
    entry = next(each for each in (await one.nodes.beat(UP)).nodes if each.name == "dead")
    outcomes = await asyncio.gather(one.nodes.bury(entry), two.nodes.bury(entry))
    assert sorted(len(each) for each in outcomes if each is not None) == [1], "one of the two was first"
    heir = one if outcomes[0] is not None else two
    assert len(await heir.callbacks.hosts(10)) == 1
    (inherited,) = next(each for each in outcomes if each is not None)
    assert inherited.sid == alive.sid
    assert inherited.node == ("one" if heir is one else "two")
    dead.write(Put(call(node="dead")))
    await dead.flush()
    assert dead.is_fenced


HOLD = "SELECT set_config('application_name', %s, true) FROM nodes WHERE name = %s FOR KEY SHARE"
"""What a write begins with."""


@asynccontextmanager
async def writing(url: str, name: str, epoch: int) -> AsyncIterator[psycopg.AsyncConnection]:
    """A transaction of a node that does not end."""
    async with await psycopg.AsyncConnection.connect(listen_conninfo(url)) as connection:
        await connection.execute(HOLD, (session_name(name, epoch), name))
        yield connection


def cut(connection: psycopg.AsyncConnection) -> None:
    """Leave the server with the first octets of a query, as a node does whose link is cut while it writes."""
    os.write(connection.fileno(), b"Q" + (4096).to_bytes(4, "big") + b"INSERT INTO calls")


async def test_a_write_that_the_dead_node_left_open_does_not_stop_a_takeover(
    open_node: OpenNode, postgresql_url: str
) -> None:
    dead, one = await open_node(owner("dead")), await open_node(owner("one"))
    alive = call(node="dead")
    dead.write(Put(alive))
    await dead.flush()
    assert one.nodes is not None
    entry = next(each for each in (await one.nodes.beat(UP)).nodes if each.name == "dead")
    async with (
        writing(postgresql_url, "one", one.nodes.epoch) as other,
        writing(postgresql_url, "dead", entry.epoch) as left,
    ):
        cut(left)
        inherited = await one.nodes.bury(entry)
        assert inherited is not None
        assert [each.sid for each in inherited] == [alive.sid]
        with pytest.raises(psycopg.OperationalError):
            await left.execute("SELECT 1")
        await other.execute("SELECT 1")


async def test_a_write_that_the_dead_node_left_open_does_not_stop_its_next_process(
    open_node: OpenNode, postgresql_url: str
) -> None:
    first = await open_node(owner("node-1", "a" * 32))
    assert first.nodes is not None
    async with writing(postgresql_url, "node-1", first.nodes.epoch) as left:
        cut(left)
        second = await open_node(owner("node-1", "a" * 32))
        assert second.nodes is not None
        assert second.nodes.epoch == first.nodes.epoch + 1
        with pytest.raises(psycopg.OperationalError):
            await left.execute("SELECT 1")


async def test_a_write_of_a_node_that_beats_again_is_not_ended(
    open_node: OpenNode, postgresql_url: str
) -> None:
    slow, one = await open_node(owner("slow")), await open_node(owner("one"))
    assert slow.nodes is not None
    assert one.nodes is not None
    entry = next(each for each in (await one.nodes.beat(UP)).nodes if each.name == "slow")
    async with writing(postgresql_url, "slow", entry.epoch) as long:
        await slow.nodes.beat(UP)
        assert await one.nodes.bury(entry) is None
        await long.execute("SELECT 1")


async def test_a_takeover_that_takes_its_time_is_waited_for(
    open_node: OpenNode, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead, one = await open_node(owner("dead")), await open_node(owner("one"))
    alive = call(node="dead")
    dead.write(Put(alive))
    await dead.flush()
    assert one.nodes is not None
    entry = next(each for each in (await one.nodes.beat(UP)).nodes if each.name == "dead")
    monkeypatch.setattr(door, "TIMEOUT_S", 0.1)
    async with await psycopg.AsyncConnection.connect(listen_conninfo(postgresql_url)) as slow:
        await slow.execute("LOCK TABLE calls IN EXCLUSIVE MODE")
        burial = asyncio.create_task(one.nodes.bury(entry))
        await asyncio.wait([burial], timeout=0.4)
        await slow.commit()
        inherited = await burial
    assert inherited is not None
    assert [each.sid for each in inherited] == [alive.sid]


async def test_the_session_that_writes_bears_the_name_of_its_process(
    open_node: OpenNode, postgresql_url: str
) -> None:
    """A takeover finds by it what to end; after the transaction the session has its own name again."""
    name = "nœud " + "x" * 80
    node, other = await open_node(owner(name)), await open_node(owner(name + "y"))
    assert node.nodes is not None
    assert other.nodes is not None
    seen = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
    async with await psycopg.AsyncConnection.connect(listen_conninfo(postgresql_url)) as look:
        await look.execute("LOCK TABLE calls IN EXCLUSIVE MODE")
        node.write(Put(call(node=name)))
        async with asyncio.timeout(3):
            mine = session_name(name, node.nodes.epoch)
            while await _count(look, seen, mine) == 0:  # noqa: ASYNC110 - the server has no signal for it
                await asyncio.sleep(0.02)
        assert await _count(look, seen, session_name(name + "y", other.nodes.epoch)) == 0
        await look.commit()
        await node.flush()
        assert await _count(look, seen, session_name(name, node.nodes.epoch)) == 0


async def _count(connection: psycopg.AsyncConnection, query: LiteralString, name: str) -> int:
    """The statistics are those of the moment, where each question stands alone in its snapshot."""
    await connection.execute("SELECT pg_stat_clear_snapshot()")
    row = await (await connection.execute(query, (name,))).fetchone()
    assert row is not None
    return int(row[0])


async def test_a_server_that_was_restarted_costs_no_write_and_no_heartbeat(
    open_node: OpenNode, postgresql_url: str
) -> None:
    """The connections of before are found dead as they are used, and replaced in the same moment."""
    one = await open_node(owner("one"))
    assert one.nodes is not None
    await one.commit(Put(call(node="one")))
    await one.nodes.beat(UP)
    await one.nodes.all()
    ending = (
        "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity"  # waits until it is over
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    async with await psycopg.AsyncConnection.connect(listen_conninfo(postgresql_url)) as connection:
        await connection.execute(ending)
    kept = call(node="one")
    await one.commit(Put(kept))
    assert (await one.nodes.beat(UP)).nodes
    assert await one.nodes.all()
    assert await one.calls.fetch(kept.sid) == kept


async def test_a_heartbeat_brings_back_what_waits_and_where_new_processes_are(open_node: OpenNode) -> None:
    one = await open_node(owner("one"))
    assert one.nodes is not None
    roll = await one.nodes.beat(UP)
    assert (roll.has_commands, roll.has_free_calls) == (False, False)
    two = await open_node(Owner("two", "2" * 32, sip="udp://192.0.2.2:5060", http="http://192.0.2.2:80"))
    assert two.nodes is not None
    await asyncio.to_thread(_ask_and_leave, two, one.nodes.epoch)
    roll = await one.nodes.beat(Report(NodeState.DRAINING, 7))
    assert (roll.has_commands, roll.has_free_calls) == (True, True)
    [found], [there] = (
        [replace(each, seconds_since_seen=0) for each in nodes if each.name == "two"]
        for nodes in (roll.nodes, await one.nodes.all())
    )
    assert found == there
    assert not (await two.nodes.beat(UP)).has_commands, "those of another node"
    [seen] = [each for each in (await two.nodes.beat(UP)).nodes if each.name == "one"]
    assert (seen.state, seen.live_calls, seen.beat) == (NodeState.DRAINING, 7, 2)


def _ask_and_leave(store: Store, epoch: int) -> None:
    """A command for node one at `epoch`, and a call that waits for any node."""
    assert store.nodes is not None
    with store.nodes.engine.begin() as connection:
        connection.execute(
            insert(COMMANDS).values(
                id="1", node="one", epoch=epoch, asker="two", request="", is_taken=False, created_at=utc_now()
            )
        )
    QueueTable(store.nodes.engine, "").keep("CA1", "AC1", "{}", 10)


async def test_a_node_that_beats_again_is_not_buried(open_node: OpenNode) -> None:
    slow, one = await open_node(owner("slow")), await open_node(owner("one"))
    assert slow.nodes is not None
    assert one.nodes is not None
    entry = next(each for each in (await one.nodes.beat(UP)).nodes if each.name == "slow")
    await slow.nodes.beat(UP)
    assert await one.nodes.bury(entry) is None
    await slow.nodes.beat(UP)


async def test_a_node_that_left_gives_its_name_and_its_callbacks_away(postgresql_url: str) -> None:
    async with Store.open(postgresql_url, owner=owner("one")) as one:
        one.write(Put(callback("a")))
        await one.flush()
    async with Store.open(postgresql_url, owner=owner("two")) as two:
        assert len(await two.callbacks.hosts(10)) == 1
    async with Store.open(postgresql_url, owner=owner("one")):
        pass


async def test_numbers_of_one_configuration_file_do_not_delete_those_of_another(open_node: OpenNode) -> None:
    await open_node(owner("one", numbers=("100", "200")))
    two = await open_node(owner("two", numbers=("200", "300")))
    assert two.nodes is not None
    assert await two.nodes.configured_elsewhere() == {"100", "200"}


async def test_a_shared_value_is_the_first_one_that_was_proposed(open_node: OpenNode) -> None:
    one, two = await open_node(owner("one")), await open_node(owner("two"))
    assert one.nodes is not None
    assert two.nodes is not None
    assert await one.nodes.shared_value("secret", "a") == "a"
    assert await two.nodes.shared_value("secret", "b") == "a"


async def test_a_sqlite_file_has_one_node_and_a_node_of_another_name_goes_on(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    url = f"sqlite:///{tmp_path_factory.mktemp('nodes')}/callapi.db"
    alive = call(node="one")
    async with Store.open(url, owner=owner("one")) as one:
        one.write(Put(alive), Put(callback("a")))
        await one.flush()
        with pytest.raises(Unavailable, match="PostgreSQL"):
            async with Store.open(url, owner=owner("two")):
                pass
    async with Store.open(url, owner=owner("two")) as two:
        assert [each.sid for each in await two.calls.live_ones("two")] == [alive.sid]
        assert len(await two.callbacks.hosts(10)) == 1
