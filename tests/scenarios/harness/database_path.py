"""A stretch of network between nodes and PostgreSQL: slow, silent or closed at the test's word."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self
from urllib.parse import urlsplit, urlunsplit

_CHUNK = 65536


class DatabasePath:
    """`async with DatabasePath(url) as path`; nodes use `path.url(database)`. Connections go through this process."""

    def __init__(self, url: str, host: str = "127.0.0.1") -> None:
        """`url` is the server's, or a database's on it; `host` where this listens."""
        self.direct = url
        """The same database without this in between: what blocks the test's loop must ask there."""
        self._parts = urlsplit(url)
        self._host = host
        self.delay_s = 0.0
        """How long each packet takes, in both directions."""
        self._flows = asyncio.Event()
        self._flows.set()
        self._pairs: set[asyncio.Task[None]] = set()
        self._refuses = False

    @property
    def url(self) -> str:
        """The same database, this way."""
        user = self._parts.netloc.rpartition("@")[0]
        return urlunsplit(self._parts._replace(netloc=f"{user}@{self._host}:{self.port}"))

    @property
    def connections(self) -> int:
        """How many there are now."""
        return len(self._pairs)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self._host, 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for each in self._pairs:
            each.cancel()
        await asyncio.gather(*self._pairs, return_exceptions=True)

    @asynccontextmanager
    async def silent(self) -> AsyncIterator[None]:
        """Nothing passes, and nothing is refused: a disk or a switch that hangs. What was held back then passes."""
        self._flows.clear()
        try:
            yield
        finally:
            self._flows.set()

    @asynccontextmanager
    async def refusing(self) -> AsyncIterator[None]:
        """Connections are closed, new ones as soon as they are made: a server that is being replaced."""
        self._refuses = True
        for each in self._pairs:
            each.cancel()
        try:
            yield
        finally:
            self._refuses = False

    @asynccontextmanager
    async def slow(self, delay_s: float) -> AsyncIterator[None]:
        """Each packet takes `delay_s` more, there and back."""
        self.delay_s = delay_s
        try:
            yield
        finally:
            self.delay_s = 0.0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            writer.close()
            return
        task = asyncio.current_task()
        assert task is not None
        self._pairs.add(task)
        try:
            with contextlib.suppress(OSError):
                back, forth = await asyncio.open_connection(self._parts.hostname, self._parts.port)
                with contextlib.closing(forth):
                    await self._relay(reader, writer, back, forth)
        except asyncio.CancelledError:
            pass  # the server of asyncio would report it
        finally:
            self._pairs.discard(task)
            writer.close()

    async def _relay(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        back: asyncio.StreamReader,
        forth: asyncio.StreamWriter,
    ) -> None:
        ways = [asyncio.ensure_future(each) for each in (self._pass(reader, forth), self._pass(back, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in ways:
                each.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            await self._flows.wait()
            writer.write(data)
            await writer.drain()
