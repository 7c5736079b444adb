"""One connection (TCP, TLS or WebSocket): the life of its socket, and the bounds of what it may cost.

How messages are delimited is the framing's business (`framing`, `websocket`). Connections are reused in both directions
(RFC 3261 §18): what matters is the peer, not which side opened it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, cast

from msgspec import Struct

from callapi.sip.errors import ParseError, TransportError
from callapi.sip.transport.hop import Received

if TYPE_CHECKING:
    from callapi.sip.transport.framing import Framing
    from callapi.sip.transport.hop import Hop


class StreamLimits(Struct, frozen=True):
    """What connections may cost; seconds and bytes."""

    connect_s: float = 8.0
    """To connect, with the TLS handshake."""
    idle_s: float = 600.0
    """Without a byte in either direction."""
    silent_s: float = 30.0
    """From the opening by a peer to its first message."""
    partial_s: float = 10.0
    """From the first byte of a message to its last; also for the handshake of a WebSocket."""
    unsent_bytes: int = 1024 * 1024
    """Waiting for a peer that does not read."""
    connections: int = 4096
    """Opened by peers, at a time."""
    from_one_source: int = 1024
    """Of these, from one address, so that a single attacker cannot use up all of them."""
    ping_s: float = 20.0
    """A WebSocket that has been silent for this long is sent a ping."""
    pong_s: float = 20.0
    """A WebSocket that stays silent for this long after a ping is closed."""


class ConnectionOwner(Protocol):
    """The table that keeps the connections."""

    limits: StreamLimits

    def receive(self, received: Received) -> None:
        """A message arrived."""

    def finished(self, connection: Connection, cause: Exception | None) -> None:
        """Called once when the connection ends; `cause` is None if we closed it."""


class Connection(asyncio.Protocol):
    """A connection in either direction; one that is still being opened keeps what is to be sent."""

    def __init__(self, owner: ConnectionOwner, peer: Hop, framing: Framing, *, is_inbound: bool) -> None:
        """`is_inbound`: the peer connected to us; otherwise we connect."""
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._framing = framing
        self._transport: asyncio.Transport | None = None
        self._local = ("", 0)
        self._unsent: list[bytes] = []
        self._unsent_bytes = 0
        self._is_over = False
        self._active_at = self._heard_at = self._loop.time()
        self._pinged_at: float | None = None
        self._partial_since: float | None = None if framing.is_open else self._active_at
        # only a peer that connected to us has to show that it speaks SIP
        self._must_speak_by = self._active_at + owner.limits.silent_s if is_inbound else None
        self.peer = peer
        """The other end."""
        self.lost = self._loop.create_future()
        """Done when the socket is closed."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open, after the TLS handshake where there is one: send what waited."""
        self._transport = cast("asyncio.Transport", transport)
        local = transport.get_extra_info("sockname")
        if self._is_over or not local:  # closed meanwhile
            self._transport.abort()
            return
        self._local = local[:2]
        if self._framing.is_open:
            self._send_waiting()

    def _send_waiting(self) -> None:
        if self._unsent and self._transport is not None:
            self._transport.write(b"".join(map(self._framing.wrap, self._unsent)))
            self._unsent.clear()
            self._unsent_bytes = 0

    @property
    def is_open(self) -> bool:
        """Whether the socket is connected."""
        return self._transport is not None

    def send(self, message: bytes) -> None:
        """Send a message, now or once the connection is open; a peer that does not read loses the connection."""
        if self._is_over:
            return
        self._active_at = self._loop.time()
        if self._transport is None or not self._framing.is_open:
            self._unsent.append(message)
            self._unsent_bytes += len(message)
            self._bound(self._unsent_bytes)
        else:
            self._write(self._framing.wrap(message))

    def _write(self, data: bytes) -> None:
        if self._transport is not None and data:
            self._transport.write(data)
            self._bound(self._transport.get_write_buffer_size())

    def _bound(self, waiting_bytes: int) -> None:
        if waiting_bytes > self._owner.limits.unsent_bytes:
            self.abort(TransportError(f"{self.peer}: the peer does not read"))

    def data_received(self, data: bytes) -> None:
        """Hand on each whole message; close when framing is lost."""
        if self._is_over:
            return
        framing = self._framing
        was_open = framing.is_open
        self._active_at = self._heard_at = self._loop.time()
        self._pinged_at = None
        for value, raw in framing.feed(data):
            self._partial_since = None
            if not isinstance(value, ParseError):
                self._must_speak_by = None
            self._owner.receive(Received(value, self.peer, self._local, raw))
        self._write(framing.take_outgoing())
        if self._is_over:
            return
        if framing.is_broken:
            gone = TransportError(f"{self.peer}: connection closed by the peer")
            self.close(gone if framing.is_closed_by_peer else None)
        elif framing.is_idle:
            self._partial_since = None
        elif self._partial_since is None:
            self._partial_since = self._active_at
        if framing.is_open and not was_open:
            self._must_speak_by = None  # the client of a WebSocket has shown its purpose by the handshake
            self._send_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Report the end to the owner, unless we closed the connection."""
        if not self.lost.done():
            self.lost.set_result(None)
        reason = f"lost: {exc}" if exc else "closed by the peer"
        self._finish(TransportError(f"{self.peer}: connection {reason}"))

    def watch(self, now: float) -> None:
        """Called about every second: close a connection that is over its time, ping a silent WebSocket."""
        limits = self._owner.limits
        if (
            now - self._active_at > limits.idle_s
            or (self._must_speak_by is not None and now > self._must_speak_by)
            or (self._partial_since is not None and now - self._partial_since > limits.partial_s)
        ):
            self.abort(None)
        elif self._pinged_at is not None:
            if now - self._pinged_at > limits.pong_s:
                self.abort(TransportError(f"{self.peer}: no answer to a ping"))
        elif now - self._heard_at > limits.ping_s and self._framing.is_open and self._transport is not None:
            self._framing.keep_alive()
            if ping := self._framing.take_outgoing():
                self._pinged_at = now
                self._write(ping)

    def close(self, cause: Exception | None = None) -> None:
        """Close once what was written is sent; one that does not read is given `partial_s`. `cause` as of `abort`."""
        if self._transport is None:
            self.abort(cause)
            return
        self._framing.close()
        if data := self._framing.take_outgoing():
            self._transport.write(data)
        self._finish(cause)
        self._transport.close()
        if self._transport.get_write_buffer_size():
            self._loop.call_later(self._owner.limits.partial_s, self._transport.abort)

    def abort(self, cause: Exception | None) -> None:
        """Close at once; `cause` says what went wrong, if anything."""
        self._finish(cause)
        if self._transport is not None:
            self._transport.abort()
        elif not self.lost.done():
            self.lost.set_result(None)

    def _finish(self, cause: Exception | None) -> None:
        if not self._is_over:
            self._is_over = True
            self._unsent.clear()
            self._owner.finished(self, cause)
