"""A WebSocket application for Media Streams, on aiohttp's server: keeps every message, sends what a test wants."""

import asyncio
import base64
import itertools
import json
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Self

import numpy
from aiohttp import WSMsgType, web

from tests.scenarios.harness.audio import Heard, Samples
from tests.scenarios.harness.rtp_peer import _DECODE, PCMU, encode
from tests.scenarios.harness.waiting import WAIT_S

Script = Callable[["Socket"], Awaitable[None]]


def kind_of(message: dict[str, Any]) -> str:
    """The `event` of Media Streams, the `type` of ConversationRelay."""
    return str(message.get("event") or message.get("type"))


class Socket:
    """One connection of a stream, as its application sees it."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        self.url = f"ws{str(request.url)[4:]}"
        self.headers: Mapping[str, str] = request.headers
        self.messages: list[dict[str, Any]] = []
        self.at: list[float] = []
        self.close_code: int | None = None
        self._request = request
        self._socket = socket
        self._changed = asyncio.Event()

    # --- what came ----------------------------------------------------------------------------------------------------

    async def read(self) -> None:
        """Keep what comes until the socket is closed."""
        async for message in self._socket:
            if message.type is WSMsgType.TEXT:
                self.messages.append(json.loads(message.data))
                self.at.append(time.monotonic())
                self._changed.set()
        self.close_code = self._socket.close_code
        self._changed.set()

    def all(self, event: str) -> list[dict[str, Any]]:
        """The messages of one event so far."""
        return [each for each in self.messages if kind_of(each) == event]

    async def until(self, what: str, condition: Callable[[], bool], timeout: float = WAIT_S) -> None:
        """Wait for `condition`, which is judged at each message."""
        try:
            async with asyncio.timeout(timeout):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            kinds = [(key, len(list(group))) for key, group in itertools.groupby(map(kind_of, self.messages))]
            raise AssertionError(f"{what} did not happen within {timeout:g} s; messages: {kinds}") from None

    async def next(self, event: str, count: int = 1, timeout: float = WAIT_S) -> dict[str, Any]:
        """The `count`-th message of one event."""
        await self.until(f"{event} number {count}", lambda: len(self.all(event)) >= count, timeout)
        return self.all(event)[count - 1]

    async def ended(self, timeout: float = WAIT_S) -> int | None:
        """The close code, once the socket is closed."""
        await self.until("the close", lambda: self._socket.closed, timeout)
        return self._socket.close_code

    @property
    def start(self) -> dict[str, Any]:
        """The content of the `start` message."""
        content: dict[str, Any] = self.all("start")[0]["start"]
        return content

    def heard(self, track: str = "inbound") -> Heard:
        """All audio of a track so far."""
        payload = b"".join(
            base64.b64decode(each["media"]["payload"])
            for each in self.all("media")
            if each["media"]["track"] == track
        )
        audio = self.start["mediaFormat"]
        if audio["encoding"] == "audio/x-l16":
            return Heard(numpy.frombuffer(payload[: len(payload) // 2 * 2], "<i2"), audio["sampleRate"])
        return Heard(_DECODE[PCMU][numpy.frombuffer(payload, numpy.uint8)], 8000)

    async def hears(
        self, frequency: float, *, seconds: float = 0.5, track: str = "inbound", timeout: float = 8.0
    ) -> bool:
        """Whether that tone comes, for `seconds` on end."""

        def is_heard() -> bool:
            last = self.heard(track).last(seconds + 0.1)
            return last.seconds >= seconds and last.seconds_of(frequency) >= seconds - 0.05

        with suppress(AssertionError):
            await self.until(f"{frequency} Hz", is_heard, timeout)
            return True
        print(f"the application heard: {self.heard(track).score()}")
        return False

    # --- what is sent -------------------------------------------------------------------------------------------------

    async def send(self, **message: Any) -> None:
        """Send a message."""
        sid = self.all("start")[0]["streamSid"] if self.all("start") else ""
        await self._socket.send_str(json.dumps({"streamSid": sid, **message}))

    async def send_text(self, text: str) -> None:
        """Send any text."""
        await self._socket.send_str(text)

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary frame."""
        await self._socket.send_bytes(data)

    async def drip(self, text: bytes, *, pause: float) -> None:
        """Send a text message one octet at a time, `pause` seconds apart."""
        assert self._request.transport is not None
        for octet in (b"\x81", bytes([len(text)]), *(bytes([each]) for each in text)):
            self._request.transport.write(octet)
            await asyncio.sleep(pause)

    async def does_not_read(self, seconds: float) -> None:
        """Leave what comes in the socket for so long."""
        assert isinstance(self._request.transport, asyncio.Transport)
        self._request.transport.pause_reading()
        await asyncio.sleep(seconds)
        self._request.transport.resume_reading()

    async def play(self, samples: Samples, *, chunk_ms: int = 0) -> None:
        """Send audio in the stream's format, in one message or in chunks."""
        audio = self.start["mediaFormat"]
        is_linear = audio["encoding"] == "audio/x-l16"
        payload = samples.astype("<i2").tobytes() if is_linear else encode(samples, PCMU)
        size = chunk_ms * audio["sampleRate"] * (2 if is_linear else 1) // 1000 or len(payload)
        for begin in range(0, len(payload), size):
            part = base64.b64encode(payload[begin : begin + size]).decode()
            await self.send(event="media", media={"payload": part})

    async def mark(self, name: str) -> None:
        """Ask for `name` to come back."""
        await self.send(event="mark", mark={"name": name})

    async def clear(self) -> None:
        """Drop what is queued."""
        await self.send(event="clear")

    async def close(self, code: int = 1000) -> None:
        """Close the socket."""
        await self._socket.close(code=code)

    def break_off(self) -> None:
        """As a killed process: the connection is reset."""
        if self._request.transport is not None:
            self._request.transport.abort()


class StreamApplication:
    """The server: `async with StreamApplication() as application`; `application.url` is where streams go."""

    def __init__(self, *, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.sockets: list[Socket] = []
        self.requests: list[web.Request] = []
        self.port = port
        self.first_words: list[dict[str, Any]] = []
        """Messages that go out in one segment with the answer to the handshake."""
        self._tls = tls
        self._arrived = asyncio.Event()
        self._taken = 0

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(
            self._runner, "127.0.0.1", self.port, ssl_context=self._tls, reuse_address=True
        ).start()
        self.port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(self, *_: object) -> None:
        for each in self.sockets:
            each.break_off()
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Of the WebSocket."""
        return f"{'wss' if self._tls else 'ws'}://127.0.0.1:{self.port}/media"

    async def next_socket(self, timeout: float = WAIT_S, *, first: str = "start") -> Socket:
        """The next connection, once its `first` message has come."""
        self._taken += 1
        async with asyncio.timeout(timeout):
            while len(self.sockets) < self._taken:
                self._arrived.clear()
                await self._arrived.wait()
        socket = self.sockets[self._taken - 1]
        await socket.next(first, timeout=timeout)
        return socket

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if request.path.startswith("/status/"):
            return web.Response(status=int(request.path.rpartition("/")[2]))
        if request.path == "/silent":
            await asyncio.sleep(60)
        response = web.WebSocketResponse(max_msg_size=1 << 25)
        with _held_back(request, is_held=bool(self.first_words)):
            await response.prepare(request)
            for each in self.first_words:
                await response.send_str(json.dumps(each))
        connected = Socket(request, response)
        self.sockets.append(connected)
        self._arrived.set()
        await connected.read()
        return response


@contextmanager
def _held_back(request: web.Request, *, is_held: bool) -> Iterator[None]:
    """What is written meanwhile leaves at the end, together."""
    transport = request.transport
    assert transport is not None
    connection: socket.socket = transport.get_extra_info("socket")
    if is_held:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    yield
    if is_held:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
