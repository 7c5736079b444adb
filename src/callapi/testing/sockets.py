"""WebSockets of a simulation: to a real server, to an ASGI application, or to a function that plays one.

In process there is no port, and time is virtual. A socket to a real server holds virtual time to real time while it is
open, since its answers come when they come.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from typing import Any, Final, TypeAlias, cast
from urllib.parse import urlsplit

from msgspec import Struct

from callapi.streams import SocketClient, SocketUrl
from callapi.streams.connection import Closed, Connection, Headers, SocketHandler
from callapi.streams.errors import HandshakeRefused, ProtocolViolation
from callapi.streams.ports import Address
from callapi.testing.clock import VirtualTimeLoop

log = logging.getLogger(__name__)

HANDSHAKE_S: Final = 15.0
NORMAL: Final = 1000
VIOLATION: Final = 1008
FAILED: Final = 1011
MAX_KEPT: Final = 100_000
"""Messages of a socket that are kept for the test, each way."""
Message: TypeAlias = dict[str, Any]
SocketFunction: TypeAlias = Callable[["ApplicationSocket"], Awaitable[None]]
SocketTarget: TypeAlias = Any
"""Where sockets lead: `"real"`, an ASGI application, or a coroutine function of one `ApplicationSocket`."""
REAL: Final = "real"


class AskedSocket:
    """A WebSocket that the node has opened to the application, as a test looks at it."""

    def __init__(self, url: str, headers: Headers) -> None:
        self.url = url
        self.path = urlsplit(url).path
        self.headers = dict(headers)
        self.messages: list[Message] = []
        """What the node has sent, in order."""
        self.answers: list[Message | str] = []
        """What the application has sent; text that is not JSON as it is."""
        self.closed: int | None = None
        """The close code; None: it is open."""
        self.error: BaseException | None = None
        """What the application raised, if it runs in this process."""

    def __repr__(self) -> str:
        state = "open" if self.closed is None else f"closed with {self.closed}"
        return f"<AskedSocket {self.path} {state} sent {[_kind(each) for each in self.messages[-5:]]}>"

    def of_kind(self, kind: str) -> list[Message]:
        """The node's messages whose `event` (a stream's) or `type` (ConversationRelay's) is `kind`."""
        return [each for each in self.messages if _kind(each) == kind]

    def keep_message(self, text: bytes) -> None:
        """The node has sent `text`."""
        if len(self.messages) < MAX_KEPT:
            self.messages.append(json.loads(text))

    def keep_answer(self, text: bytes) -> None:
        """The application has sent `text`."""
        if len(self.answers) >= MAX_KEPT:
            return
        try:
            self.answers.append(json.loads(text))
        except ValueError:
            self.answers.append(text.decode("utf-8", "replace"))


def _kind(message: Message) -> str:
    return str(message.get("event") or message.get("type") or "")


class SocketClosed(Exception):
    """The node has closed the socket; `code` as it was sent."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the socket was closed with {code}")
        self.code = code


class ApplicationSocket:
    """The application's end of a socket in this process: `async for` gives the node's messages."""

    def __init__(self, asked: AskedSocket, peer: "LocalConnection") -> None:
        self._asked = asked
        self._peer = peer
        self._arrived: asyncio.Queue[bytes | int] = asyncio.Queue()
        self._is_over = False

    @property
    def url(self) -> str:
        """As the document wrote it, made absolute."""
        return self._asked.url

    @property
    def path(self) -> str:
        """Of the URL."""
        return self._asked.path

    @property
    def headers(self) -> dict[str, str]:
        """Of the handshake; both signatures are there."""
        return self._asked.headers

    def deliver(self, sent: bytes | int) -> None:
        """For the node's end: a message, or the code of a close."""
        self._arrived.put_nowait(sent)

    async def receive_text(self) -> str:
        """The next message as it was sent. Raises SocketClosed."""
        sent = NORMAL if self._is_over else await self._arrived.get()
        if isinstance(sent, int):
            self._is_over = True
            raise SocketClosed(sent)
        return sent.decode()

    async def receive(self) -> Message:
        """The next message. Raises SocketClosed."""
        return cast("Message", json.loads(await self.receive_text()))

    def __aiter__(self) -> "ApplicationSocket":
        return self

    async def __anext__(self) -> Message:
        try:
            return await self.receive()
        except SocketClosed:
            raise StopAsyncIteration from None

    async def send(self, message: Message | str) -> None:
        """Send a message: an object as JSON, text as it is."""
        text = message if isinstance(message, str) else json.dumps(message)
        self._peer.arrive(text.encode())
        await asyncio.sleep(0)

    async def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Close it."""
        self._peer.is_closed_by_application(code, reason)
        await asyncio.sleep(0)


class LocalConnection:
    """The node's end of a socket in this process: `Connection` without a network."""

    def __init__(self, handler: SocketHandler, asked: AskedSocket) -> None:
        self._handler = handler
        self._asked = asked
        self.application = ApplicationSocket(asked, self)
        self.closed: Closed | None = None
        self.violation: ProtocolViolation | None = None
        self.can_write = True

    @property
    def is_over(self) -> bool:
        """As `Connection.is_over`."""
        return self.closed is not None or self.violation is not None

    def send(self, message: bytes) -> None:
        """As `Connection.send`."""
        if self.closed is None:
            self._asked.keep_message(message)
            self.application.deliver(message)

    async def writable(self) -> None:
        """As `Connection.writable`."""

    async def close(self) -> None:
        """As `Connection.close`."""
        self._end(NORMAL if self.violation is None else VIOLATION)

    def leave(self) -> None:
        """As `Connection.leave`."""
        self._end(NORMAL if self.violation is None else VIOLATION)

    def abort(self) -> None:
        """As `Connection.abort`."""
        self._end(1006)

    def arrive(self, message: bytes) -> None:
        """The application sends a message."""
        if self.is_over:
            return
        self._asked.keep_answer(message)
        try:
            self._handler.received(message)
        except ProtocolViolation as violation:
            self.violation = violation
            self._handler.changed.ring()

    def is_closed_by_application(self, code: int, reason: str) -> None:
        """The application closes the socket."""
        if self.closed is None:
            self.closed = Closed(code, reason)
            self._asked.closed = code
            self._handler.changed.ring()

    def _end(self, code: int) -> None:
        if self.closed is None:
            self.closed = Closed(code)
            self._asked.closed = code
            self.application.deliver(code)
            self._handler.changed.ring()


class SimulatedSockets:
    """`SocketClient` of a simulation. `sockets` holds each socket that was opened."""

    def __init__(self, target: SocketTarget, loop: VirtualTimeLoop) -> None:
        self._target = target
        self._loop = loop
        self._real = SocketClient(_AnyAddress(), HANDSHAKE_S)
        self._tasks: asyncio.TaskGroup | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self.sockets: list[AskedSocket] = []

    def run_in(self, tasks: asyncio.TaskGroup) -> None:
        """Run the application's side of sockets as tasks of `tasks`."""
        self._tasks = tasks

    def stop(self) -> None:
        """The simulation ends: the application's side of every socket ends with it."""
        for task in self._serving:
            task.cancel()

    async def connect(self, url: SocketUrl, headers: Headers, handler: SocketHandler) -> Connection:
        """As `SocketClient.connect`. Raises StreamError."""
        asked = AskedSocket(url.text, headers)
        self.sockets.append(asked)
        if self._target == REAL:
            return await self._connect(url, headers, _Recorded(handler, asked, self._loop))
        if self._target is None or self._tasks is None:
            asked.closed = 1006
            raise HandshakeRefused(
                f"{url.text}: a function or WSGI application has no sockets; give `sockets=` to the simulation"
            )
        connection = LocalConnection(handler, asked)
        handler.opened(cast("Connection", connection))
        task = self._tasks.create_task(self._serve(connection, asked))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        return cast("Connection", connection)

    async def _connect(self, url: SocketUrl, headers: Headers, recorded: "_Recorded") -> Connection:
        try:
            with self._loop.real_time():
                await self._real.connect(url, headers, recorded)
        except BaseException:
            recorded.ended(1006)
            raise
        return cast("Connection", recorded.connection)

    async def _serve(self, connection: LocalConnection, asked: AskedSocket) -> None:
        code = NORMAL
        try:
            if _takes_one_argument(self._target):
                await self._target(connection.application)
            else:
                await _by_asgi(self._target, connection.application)
        except SocketClosed:
            return
        except Exception as error:
            log.exception("%s: the application failed", asked.url)
            asked.error, code = error, FAILED
        connection.is_closed_by_application(code, "")


class _Recorded:
    """The handler of a real socket: keeps what passes, and lets virtual time pass as real time does."""

    def __init__(self, handler: SocketHandler, asked: AskedSocket, loop: VirtualTimeLoop) -> None:
        self.changed = handler.changed
        self.connection: _RecordedConnection | None = None
        self._handler = handler
        self._asked = asked
        self._loop = loop
        self._pace = ExitStack()

    def opened(self, connection: Connection) -> None:
        """As `SocketHandler.opened`."""
        self._pace.enter_context(self._loop.paced())
        self.connection = _RecordedConnection(connection, self._asked, self.ended)
        self._handler.opened(cast("Connection", self.connection))

    def received(self, message: bytes) -> None:
        """As `SocketHandler.received`."""
        self._asked.keep_answer(message)
        self._handler.received(message)

    def ended(self, code: int) -> None:
        """The socket is gone."""
        self._pace.close()
        if self._asked.closed is None:
            self._asked.closed = code


class _RecordedConnection:
    """A real connection, whose messages are kept."""

    def __init__(self, inner: Connection, asked: AskedSocket, ended: Callable[[int], None]) -> None:
        self._inner = inner
        self._asked = asked
        self._ended = ended

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def send(self, message: bytes) -> None:
        """As `Connection.send`."""
        self._asked.keep_message(message)
        self._inner.send(message)

    async def close(self) -> None:
        """As `Connection.close`."""
        await self._inner.close()
        self._ended(self._inner.closed.code if self._inner.closed is not None else 1006)

    def leave(self) -> None:
        """As `Connection.leave`."""
        self._inner.leave()
        if self._inner.closed is not None:
            self._ended(self._inner.closed.code)
        else:
            self._ended(NORMAL if self._inner.violation is None else VIOLATION)

    def abort(self) -> None:
        """As `Connection.abort`."""
        self._inner.abort()
        self._ended(1006)


class _AnyAddress:
    """A test may connect anywhere."""

    async def addresses(self, host: str, port: int) -> Sequence[Address]:
        """As `Egress`."""
        found = await asyncio.get_running_loop().getaddrinfo(host, port)
        return [Address(each[0], str(each[4][0]), int(each[4][1])) for each in found[:2]]


class _Accepted(Struct):
    is_accepted: bool = False


def _takes_one_argument(target: Any) -> bool:
    code = getattr(target, "__code__", None)
    return code is not None and code.co_argcount - (1 if hasattr(target, "__self__") else 0) == 1


async def _by_asgi(application: Any, socket: ApplicationSocket) -> None:
    """Serve one socket by the `websocket` scope of an ASGI application."""
    parts = urlsplit(socket.url)
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": parts.scheme,
        "path": parts.path,
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "root_path": "",
        "headers": [
            (b"host", parts.netloc.encode()),
            *((name.lower().encode(), value.encode("latin-1")) for name, value in socket.headers.items()),
        ],
        "server": (parts.hostname, parts.port or 80),
        "client": ("127.0.0.1", 0),
        "subprotocols": [],
        "extensions": {},
    }
    state = _Accepted()

    async def receive() -> Message:
        if not state.is_accepted:
            state.is_accepted = True
            return {"type": "websocket.connect"}
        try:
            return {"type": "websocket.receive", "text": await socket.receive_text()}
        except SocketClosed as closed:
            return {"type": "websocket.disconnect", "code": closed.code, "reason": ""}

    async def send(message: Message) -> None:
        match message["type"]:
            case "websocket.send":
                text = message.get("text")
                await socket.send(text if text is not None else bytes(message["bytes"]).decode())
            case "websocket.close":
                await socket.close(int(message.get("code", NORMAL)), message.get("reason") or "")

    await application(scope, receive, send)
