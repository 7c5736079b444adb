"""Connections that keep the HTTP server waiting are closed, and make room for others before that."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from callapi.http.connections import MAX_HEAD, Bounds
from callapi.http.server import HttpServer
from tests.scenarios.harness.ports import free_port

MAX_CONNECTIONS, TIMEOUT_S = 8, 0.6
BIG = b"x" * 32_000_000
Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


async def _application(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive)
    body = await request.body()
    match scope["path"]:
        case "/big":
            await PlainTextResponse(BIG)(scope, receive, send)
        case "/stream":
            await StreamingResponse(_pieces())(scope, receive, send)
        case _:
            await PlainTextResponse(f"{len(body)}")(scope, receive, send)


async def _pieces() -> AsyncIterator[bytes]:
    for _ in range(320):
        yield BIG[:100_000]


@asynccontextmanager
async def _server(limit: int = MAX_CONNECTIONS, timeout_s: float = TIMEOUT_S) -> AsyncIterator[Connect]:
    port = free_port()
    writers: list[asyncio.StreamWriter] = []

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writers.append(writer)
        return reader, writer

    async with HttpServer(_application, f"127.0.0.1:{port}", Bounds(limit, timeout_s)):
        try:
            yield connect
        finally:
            for each in writers:
                each.close()


async def _is_closed(reader: asyncio.StreamReader) -> int:
    """Wait for the end of the connection; how many bytes came before it."""
    read = 0
    async with asyncio.timeout(10):
        try:
            while data := await reader.read(65536):
                read += len(data)
        except ConnectionError:
            pass
    return read


async def _asks(connect: Connect, path: str = "/", body: bytes = b"") -> bytes:
    reader, writer = await connect()
    writer.write(
        b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (path.encode(), len(body)) + body
    )
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
        return await reader.readexactly(length)


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"\r\n",
        b"GET / HT",
        b"GET / HTTP/1.1\r\nHost: a\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nbody",
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHo",
        b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
    ids=[
        "nothing",
        "line ends",
        "a line",
        "a head",
        "a body",
        "a second head",
        "no reading",
        "no reading on",
    ],
)
async def test_who_keeps_us_waiting_is_closed(begun: bytes) -> None:
    async with _server() as connect:
        reader, writer = await connect()
        began = monotonic()
        writer.write(begun)
        if b"/big" in begun or b"/stream" in begun:
            await asyncio.sleep(TIMEOUT_S * 4)
        assert await _is_closed(reader) < len(BIG)
        assert monotonic() - began >= TIMEOUT_S * 0.9


async def test_a_byte_now_and_then_is_no_request() -> None:
    async with _server() as connect:
        reader, writer = await connect()
        closed = asyncio.ensure_future(_is_closed(reader))
        for byte in b"GET / HTTP/1.1\r\nX-Slow: " + b"a" * 200:
            writer.write(bytes([byte]))
            await asyncio.wait([closed], timeout=0.05)
            if closed.done():
                break
        assert closed.done()


async def test_slow_clients_keep_no_other_out() -> None:
    """Twice as many as there is room for: the oldest of them makes room, and only as many are there as may be."""
    async with _server(timeout_s=30) as connect:
        slow = []
        for _ in range(MAX_CONNECTIONS * 2):
            reader, writer = await connect()
            writer.write(b"GET / HTTP/1.1\r\n")
            await writer.drain()
            slow.append(reader)
        for _ in range(MAX_CONNECTIONS):
            assert await _asks(connect) == b"0"
        for reader in slow[:MAX_CONNECTIONS]:
            await _is_closed(reader)


async def test_a_connection_is_used_again_and_again() -> None:
    """For longer than a request may take."""
    async with _server(timeout_s=1.2) as connect:
        reader, writer = await connect()
        for _ in range(4):
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await reader.readuntil(b"\r\n\r\n0")).startswith(b"HTTP/1.1 200")
            await asyncio.sleep(0.35)


async def test_a_great_body_is_no_great_head() -> None:
    async with _server() as connect:
        assert await _asks(connect, body=b"b" * 250_000) == b"250000"


async def test_a_great_head_is_refused() -> None:
    async with _server() as connect:
        reader, writer = await connect()
        writer.write(b"GET / HTTP/1.1\r\nX-Great: " + b"a" * (MAX_HEAD + 1))
        assert (await reader.readline()).startswith(b"HTTP/1.1 431")
        await _is_closed(reader)


async def test_a_great_answer_arrives_whole_however_long_it_takes() -> None:
    async with _server() as connect:
        reader, writer = await connect()
        writer.write(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        began = monotonic()
        for _ in range(20):
            assert len(await reader.readexactly(len(BIG) // 20)) == len(BIG) // 20
            await asyncio.sleep(0.1)
        assert monotonic() - began > TIMEOUT_S * 3
