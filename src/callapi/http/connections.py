"""HTTP connections within bounds: so many at once, and none that waits for its client without a limit.

uvicorn bounds neither: a client that sends its head a byte at a time, or does not read what it asked for, would hold a
connection, and enough of them the whole interface. Here a client that the server waits for has a time limit, and is
closed before that if a new client finds all connections in use.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

import uvicorn
from msgspec import Struct
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD: Final = 64 * 1024
"""Bytes of a request line and its headers."""
_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
)


class Bounds(Struct, frozen=True):
    """`timeout_s`: for a whole request to arrive, and for a client to take some of an answer."""

    max_connections: int = 1000
    timeout_s: float = 10.0


Upgrade = Callable[[asyncio.Transport, bytes], None]
"""Takes over a connection that asks for a WebSocket: its transport, and the request as bytes, which it answers."""


class BoundedConfig(uvicorn.Config):
    """uvicorn's configuration, with `bounds` for its connections. `awaited`: those whose client has the next move."""

    def __init__(
        self, application: ASGIApp, bounds: Bounds, upgrades: Mapping[str, Upgrade], **options: Any
    ) -> None:
        super().__init__(application, http=BoundedConnection, ws="none", **options)
        self.bounds = bounds
        self.upgrades = upgrades
        self.awaited: dict[BoundedConnection, asyncio.TimerHandle] = {}
        """The oldest first."""


class BoundedConnection(HttpToolsProtocol):
    """One connection."""

    config: BoundedConfig

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._chunk = 0
        self._unread = 0
        self._head_bytes: int | None = 0
        """Of the head that is arriving; None while a body is."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own narrowing
        """A client has connected; beyond the limit, the connection that has waited longest is closed, or this one."""
        super().connection_made(transport)
        if len(self.connections) > self.config.bounds.max_connections:
            next(iter(self.config.awaited), self).drop()
        if not transport.is_closing():
            self._wait_for_client()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some of a request: a head within its bound, or a body, which the application bounds."""
        self._chunk = len(data)
        super().data_received(data)
        if self._head_bytes is None:
            return
        self._head_bytes += self._chunk
        if self._head_bytes > MAX_HEAD and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._head_bytes = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is complete: the application has the next move, unless it has answered already."""
        super().on_message_complete()
        self._head_bytes = -self._chunk  # the rest of this chunk is not counted
        if self._upgrade() is not None:
            return
        if self.cycle.response_complete:
            self._wait_for_client()
        else:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """The answer is written: the client has the next move, unless its next request is here already."""
        has_next = bool(self.pipeline)
        super().on_response_complete()
        if not has_next:
            self._wait_for_client()

    def pause_writing(self) -> None:
        """The client does not take the answer as fast as it is made."""
        super().pause_writing()
        self._wait_for_client()

    def resume_writing(self) -> None:
        """It has taken some."""
        super().resume_writing()
        self._stop_waiting()

    def _upgrade(self) -> Upgrade | None:
        """What takes over a connection that asks for a WebSocket at this path; None: it is ordinary HTTP."""
        if not self.parser.should_upgrade() or self._get_upgrade() != b"websocket":
            return None
        return self.config.upgrades.get(self.url.partition(b"?")[0].decode("latin-1"))

    def _should_upgrade(self) -> bool:
        return self._upgrade() is not None

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over: its bounds are no longer those of HTTP."""
        upgrade = self._upgrade()
        if upgrade is None:
            return
        self._stop_waiting()
        self.connections.discard(self)
        lines = [
            b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        ]
        lines += [b"%s: %s" % field for field in self.headers]
        upgrade(self.transport, b"\r\n".join([*lines, b"", b""]))

    def _wait_for_client(self) -> None:
        self._stop_waiting()
        self._unread = 1 << 62
        self._arm()

    def _arm(self) -> None:
        self.config.awaited[self] = self.loop.call_later(self.config.bounds.timeout_s, self._due)

    def _due(self) -> None:
        """Time is up, unless it still takes what was written long ago."""
        unread = self.transport.get_write_buffer_size()
        if 0 < unread < self._unread:
            self._unread = unread
            self._arm()
        else:
            self.drop()

    def _stop_waiting(self) -> None:
        if (timer := self.config.awaited.pop(self, None)) is not None:
            timer.cancel()

    def drop(self) -> None:
        """Close at once, whatever is under way."""
        self._stop_waiting()
        self.transport.abort()
