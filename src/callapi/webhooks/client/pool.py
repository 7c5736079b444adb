"""Connections that are kept open between requests, by origin, and how many there may be."""

import asyncio
from collections import deque
from typing import Final

from callapi.webhooks.client.connection import Connection
from callapi.webhooks.client.connector import Connector
from callapi.webhooks.encoding import Origin

MAX_CONNECTIONS: Final = 1024
MAX_TO_ONE_ORIGIN: Final = 256
# Shorter than the idle timeout of most servers, so that a request seldom meets a connection that is closing.
_KEPT_S: Final = 15.0


class Pool:
    """Gives out connections. Waiting for a free one counts as time to connect."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._idle: dict[Origin, list[Connection]] = {}
        self._open: dict[Origin, int] = {}
        self._total = 0
        self._origins: dict[Connection, Origin] = {}
        self._waiting: deque[tuple[Origin, asyncio.Future[None]]] = deque()
        self._sweep: asyncio.TimerHandle | None = None
        self._is_closed = False

    async def acquire(self, origin: Origin, *, is_new: bool) -> Connection:
        """A connection to `origin`, to be given back by `release`; `is_new`: none that was used before.

        Raises:
            OSError, ValueError: none can be opened.
        """
        while True:
            if not is_new and (connection := self._idle_one(origin)) is not None:
                return connection
            if self._has_room(origin):
                return await self._opened(origin)
            freed = asyncio.get_running_loop().create_future()
            self._waiting.append((origin, freed))
            try:
                await freed
            except asyncio.CancelledError:
                if freed.done():
                    self._wake()  # its turn goes to the next
                raise

    def release(self, connection: Connection) -> None:
        """Take `connection` back after an exchange: it is kept if it is usable."""
        if not connection.is_usable or self._is_closed:
            connection.close()
            return
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        self._idle.setdefault(self._origins[connection], []).append(connection)
        if self._sweep is None:
            self._sweep = loop.call_later(_KEPT_S, self._close_idle, loop)
        if self._waiting:
            self._wake()

    def close(self) -> None:
        """Close all connections; those in use end their exchange with an error."""
        self._is_closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in list(self._origins):
            connection.close()

    def _idle_one(self, origin: Origin) -> Connection | None:
        kept = self._idle.get(origin)
        while kept:
            connection = kept.pop()
            if connection.is_usable:
                return connection
        return None

    def _has_room(self, origin: Origin) -> bool:
        if self._open.get(origin, 0) >= MAX_TO_ONE_ORIGIN:
            return False
        return self._total < MAX_CONNECTIONS or any(self._idle.values())

    async def _opened(self, origin: Origin) -> Connection:
        if self._total >= MAX_CONNECTIONS:
            next(idle for idle in self._idle.values() if idle).pop(0).close()
        self._open[origin] = self._open.get(origin, 0) + 1
        self._total += 1
        try:
            connection = await self._connector.connect(origin, self._lost)
        except BaseException:
            self._forget(origin)
            raise
        self._origins[connection] = origin
        if not connection.is_usable:  # it was closed in the moment in which it was opened
            self._lost(connection)
        return connection

    def _lost(self, connection: Connection) -> None:
        origin = self._origins.pop(connection, None)
        if origin is None:
            return
        if connection in (kept := self._idle.get(origin, [])):
            kept.remove(connection)
        self._forget(origin)

    def _forget(self, origin: Origin) -> None:
        self._total -= 1
        self._open[origin] -= 1
        if not self._open[origin]:
            del self._open[origin]
            self._idle.pop(origin, None)
        self._wake()

    def _wake(self) -> None:
        """Let the first go on that waits for an origin with room."""
        for index, (origin, freed) in enumerate(self._waiting):
            if freed.done():
                continue
            if self._idle.get(origin) or self._has_room(origin):
                del self._waiting[index]
                freed.set_result(None)
                return

    def _close_idle(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close what has not been used for a while."""
        self._sweep = None
        since = loop.time() - _KEPT_S
        kept = [each for idle in self._idle.values() for each in idle]
        for connection in kept:
            if connection.idle_since <= since:
                connection.close()
        fresh = [each.idle_since for each in kept if each.idle_since > since]
        if fresh:
            self._sweep = loop.call_at(min(fresh) + _KEPT_S, self._close_idle, loop)
