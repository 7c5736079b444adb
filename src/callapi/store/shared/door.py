"""What a node asks of the table of nodes, off the event loop and on connections of its own.

Heartbeats must not wait behind reads and writes of records, nor behind takeovers and other questions between nodes: a
database that is slow with them would make a node look dead that is not. They have a thread and a connection.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, text

from callapi.store.errors import Unavailable
from callapi.store.records import CallRecord
from callapi.store.shared.bus import Bus
from callapi.store.shared.heartbeats import Heartbeats
from callapi.store.shared.nodes import NodeTable
from callapi.store.shared.values import NodeEntry, Owner, Report, Roll
from callapi.store.sql.database import (
    bus_engine,
    engines,
    heartbeat_engine,
    listen_conninfo,
    mapped_errors,
)
from callapi.store.sql.tables import TABLES

T = TypeVar("T")

THREADS: Final = 2
TIMEOUT_S: Final = 5.0
BURIAL_S: Final = 30.0
"""How long a takeover is waited for: longer than its locks and statements may take. What one that is committed after
its node has given up waiting leaves is looked for (`Heir.find`)."""
START_S: Final = 60
"""How long a node that starts waits for others that start."""
# "starts" in ASCII: nodes that start at the same time set up what is common to all one after another.
_STARTS: Final = 0x737461727473


class Nodes:
    """The nodes of this database, as the process that claimed `owner.name` at `epoch` sees and changes them.

    All methods raise Unavailable; those that write, Fenced too.
    """

    def __init__(self, engine: Engine, url: str, owner: Owner, epoch: int) -> None:
        self.engine = engine
        self._url = url
        self.owner = owner
        self.epoch = epoch
        self._table = NodeTable(engine)
        self._pool = ThreadPoolExecutor(THREADS, "store-nodes")
        self._beating: Engine | None = None
        self._heartbeats: Heartbeats | None = None
        self._beat_pool = ThreadPoolExecutor(1, "store-heartbeats")
        if self.is_shared:
            self._beating = heartbeat_engine(url)
            self._heartbeats = Heartbeats(self._beating, owner.name, epoch)

    @property
    def is_shared(self) -> bool:
        """Whether other nodes may use this database: PostgreSQL. A SQLite file is locked by its one node."""
        return self.engine.dialect.name == "postgresql"

    def open_bus(self) -> Bus:
        """The bus of this database, which must be PostgreSQL; to be closed."""
        engine = bus_engine(self._url)
        return Bus(engine, listen_conninfo(self._url), self.owner.name, self.epoch)

    def close(self) -> None:
        """Stop the threads, and close the connection of heartbeats. Blocks."""
        for pool in (self._beat_pool, self._pool):
            pool.shutdown(wait=True, cancel_futures=True)
        if self._beating is not None:
            self._beating.dispose()

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        """What `work` returns, from a thread."""
        return await self._run(work, arguments, TIMEOUT_S)

    async def _run(
        self,
        work: Callable[..., T],
        arguments: tuple[Any, ...],
        timeout_s: float,
        pool: ThreadPoolExecutor | None = None,
    ) -> T:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout_s):
                return await loop.run_in_executor(pool or self._pool, work, *arguments)
        except TimeoutError as error:
            raise Unavailable(f"it did not answer within {timeout_s:g} s") from error

    @asynccontextmanager
    async def turn_to_start(self) -> AsyncIterator[None]:
        """Hold off other nodes that start: the first one makes what all of them need. Raises Unavailable."""
        if not self.is_shared:
            yield
            return
        connection = await self._run(self._take_turn, (), START_S)
        try:
            yield
        finally:
            # Its lock ends with its session, which is not given back to the pool.
            await self.run(connection.close)

    def _take_turn(self) -> Connection:
        with mapped_errors():
            connection = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            try:
                connection.execute(
                    text(f"SET lock_timeout = '{START_S}s'; SET statement_timeout = '{START_S}s'")
                )
                connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _STARTS})
            except BaseException:
                connection.close()
                raise
            connection.detach()
            return connection

    async def beat(self, report: Report) -> Roll:
        """Say that this node lives; who else does. Only where nodes share a database."""
        assert self._heartbeats is not None  # noqa: S101 - a SQLite file has one node
        return await self._run(self._heartbeats.beat, (report,), TIMEOUT_S, self._beat_pool)

    async def bury(self, dead: NodeEntry) -> tuple[CallRecord, ...] | None:
        """Take over what a dead node had: its calls without an end. None: it lives, or another node was first."""
        columns = [TABLES[CallRecord].c[name] for name in CallRecord.__struct_fields__]
        rows = await self._run(self._table.bury, (dead, self.owner.name, self.epoch, columns), BURIAL_S)
        return None if rows is None else tuple(CallRecord(*row) for row in rows)

    async def leave(self) -> None:
        """Give the name back: this node has stopped in good order."""
        await self.run(self._table.leave, self.owner.name, self.epoch)

    async def all(self) -> tuple[NodeEntry, ...]:
        """Every node that the database knows."""
        return await self.run(self._table.all)

    async def configured_elsewhere(self) -> frozenset[str]:
        """The numbers in the configuration files of other nodes."""
        return await self.run(self._table.configured_elsewhere, self.owner.name)

    async def shared_value(self, name: str, proposal: str) -> str:
        """The value that all nodes know by `name`; `proposal`, if there was none."""
        return await self.run(self._table.shared_value, name, proposal)


def known_nodes(url: str) -> tuple[NodeEntry, ...]:
    """The nodes of the database at `url`, for a program that is none. Blocks. Raises Unavailable."""
    with _looking(url) as table:
        return table.all()


def want_drain(url: str, name: str, *, is_wanted: bool) -> bool:
    """Ask the node of that name to drain, or to take calls again; False if none runs. Blocks. Raises Unavailable."""
    with _looking(url) as table:
        return table.want_drain(name, is_wanted=is_wanted)


@contextmanager
def _looking(url: str) -> Iterator[NodeTable]:
    engine, reading = engines(url)
    try:
        yield NodeTable(engine)
    finally:
        engine.dispose()
        reading.dispose()
