"""A web server that behaves as badly as its path says: raw TCP, since no library would let it."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Self

from tests.scenarios.harness.ports import free_port

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n"
_CHUNK = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
_LAUGHS = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;">]><Response>&b;</Response>'

Behaviour = Callable[[asyncio.StreamWriter, "HostileServer"], Awaitable[None]]


def _whole(body: bytes, head: bytes = _HEAD) -> Behaviour:
    async def behave(writer: asyncio.StreamWriter, _: "HostileServer") -> None:
        writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()

    return behave


def _endless(first: bytes, again: bytes, pause_s: float) -> Behaviour:
    async def behave(writer: asyncio.StreamWriter, _: "HostileServer") -> None:
        writer.write(first)
        while True:
            writer.write(again)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return behave


async def _says_nothing(_: asyncio.StreamWriter, __: "HostileServer") -> None:
    await asyncio.sleep(60)


async def _hangs_up(writer: asyncio.StreamWriter, _: "HostileServer") -> None:
    writer.transport.abort()


async def _redirects_for_ever(writer: asyncio.StreamWriter, server: "HostileServer") -> None:
    location = server.url("redirect").encode()
    writer.write(b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


BEHAVIOURS: dict[str, Behaviour] = {
    "silent": _says_nothing,
    "abort": _hangs_up,
    "drip": _endless(_HEAD + b"Content-Length: 5000\r\n\r\n", b"<", 0.2),
    "endless": _endless(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", _CHUNK, 0),
    "endless-head": _endless(_HEAD, b"X: " + b"y" * 1000 + b"\r\n", 0),
    "redirect": _redirects_for_ever,
    "type": _whole(b"\x89PNG\r\n", b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n"),
    "huge": _whole(b"<Response>" + b"<Say>again</Say>" * 500_000 + b"</Response>"),
    "deep": _whole(b"<Response>" + b"<Gather>" * 8_000),
    "laughs": _whole(_LAUGHS),
    "cut": _whole(b"<Response><Sa", _HEAD + b"Connection: close\r\n"),
    "no-http": _whole(b"", b"220 mail.example.com ESMTP\r\n"),
    "length": _whole(b"<Response/>", _HEAD + b"Content-Length: -1\r\n"),
    "error": _whole(b"oops", b"HTTP/1.1 500 Oops\r\n"),
}


class HostileServer:
    """`async with HostileServer() as server`; `server.url("drip")`."""

    def __init__(self) -> None:
        self.port = free_port()
        self.asked: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def url(self, behaviour: str, *, host: str = "127.0.0.1", scheme: str = "http") -> str:
        """The URL that gets this behaviour."""
        return f"{scheme}://{host}:{self.port}/{behaviour}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                head = await reader.readuntil(b"\r\n\r\n")
                name = head.split()[1].decode("latin-1").strip("/").partition("?")[0]
                self.asked[name] += 1
                if name in BEHAVIOURS:
                    await BEHAVIOURS[name](writer, self)
        except asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
