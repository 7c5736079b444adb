"""What happens to groups while the database is away, slow, full, or refuses them."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from msgspec.structs import replace

from callapi.store import (
    AddEvents,
    CallbackRecord,
    Conflict,
    PageRequest,
    Put,
    Store,
    Unavailable,
    WriterLimits,
)
from callapi.store.changes import Change
from tests.store.flaky import FlakyBackend
from tests.store.samples import call, callback, client, event, number

IMPATIENT = WriterLimits(linger_s=0.001, max_pause_s=0.05)


@pytest.fixture
def backend() -> FlakyBackend:
    """A backend that can be taken away."""
    return FlakyBackend()


@pytest.fixture
async def store(backend: FlakyBackend) -> AsyncIterator[Store]:
    """A store on it that does not wait long."""
    async with Store(backend, IMPATIENT) as store:
        yield store


async def _notices(store: Store) -> None:
    """Until the writer knows that the database is away."""
    async with asyncio.timeout(5):
        while store.is_writable:  # noqa: ASYNC110 - the thread has no signal for it
            await asyncio.sleep(0.005)


async def _recovers(store: Store) -> None:
    async with asyncio.timeout(10):
        while not store.is_writable:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.005)


async def test_neighbours_share_a_transaction(store: Store, backend: FlakyBackend) -> None:
    for _ in range(100):
        store.write(Put(call()))
    await store.flush()
    assert len(backend.batches) <= 3
    assert store.statistics.groups == 100


async def test_what_is_written_while_the_database_is_away_is_written_later_in_order(
    store: Store, backend: FlakyBackend
) -> None:
    backend.is_away = True
    reported: list[CallbackRecord] = []
    store.subscribe(reported.extend)
    ringing = call()
    store.write(Put(ringing))
    await _notices(store)
    store.write(Put(replace(ringing, sequence_number=1)), Put(first := callback("EV1")))
    store.write(Put(last := replace(ringing, sequence_number=2)), Put(second := callback("EV2")))
    assert store.statistics.pending_changes == 5
    assert reported == []
    backend.is_away = False
    await store.flush()
    assert store.is_writable
    assert await store.calls.fetch(ringing.sid) == last
    assert reported == [first, second]
    assert store.statistics.pending_changes == 0
    assert store.statistics.retries >= 1


async def test_a_waiter_for_a_write_is_woken_at_once_and_it_is_not_made_later(
    store: Store, backend: FlakyBackend
) -> None:
    backend.is_away = True
    with pytest.raises(Unavailable):
        await store.commit(Put(number("1000")))
    assert not store.is_writable
    started = time.perf_counter()
    with pytest.raises(Unavailable):
        await store.commit(Put(number("1000")))
    await store.settle()
    assert time.perf_counter() - started < 0.2
    backend.is_away = False
    await _recovers(store)
    assert await store.numbers.by_number("1000") is None
    await store.commit(Put(number("1000")))


async def test_a_write_that_takes_too_long_is_withdrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread is busy with another group meanwhile."""
    monkeypatch.setattr("callapi.store.store._COMMIT_TIMEOUT_S", 0.1)

    class Slow(FlakyBackend):
        def apply(self, changes: Sequence[Change]) -> None:
            time.sleep(0.3)
            super().apply(changes)

    async with Store(Slow(), IMPATIENT) as store:
        store.write(Put(call()))
        await asyncio.sleep(0.05)
        with pytest.raises(Unavailable):
            await store.commit(Put(number("1000")))
        await store.flush()
        assert await store.numbers.by_number("1000") is None


async def test_a_recovered_database_is_noticed_without_a_write(store: Store, backend: FlakyBackend) -> None:
    backend.is_away = True
    with pytest.raises(Unavailable):
        await store.commit(Put(number("1000")))
    backend.is_away = False
    await _recovers(store)


async def test_beyond_the_bound_the_oldest_events_go_and_nothing_else(backend: FlakyBackend) -> None:
    limits = WriterLimits(linger_s=0.001, max_pause_s=0.02, max_events=4, max_changes=10)
    async with Store(backend, limits) as store:
        backend.is_away = True
        store.write(Put(call()))
        await _notices(store)
        calls = [call() for _ in range(5)]
        for each in calls:
            store.write(Put(each), AddEvents(each.sid, (event(0), event(1))), Put(callback(f"EV{each.sid}")))
        assert store.statistics.dropped_events >= 6
        assert store.is_full
        backend.is_away = False
        await store.flush()
        assert not store.is_full
        for each in calls:
            assert await store.calls.fetch(each.sid) == each
        kept = [len((await store.events.page(each.sid, PageRequest())).records) for each in calls]
        assert kept == [0, 0, 0, 2, 2]
        assert store.statistics.dropped_events == 6


async def test_a_group_that_is_refused_does_not_hold_up_its_neighbours(
    store: Store, backend: FlakyBackend, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = call(), call()
    store.write(Put(client("alice")))
    store.write(Put(one))
    store.write(Put(call()), Put(client("alice")))
    store.write(Put(other))
    with pytest.raises(Conflict):
        await store.commit(Put(client("alice")))
    await store.flush()
    assert await store.calls.fetch(one.sid) == one
    assert await store.calls.fetch(other.sid) == other
    assert store.statistics.refused_groups == 2
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def test_a_refusal_and_then_no_database(backend: FlakyBackend) -> None:
    """The database goes away in the middle of a batch that is written group by group: the rest is kept."""

    class Treacherous(FlakyBackend):
        def apply(self, changes: Sequence[Change]) -> None:
            super().apply(changes)
            self.is_away = len(self.batches) == 1

    treacherous = Treacherous()
    async with Store(treacherous, WriterLimits(linger_s=0.05, max_pause_s=0.02)) as store:
        first, last = call(), call()
        store.write(Put(first))
        store.write(Put(client("alice")), Put(client("alice")))
        store.write(Put(last))
        await _notices(store)
        treacherous.is_away = False
        await store.flush()
        assert await store.calls.fetch(first.sid) == first
        assert await store.calls.fetch(last.sid) == last
        assert store.statistics.refused_groups == 1


async def test_leaving_writes_the_rest(backend: FlakyBackend) -> None:
    async with Store(backend, WriterLimits(linger_s=10)) as store:
        store.write(Put(one := call()))
    assert [change for batch in backend.batches for change in batch] == [Put(one)]


async def test_leaving_without_a_database_ends_and_says_what_is_lost(
    backend: FlakyBackend, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callapi.store.store._CLOSE_TIMEOUT_S", 0.2)
    async with Store(backend, IMPATIENT) as store:
        backend.is_away = True
        store.write(Put(call()), Put(callback("EV1")))
    assert "closed with 2 changes that could not be written" in caplog.text


class TestSqlite:
    """The real thing, in real trouble."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        """Where the file is."""
        return tmp_path / "callapi.db"

    async def test_a_locked_file(self, path: Path, caplog: pytest.LogCaptureFixture) -> None:
        async with Store.open(f"sqlite:///{path}", IMPATIENT) as store:
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                store.write(Put(one := call()))
                await _notices(store)
                assert await store.calls.fetch(one.sid) is None
            await store.flush()
            assert await store.calls.fetch(one.sid) == one
        assert "locked" in caplog.text

    async def test_a_full_disk(self, path: Path) -> None:
        async with Store.open(f"sqlite:///{path}", IMPATIENT) as store:
            await store.commit(Put(call()))
            with store._backend._writing.connect() as connection:  # type: ignore[attr-defined]
                connection.exec_driver_sql("PRAGMA max_page_count=1")
            big = call(end_reason="x" * 100_000)
            store.write(Put(big))
            await _notices(store)
            with pytest.raises(Unavailable):
                await store.commit(Put(number("1000")))
            with store._backend._writing.connect() as connection:  # type: ignore[attr-defined]
                connection.exec_driver_sql("PRAGMA max_page_count=1000000")
            await store.flush()
            assert await store.calls.fetch(big.sid) == big

    async def test_a_directory_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(Unavailable):
            async with Store.open(f"sqlite:///{tmp_path}/file/callapi.db"):
                pass

    @pytest.fixture
    def not_a_database(self, path: Path) -> Path:
        """A file of something else."""
        path.write_bytes(b"no database at all, but long enough to be taken for one" * 100)
        return path

    async def test_a_file_that_is_no_database(self, not_a_database: Path) -> None:
        with pytest.raises(Unavailable):
            async with Store.open(f"sqlite:///{not_a_database}"):
                pass


async def test_a_server_that_goes_and_comes_back(postgresql_url: str) -> None:
    admin, _, name = postgresql_url.rpartition("/")
    async with Store.open(postgresql_url, IMPATIENT) as store:
        await store.commit(Put(call()))
        with psycopg.connect(f"{admin}/postgres", autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
            )
            store.write(Put(one := call()))
            await _notices(store)
            with pytest.raises(Unavailable):
                await store.calls.fetch(one.sid)
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await store.flush()
        assert await store.calls.fetch(one.sid) == one


async def test_no_server(unused_tcp_port: int) -> None:
    with pytest.raises(Unavailable):
        async with Store.open(f"postgresql://callapi@127.0.0.1:{unused_tcp_port}/x"):
            pass


async def test_a_url_that_leads_nowhere() -> None:
    for url in ("sqlite://", "sqlite:///:memory:", "nonsense", "sqlite:////proc/callapi/x.db"):
        with pytest.raises(Unavailable):
            async with Store.open(url):
                pass
