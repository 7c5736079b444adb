"""One UDP socket: datagrams in and out, and what ICMP says of those that did not arrive.

The socket is our own and not asyncio's: with IP_RECVERR (ip(7)) the kernel reports which destination refused a
datagram, so that a failed attempt goes to the next hop at once instead of after 32 seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import socket
import struct
from typing import TYPE_CHECKING

from callapi.sip.errors import TransportError
from callapi.sip.messages.uri import Transport
from callapi.sip.transport.hop import Hop, Received
from callapi.sip.transport.listen import family_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from callapi.sip.errors import ParseError
    from callapi.sip.messages.message import Message

RECEIVE_BUFFER_BYTES = 8 * 1024 * 1024
SEND_BUFFER_BYTES = 2 * 1024 * 1024
_MAX_DATAGRAM_BYTES = 65536
_DATAGRAMS_PER_TURN = 16
_KEEP_ALIVE_BYTES = b"\r\n\x00 "

# linux/in.h, linux/in6.h; Python has no names for them
_RECVERR = {
    socket.AF_INET: (socket.IPPROTO_IP, 11),
    socket.AF_INET6: (socket.IPPROTO_IPV6, 25),
}
_SO_RCVBUFFORCE = 33
_EXTENDED_ERROR = struct.Struct("=IB")  # linux/errqueue.h: errno, origin, ...
_ORIGIN_LOCAL = 1


class UdpSocket:
    """A bound UDP socket on the running loop."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        parse: Callable[[bytes], Message | ParseError],
        receive: Callable[[Received], None],
        failed: Callable[[Hop, Exception], None],
    ) -> None:
        """Bind and start to read. Raises OSError."""
        self._parse = parse
        self._receive = receive
        self._failed = failed
        self.dropped = 0
        """Datagrams that were not sent because the kernel's buffer was full."""
        self._behind_since: float | None = None
        self.family = family_of(host)
        self._socket = socket.socket(self.family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            self._prepare()
            self._socket.bind((host, port))
        except OSError:
            self._socket.close()
            raise
        self.address: tuple[str, int] = self._socket.getsockname()[:2]
        # Where the loop is libuv, a socket with a pending ICMP error would be thrown out of its poll set; an epoll
        # in between is always just readable.
        self._epoll = select.epoll()
        self._epoll.register(self._socket.fileno(), select.EPOLLIN)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._epoll.fileno(), self._on_readable)

    def _prepare(self) -> None:
        if self.family == socket.AF_INET6:
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        level, option = _RECVERR[self.family]
        self._socket.setsockopt(level, option, 1)
        for option, size in (
            (socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES),
            (socket.SO_SNDBUF, SEND_BUFFER_BYTES),
        ):
            self._socket.setsockopt(socket.SOL_SOCKET, option, size)
        with contextlib.suppress(OSError):
            # socket(7): beyond net.core.rmem_max, where we may
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)

    def send(self, data: bytes, hop: Hop) -> None:
        """Send one datagram; a failure is reported by `failed`, a full buffer loses it as the network might."""
        try:
            if hop.local is None:
                socket.inet_pton(self.family, hop.host)  # a name would be looked up, and block the loop
            self._socket.sendto(data, (hop.host, hop.port))
        except BlockingIOError:
            self.dropped += 1
        except OSError:
            self._send_again(data, hop)

    def _send_again(self, data: bytes, hop: Hop) -> None:
        # The error may be an earlier datagram's (ip(7), IP_RECVERR): once it is read, ours goes out.
        self._report_errors()
        try:
            if hop.local is None:
                socket.inet_pton(self.family, hop.host)
            self._socket.sendto(data, (hop.host, hop.port))
        except BlockingIOError:
            self.dropped += 1
        except OSError as error:
            # not from inside `send`, whose callers do not expect to be called back
            self._loop.call_soon(self._failed, hop, TransportError(f"{hop}: {error.strerror or error}"))

    def _on_readable(self) -> None:
        for _ in range(_DATAGRAMS_PER_TURN):
            try:
                data, address = self._socket.recvfrom(_MAX_DATAGRAM_BYTES)
            except BlockingIOError:
                self._behind_since = None
                return
            except OSError:
                self._report_errors()
                continue
            if len(data) <= 4 and not data.strip(_KEEP_ALIVE_BYTES):
                continue
            source = Hop(Transport.UDP, address[0], address[1], None, self.address)
            self._receive(Received(self._parse(data), source, self.address, data))
        if not self._has_more():
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = self._loop.time()

    def _has_more(self) -> bool:
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except OSError:
            return False
        return True

    @property
    def backlog_s(self) -> float:
        """For how many seconds datagrams have been waiting to be read without a break; 0 most of the time."""
        return 0.0 if self._behind_since is None else self._loop.time() - self._behind_since

    def _report_errors(self) -> None:
        """Empty the socket's error queue."""
        for _ in range(_DATAGRAMS_PER_TURN):
            try:
                _, ancillary, _, address = self._socket.recvmsg(1, 512, socket.MSG_ERRQUEUE)
            except OSError:
                return
            number, origin = _EXTENDED_ERROR.unpack_from(ancillary[0][2])
            if origin == _ORIGIN_LOCAL:
                continue  # `send` has reported it already
            hop = Hop(Transport.UDP, address[0], address[1])
            self._loop.call_soon(self._failed, hop, TransportError(f"{hop}: {os.strerror(number)}"))

    def close(self) -> None:
        """Stop reading and close."""
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()
        self._socket.close()
