"""Commands from node to node, and the news that a cached record has changed, by way of PostgreSQL.

A command is a row; `NOTIFY` says that it is there, and each heartbeat finds what a lost connection missed. NOTIFY
takes a lock of the whole server at commit, so it is never in a transaction that writes records: those commit at the
pace of calls, commands at that of REST requests for calls of another node.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final, TypeVar

from msgspec import Struct
from sqlalchemy import Engine, delete, insert, select, text, update

from callapi.base.clock import utc_now
from callapi.store.errors import Unavailable
from callapi.store.shared.tables import COMMANDS
from callapi.store.sql.database import mapped_errors

log = logging.getLogger(__name__)

T = TypeVar("T")

CHANNEL: Final = "callapi"
THREADS: Final = 2
MAX_TAKEN: Final = 32
"""Commands read at once."""
_RECONNECT_S: Final = 0.5
_TIMEOUT_S: Final = 5.0
_FORGOTTEN_AFTER: Final = timedelta(seconds=60)
_NOTIFY: Final = text(f"SELECT pg_notify('{CHANNEL}', :payload)")


class Command(Struct, frozen=True):
    """What another node asks this one to do."""

    id: str
    asker: str
    request: str


class News(Struct, frozen=True):
    """One notification."""

    kind: str
    """`command`, `answer`, `changed`, or `connected`: news may have been missed before."""
    node: str = ""
    """Whom a command or an answer is for; who made a change."""
    detail: str = ""


class Bus:
    """The commands of `name` at `epoch`, on connections of its own. Methods raise Unavailable."""

    def __init__(self, engine: Engine, conninfo: str, name: str, epoch: int) -> None:
        self._engine = engine
        self._conninfo = conninfo
        self._name = name
        self._epoch = epoch
        self._pool = ThreadPoolExecutor(THREADS, "store-bus")

    def close(self) -> None:
        """Close every connection. Blocks."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._engine.dispose()

    async def send(self, node: str, epoch: int, request: str) -> str:
        """Ask the process of `node` at `epoch`; the id of the command."""
        made = secrets.token_hex(16)
        await self._run(self._send, made, node, epoch, request)
        return made

    def _send(self, made: str, node: str, epoch: int, request: str) -> None:
        row = {
            "id": made,
            "node": node,
            "epoch": epoch,
            "asker": self._name,
            "request": request,
            "is_taken": False,
            "created_at": utc_now(),
        }
        with mapped_errors(), self._engine.begin() as connection:
            connection.execute(insert(COMMANDS).values(row))
            _notify(connection, "command", node)

    async def take(self) -> list[Command]:
        """Commands for this process, each given once."""
        return await self._run(self._take)

    def _take(self) -> list[Command]:
        waiting = (
            select(COMMANDS.c.id)
            .where(COMMANDS.c.node == self._name, COMMANDS.c.epoch == self._epoch, ~COMMANDS.c.is_taken)
            .order_by(COMMANDS.c.created_at)
            .limit(MAX_TAKEN)
            .with_for_update(skip_locked=True)
        )
        taken = (
            update(COMMANDS)
            .where(COMMANDS.c.id.in_(waiting))
            .values(is_taken=True)
            .returning(COMMANDS.c.id, COMMANDS.c.asker, COMMANDS.c.request)
        )
        with mapped_errors(), self._engine.begin() as connection:
            return [Command(*row) for row in connection.execute(taken)]

    async def answer(self, command: Command, answer: str) -> None:
        """What came of a command."""
        await self._run(self._answer, command, answer)

    def _answer(self, command: Command, answer: str) -> None:
        with mapped_errors(), self._engine.begin() as connection:
            connection.execute(update(COMMANDS).where(COMMANDS.c.id == command.id).values(answer=answer))
            _notify(connection, "answer", command.asker, command.id)

    async def answers(self, ids: Iterable[str]) -> dict[str, str]:
        """The answers that are there, by the ids of their commands; they are taken out."""
        return await self._run(self._answers, list(ids))

    def _answers(self, ids: list[str]) -> dict[str, str]:
        answered = (
            delete(COMMANDS)
            .where(COMMANDS.c.id.in_(ids), COMMANDS.c.answer.is_not(None))
            .returning(COMMANDS.c.id, COMMANDS.c.answer)
        )
        with mapped_errors(), self._engine.begin() as connection:
            return {row.id: row.answer for row in connection.execute(answered)}

    async def announce(self, changes: Iterable[str]) -> None:
        """Let the other nodes forget what they know of `changes`: kinds of cached records, and more."""
        await self.publish("changed", changes)

    async def publish(self, kind: str, details: Iterable[str]) -> None:
        """Send news of that kind to all nodes; a detail has at most 7,900 octets."""
        await self._run(self._publish, kind, list(details))

    def _publish(self, kind: str, details: list[str]) -> None:
        with mapped_errors(), self._engine.begin() as connection:
            for detail in details:
                _notify(connection, kind, self._name, detail)

    async def sweep(self) -> None:
        """Remove commands whose askers have given up."""
        await self._run(self._sweep)

    def _sweep(self) -> None:
        old = delete(COMMANDS).where(COMMANDS.c.created_at < utc_now() - _FORGOTTEN_AFTER)
        with mapped_errors(), self._engine.begin() as connection:
            connection.execute(old)

    async def listen(self, heard: Callable[[News], None]) -> None:
        """Give every notification to `heard`, until cancelled; the connection is made again when it is lost."""
        # An extra that a node on SQLite does without.
        import psycopg  # noqa: PLC0415

        while True:
            with suppress(psycopg.Error, OSError):
                await self._listen_once(heard)
            await asyncio.sleep(_RECONNECT_S)

    async def _listen_once(self, heard: Callable[[News], None]) -> None:
        import psycopg  # noqa: PLC0415

        connection = await psycopg.AsyncConnection.connect(
            self._conninfo,
            autocommit=True,
            connect_timeout=3,
            application_name="callapi-bus",
            keepalives_idle=5,
            keepalives_interval=2,
            keepalives_count=3,
        )
        async with connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            heard(News("connected"))
            await _each(connection, heard)

    async def _run(self, work: Callable[..., T], *arguments: Any) -> T:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                return await loop.run_in_executor(self._pool, work, *arguments)
        except TimeoutError as error:
            raise Unavailable(f"it did not answer within {_TIMEOUT_S} s") from error


async def _each(connection: Any, heard: Callable[[News], None]) -> None:
    """Give what comes on a psycopg connection to `heard`, until it is lost: psycopg.OperationalError.

    psycopg's own way looks ten times a second whether it is to stop; this one sleeps until something comes.
    """
    loop, readable, server = asyncio.get_running_loop(), asyncio.Event(), connection.pgconn
    descriptor, encoding = connection.fileno(), connection.info.encoding
    loop.add_reader(descriptor, readable.set)
    try:
        while True:
            server.consume_input()
            while (notification := server.notifies()) is not None:
                kind, _, rest = notification.extra.decode(encoding).partition("\t")
                node, _, detail = rest.partition("\t")
                heard(News(kind, node, detail))
            await readable.wait()
            readable.clear()
    finally:
        loop.remove_reader(descriptor)


def _notify(connection: Any, kind: str, node: str, detail: str = "") -> None:
    connection.execute(_NOTIFY, {"payload": f"{kind}\t{node}\t{detail}"})
