"""A stream over real sockets, against the server of another project (aiohttp), with audio that a test makes."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from socket import AF_INET
from typing import Any

import pytest
from aiohttp import web

from callapi.base.notifier import Notifier
from callapi.streams.connection import MAX_MESSAGE, SocketClient
from callapi.streams.errors import StreamError
from callapi.streams.media_format import MULAW, MediaFormat
from callapi.streams.media_machine import StreamPlan
from callapi.streams.media_messages import StreamIdentity
from callapi.streams.media_stream import MediaStream, SocketPlan
from callapi.streams.ports import Address, MarkReached
from callapi.streams.url import parse

WHO = StreamIdentity("AC" + "1" * 32, "CA" + "2" * 32, "MZ" + "3" * 32)
Handler = Callable[[web.WebSocketResponse], Awaitable[None]]


class Loopback:
    """Every host is this machine."""

    async def addresses(self, host: str, port: int) -> Sequence[Address]:
        if host == "unknown.test":
            raise OSError("no such host")
        return [Address(AF_INET, "127.0.0.1", port)]


@dataclass(frozen=True)
class Frame:
    """As the media plane's."""

    timestamp_ms: int
    payload: bytes


class Source:
    """Frames that a test puts in."""

    track = "inbound"

    def __init__(self) -> None:
        self._frames: list[Frame] = []
        self._changed = Notifier()
        self.is_closed = False

    def put(self, count: int) -> None:
        first = self.given = getattr(self, "given", 0)
        self._frames += [Frame((first + n) * 20, bytes([n % 256]) * 160) for n in range(count)]
        self.given = first + count
        self._changed.ring()

    async def read(self) -> Sequence[Frame]:
        while not self._frames and not self.is_closed:
            await self._changed.wait()
        frames, self._frames = self._frames, []
        return frames

    def close(self) -> None:
        self.is_closed = True
        self._changed.ring()


class Sink:
    """Holds what was queued; `limit` octets find room."""

    def __init__(self, limit: int = 1 << 30) -> None:
        self.limit = limit
        self.queued = bytearray()
        self.marks: list[int] = []
        self.log: list[str] = []
        self._reached: list[MarkReached] = []
        self._changed = Notifier()
        self.is_closed = False

    def write(self, payload: bytes) -> int:
        room = max(0, min(len(payload), self.limit - len(self.queued)))
        self.queued += payload[:room]
        return room

    def mark(self, number: int) -> None:
        self.marks.append(number)

    def clear(self) -> None:
        self.queued.clear()
        self.reach(cleared=True)

    def pause(self) -> None:
        self.log.append("pause")

    def resume(self) -> None:
        self.log.append("resume")

    def reach(self, *, cleared: bool = False) -> None:
        self._reached += [MarkReached(each, cleared) for each in self.marks]
        self.marks.clear()
        self._changed.ring()

    async def next_mark(self) -> MarkReached | None:
        while not self._reached and not self.is_closed:
            await self._changed.wait()
        return self._reached.pop(0) if self._reached else None

    def close(self) -> None:
        self.is_closed = True
        self._changed.ring()


@dataclass
class Reports:
    """What the stream reported."""

    log: list[str] = field(default_factory=list)
    changed: Notifier = field(default_factory=Notifier)

    def _add(self, text: str) -> None:
        self.log.append(text)
        self.changed.ring()

    def started(self) -> None:
        self._add("started")

    def interrupted(self, error: StreamError) -> None:
        self._add(f"interrupted {error.code}")

    def resumed(self, times: int) -> None:
        self._add(f"resumed {times}")

    def overflowed(self, octets: int) -> None:
        self._add(f"overflowed {octets}")

    async def until(self, text: str) -> None:
        async with asyncio.timeout(15):
            while text not in self.log:
                await self.changed.wait()


class Audio:
    """The call's audio."""

    def __init__(self, limit: int = 1 << 30) -> None:
        self.source, self.sink = Source(), Sink(limit)

    def open_sources(self) -> Sequence[Source]:
        return [self.source]

    def open_sink(self) -> Sink:
        return self.sink


@dataclass
class Running:
    """A stream that runs, and the application's side of it."""

    stream: MediaStream
    audio: Audio
    reports: Reports
    result: "asyncio.Task[StreamError | None]"

    async def end(self) -> StreamError | None:
        async with asyncio.timeout(15):
            return await self.result


class Server:
    """A WebSocket application whose handler a test gives."""

    def __init__(self) -> None:
        self.handler: Handler | None = None
        self.requests: list[web.Request] = []
        self.received: list[dict[str, Any]] = []
        self.codes: list[int | None] = []
        self.is_away = False
        """It refuses each handshake."""
        self.port = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if self.is_away or request.path == "/refused":
            return web.Response(status=403)
        if request.path == "/silent":
            await asyncio.Event().wait()
        socket = web.WebSocketResponse(max_msg_size=1 << 24)
        await socket.prepare(request)
        assert self.handler is not None
        await self.handler(socket)
        self.codes.append(socket.close_code)
        return socket

    async def read(self, socket: web.WebSocketResponse, until: str | None = None) -> None:
        """Collect messages until one of the event `until`, or the end."""
        async for message in socket:
            content = json.loads(message.data)
            self.received.append(content)
            if content["event"] == until:
                return

    @asynccontextmanager
    async def up(self, port: int = 0, tls: ssl.SSLContext | None = None) -> AsyncIterator["Server"]:
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self.handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls, reuse_address=True)
        await site.start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            await runner.cleanup()


Run = Callable[..., Running]


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with Server().up() as server:
        yield server


@pytest.fixture
async def run(server: Server) -> AsyncIterator[Run]:
    """Run a stream to the server; whatever still runs after the test is broken off."""
    running: list[Running] = []

    def start(
        path: str = "/ws",
        *,
        both_ways: bool = True,
        reconnects: bool = False,
        limit: int = 1 << 30,
        media_format: MediaFormat = MULAW,
        url: str = "",
    ) -> Running:
        client = SocketClient(Loopback(), 1.0)
        plan = StreamPlan(WHO, media_format=media_format, is_bidirectional=both_ways)
        audio, reports = Audio(limit), Reports()
        target = SocketPlan(
            parse(url or f"ws://app.test:{server.port}{path}"), lambda: [("X-Test", "yes")], reconnects
        )
        stream = MediaStream(plan, target, client, audio, reports)
        one = Running(stream, audio, reports, asyncio.create_task(stream.run()))
        running.append(one)
        return one

    yield start
    for each in running:
        each.result.cancel()
    await asyncio.gather(*(each.result for each in running), return_exceptions=True)


async def test_a_stream_from_its_first_message_to_its_last(server: Server, run: Run) -> None:
    """connected, start, media, dtmf, stop; then a clean close; the handshake carries our headers."""
    server.handler = server.read
    one = run()
    await one.reports.until("started")
    one.audio.source.put(3)
    one.stream.press("7")
    while len(server.received) < 6:  # noqa: ASYNC110 - the server of the test has nothing to await
        await asyncio.sleep(0.01)
    one.stream.stop()
    assert await one.end() is None
    events = [each["event"] for each in server.received]
    assert events[:2] == ["connected", "start"]
    assert sorted(events[2:6]) == ["dtmf", "media", "media", "media"]
    assert events[6:] == ["stop"]
    assert server.codes == [1000]
    assert server.requests[0].headers["X-Test"] == "yes"
    assert server.requests[0].headers["Host"] == f"app.test:{server.port}"
    assert one.audio.source.is_closed
    assert one.audio.sink.is_closed
    media = [each["media"] for each in server.received if each["event"] == "media"]
    assert [each["timestamp"] for each in media] == ["0", "20", "40"]


async def test_the_application_plays_marks_clears_and_closes(server: Server, run: Run) -> None:
    """Audio of any size is queued; a mark returns when it was reached; `clear` drops; 1000 ends the stream."""

    async def handler(socket: web.WebSocketResponse) -> None:
        await server.read(socket, "start")
        await socket.send_json({"event": "media", "streamSid": "x", "media": {"payload": "AAAA" * 1000}})
        await socket.send_json({"event": "mark", "mark": {"name": "one"}})
        await server.read(socket, "mark")
        await socket.send_json({"event": "mark", "mark": {"name": "two"}})
        await socket.send_json({"event": "clear"})
        await server.read(socket, "mark")
        await socket.close()

    server.handler = handler
    one = run()
    async with asyncio.timeout(5):
        while not one.audio.sink.marks:  # noqa: ASYNC110 - the server of the test has nothing to await
            await asyncio.sleep(0.01)
    assert len(one.audio.sink.queued) == 3000
    one.audio.sink.reach()
    assert await one.end() is None
    marks = [each for each in server.received if each["event"] == "mark"]
    assert [each["mark"]["name"] for each in marks] == ["one", "two"]
    assert [each.get("cleared") for each in marks] == [None, True]


@pytest.mark.parametrize(
    ("path", "code"),
    [("/refused", 31920), ("/silent", 31901)],
)
async def test_a_handshake_that_fails(run: Run, path: str, code: int) -> None:
    """The error names the URL and what came."""
    one = run(path)
    error = await one.end()
    assert error is not None
    assert error.code == code
    assert path in str(error)
    assert one.reports.log == []


@pytest.mark.parametrize(
    ("url", "code"),
    [("ws://app.test:1/ws", 31902), ("ws://unknown.test/ws", 31902)],
)
async def test_a_host_that_cannot_be_reached(run: Run, url: str, code: int) -> None:
    """Refused and unknown are 31902."""
    error = await run(url=url).end()
    assert error is not None
    assert error.code == code


async def test_tls_with_a_plain_server(server: Server, run: Run) -> None:
    """wss where ws is spoken: 31910."""
    error = await run(url=f"wss://app.test:{server.port}/ws").end()
    assert error is not None
    assert error.code == 31910


async def _until_the_end(socket: web.WebSocketResponse) -> None:
    async for _ in socket:
        pass


@pytest.mark.parametrize(
    "nonsense",
    ["this is not JSON", '{"event":"dance"}', b"\x00\x01", "x" * (MAX_MESSAGE + 1)],
    ids=["text", "unknown", "binary", "huge"],
)
async def test_nonsense_ends_the_stream(server: Server, run: Run, nonsense: str | bytes) -> None:
    """31924, and the application sees the socket closed with a code that says so."""

    async def handler(socket: web.WebSocketResponse) -> None:
        if isinstance(nonsense, bytes):
            await socket.send_bytes(nonsense)
        else:
            await socket.send_str(nonsense)
        await _until_the_end(socket)

    server.handler = handler
    error = await run().end()
    assert error is not None
    assert error.code == 31924
    async with asyncio.timeout(5):
        while not server.codes:  # noqa: ASYNC110 - the server of the test has nothing to await
            await asyncio.sleep(0.01)
    assert server.codes[0] in {1003, 1008, 1009}


async def test_media_into_a_stream_of_start(server: Server, run: Run) -> None:
    """31924 with a hint at <Connect>."""

    async def handler(socket: web.WebSocketResponse) -> None:
        await socket.send_json({"event": "media", "media": {"payload": ""}})
        await _until_the_end(socket)

    server.handler = handler
    error = await run(both_ways=False).end()
    assert error is not None
    assert error.code == 31924
    assert "<Connect>" in str(error)


async def test_more_than_the_buffer_holds_is_dropped_and_reported_once(server: Server, run: Run) -> None:
    """The stream goes on."""

    async def handler(socket: web.WebSocketResponse) -> None:
        for _ in range(5):
            await socket.send_json({"event": "media", "media": {"payload": "AAAA" * 1000}})
        await server.read(socket, "stop")

    server.handler = handler
    one = run(limit=4000)
    await one.reports.until("overflowed 2000")
    one.stream.stop()
    assert await one.end() is None
    assert one.reports.log == ["started", "overflowed 2000"]


async def test_a_broken_socket_is_opened_again(server: Server, run: Run) -> None:
    """The same stream, `start.reconnect` 1, what is queued is kept and paused meanwhile."""
    sockets = 0

    async def handler(socket: web.WebSocketResponse) -> None:
        nonlocal sockets
        sockets += 1
        await server.read(socket, "start")
        if sockets == 1:
            transport = socket._req.transport  # type: ignore[union-attr]  # the only way to break a connection off
            assert transport is not None
            transport.abort()
            return
        await server.read(socket, "media")
        await socket.close()

    server.handler = handler
    one = run(reconnects=True)
    await one.reports.until("resumed 1")
    one.audio.source.put(1)
    assert await one.end() is None
    starts = [each["start"] for each in server.received if each["event"] == "start"]
    assert [each.get("reconnect") for each in starts] == [None, 1]
    assert one.reports.log == ["started", "interrupted 31921", "resumed 1"]
    assert one.audio.sink.log == ["pause", "resume"]


async def test_an_application_that_does_not_come_back_ends_the_stream(
    server: Server, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five attempts, here without the pauses between them; the last failure is the stream's, and all is closed."""
    monkeypatch.setattr("callapi.streams.reconnect._DELAYS_S", (0.0,) * 5)

    async def handler(socket: web.WebSocketResponse) -> None:
        await server.read(socket, "start")
        server.is_away = True
        transport = socket._req.transport  # type: ignore[union-attr]  # the only way to break a connection off
        assert transport is not None
        transport.abort()

    server.handler = handler
    one = run(reconnects=True)
    error = await one.end()
    assert error is not None
    assert error.code == 31920
    assert len(server.requests) == 1 + 5
    assert one.reports.log == ["started", "interrupted 31921"]
    assert one.audio.sink.is_closed
    assert one.audio.source.is_closed


async def test_without_reconnect_a_broken_socket_ends_the_stream(server: Server, run: Run) -> None:
    """31921."""

    async def handler(socket: web.WebSocketResponse) -> None:
        await server.read(socket, "start")
        transport = socket._req.transport  # type: ignore[union-attr]  # the only way to break a connection off
        assert transport is not None
        transport.abort()

    server.handler = handler
    error = await run().end()
    assert error is not None
    assert error.code == 31921
