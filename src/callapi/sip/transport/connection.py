"""One TCP or TLS connection: framing, keep-alives, and the bounds of what it may cost.

Connections are reused in both directions (RFC 3261 §18): what matters is who is at the other end, not who opened it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, cast

from msgspec import Struct

from callapi.sip.errors import ParseError, TransportError
from callapi.sip.messages.parser import KeepAlive, StreamParser
from callapi.sip.transport.hop import Received

if TYPE_CHECKING:
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
    """From the first byte of a message to its last."""
    unsent_bytes: int = 1024 * 1024
    """Waiting for a peer that does not read."""
    connections: int = 4096
    """Opened by peers, at a time."""
    from_one_source: int = 1024
    """Of these, from one address: a single attacker leaves room for everybody else."""


class ConnectionOwner(Protocol):
    """Who keeps the connections."""

    limits: StreamLimits

    def receive(self, received: Received) -> None:
        """A message came."""

    def finished(self, connection: Connection, cause: Exception | None) -> None:
        """It is over, said once; `cause` is None where it is we who closed."""


class Connection(asyncio.Protocol):
    """A connection in either direction; also one that is still being opened, which keeps what is to be sent."""

    def __init__(self, owner: ConnectionOwner, peer: Hop, *, has_come: bool) -> None:
        """`has_come`: the peer has connected to us; else it is we who connect."""
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._parser = StreamParser()
        self._transport: asyncio.Transport | None = None
        self._local = ("", 0)
        self._unsent: list[bytes] = []
        self._unsent_bytes = 0
        self._is_over = False
        self._active_at = self._loop.time()
        self._partial_since: float | None = None
        # only a peer that came to us has to show that it speaks SIP
        self._must_speak_by = self._active_at + owner.limits.silent_s if has_come else None
        self.peer = peer
        """Who is at the other end."""
        self.lost = self._loop.create_future()
        """Done when the socket is closed."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open, and TLS is spoken if it is to be: send what waited."""
        self._transport = cast("asyncio.Transport", transport)
        local = transport.get_extra_info("sockname")
        if self._is_over or not local:  # gone already
            self._transport.abort()
            return
        self._local = local[:2]
        if self._unsent:
            self._transport.write(b"".join(self._unsent))
            self._unsent.clear()

    def send(self, data: bytes) -> None:
        """Send, now or once the connection is open; a peer that does not read loses the connection."""
        if self._is_over:
            return
        self._active_at = self._loop.time()
        if self._transport is None:
            self._unsent.append(data)
            self._unsent_bytes += len(data)
            waiting = self._unsent_bytes
        else:
            self._transport.write(data)
            waiting = self._transport.get_write_buffer_size()
        if waiting > self._owner.limits.unsent_bytes:
            self.abort(TransportError(f"{self.peer}: the peer does not read"))

    def data_received(self, data: bytes) -> None:
        """Hand on each whole message; close when framing is lost."""
        if self._is_over:
            return
        self._active_at = self._loop.time()
        for value, raw in self._parser.feed(data):
            self._partial_since = None
            if isinstance(value, KeepAlive):
                if value is KeepAlive.PING:
                    self.send(b"\r\n")  # RFC 5626 §4.4.1
                continue
            if not isinstance(value, ParseError):
                self._must_speak_by = None
            self._owner.receive(Received(value, self.peer, self._local, raw))
        if self._parser.is_broken:
            self.close()
        elif self._parser.is_idle:
            self._partial_since = None
        elif self._partial_since is None:
            self._partial_since = self._active_at

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the owner, unless it is we who closed."""
        if not self.lost.done():
            self.lost.set_result(None)
        reason = f"lost: {exc}" if exc else "closed by the peer"
        self._finish(TransportError(f"{self.peer}: connection {reason}"))

    def is_overdue(self, now: float) -> bool:
        """Whether it has had its time: idle, silent from the start, or stuck inside a message."""
        limits = self._owner.limits
        return (
            now - self._active_at > limits.idle_s
            or (self._must_speak_by is not None and now > self._must_speak_by)
            or (self._partial_since is not None and now - self._partial_since > limits.partial_s)
        )

    def close(self) -> None:
        """Close once what was written is sent, which must not take for ever."""
        if self._transport is None:
            self.abort(None)
            return
        self._finish(None)
        self._transport.close()
        if self._transport.get_write_buffer_size():
            self._loop.call_later(self._owner.limits.partial_s, self._transport.abort)

    def abort(self, cause: Exception | None) -> None:
        """Close at once; `cause` tells what went wrong, if anything."""
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
