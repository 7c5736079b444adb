"""The transport layer (RFC 3261 §18): listeners, UDP sockets, and which socket or connection a message takes.

`send` never blocks and never raises: a failure is reported by `failed(hop, error)`, for a connection once, however many
messages waited in it. A connection that the peer closes is reported too: a request that it has not answered is lost.
The table of connections and its limits are in `connections`. Not here: the choice between UDP and TCP by size
(§18.1.1); a URI without a transport gets UDP.
"""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING, Self

from callapi.sip.errors import LocalProtocolError, ParseError, TransportError
from callapi.sip.messages.parser import parse_message
from callapi.sip.messages.uri import Transport
from callapi.sip.transport.connection import Connection, StreamLimits
from callapi.sip.transport.connections import ConnectionTable
from callapi.sip.transport.framing import Framing, StreamFraming
from callapi.sip.transport.hop import Hop
from callapi.sip.transport.listen import ListenAddress, family_of, is_unspecified, outgoing_address
from callapi.sip.transport.listener import Listener
from callapi.sip.transport.tls import TlsFiles, server_context
from callapi.sip.transport.udp import UdpSocket
from callapi.sip.transport.websocket import WebSocketFraming, origin_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from callapi.sip.messages.message import Message
    from callapi.sip.transport.hop import Received


class TransportLayer:
    """Every socket of the user agent."""

    def __init__(  # noqa: PLR0913 - three callbacks and three settings
        self,
        listen: Sequence[str],
        *,
        receive: Callable[[Received], None],
        failed: Callable[[Hop, Exception], None],
        closed: Callable[[Hop], None] = lambda _: None,
        advertised_address: str = "",
        tls: TlsFiles | None = None,
        allowed_origins: Sequence[str] = (),
        limits: StreamLimits | None = None,
    ) -> None:
        """`listen` as in `udp://127.0.0.1:5060`; port 0 lets the system choose. Raises LocalProtocolError.

        `receive`, `failed` and `closed` (the peer of a connection that has ended, for whatever cause) are called on the
        loop and must not raise. `allowed_origins` are those of pages that may open a WebSocket.
        `advertised_address` (a host) replaces the listeners' own addresses in
        `local_address`.
        """
        self._listen = [ListenAddress.parse(text) for text in listen]
        self._receive = receive
        self._failed = failed
        self._closed = closed
        self._advertised = advertised_address.strip("[]")
        self._tls = tls
        self._allowed_origins = tuple(map(origin_of, allowed_origins))
        self._upgraded: dict[Transport, tuple[str, int]] = {}
        self.connections = ConnectionTable(
            receive=receive,
            closed=self._connection_closed,
            limits=limits or StreamLimits(),
            tls=tls,
            source=self._source_of,
        )
        self._sockets: list[UdpSocket] = []
        self._listeners: list[Listener] = []
        self._is_stopped = False
        self._outgoing: dict[str, str] = {}  # 0.0.0.0 or :: -> what stands for it in Via and Contact
        self.listening: list[ListenAddress] = []
        """What is bound, with the ports that the system chose."""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Bind every listener; all or none.

        Raises TransportError where one cannot be bound, LocalProtocolError for TLS without a certificate.
        """
        for address in self._listen:
            try:
                await self._bind(address)
            except OSError as error:
                await self.stop()
                raise TransportError(f"cannot listen on {address}: {error.strerror or error}") from error
            except LocalProtocolError:
                await self.stop()
                raise
        self.connections.start()

    async def stop(self) -> None:
        """Send what is written, then close everything; waits a second at most for peers that do not read."""
        self._is_stopped = True
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        await self.connections.stop()
        for udp in self._sockets:
            udp.close()
        self._sockets.clear()
        self.listening.clear()

    def send(self, data: bytes, hop: Hop) -> None:
        """Send to this hop by an open connection, a new one, or a UDP socket."""
        if not hop.transport.is_reliable:
            try:
                udp = self._socket_for(hop)
            except OSError as error:
                asyncio.get_running_loop().call_soon(
                    self._failed, hop, TransportError(f"{hop}: {error.strerror}")
                )
                return
            udp.send(data, hop)
            return
        connection = self.connections.find(hop) or self.connections.connect(hop)
        if connection is not None:
            connection.send(data)

    def give_up(self, hop: Hop) -> None:
        """Close a connection to this hop that is still being opened, and drop what waits in it."""
        connection = self.connections.find(hop)
        if connection is not None and not connection.is_open:
            connection.abort(None)

    @property
    def backlog_s(self) -> float:
        """For how long the UDP socket that is furthest behind has had unread datagrams without a break."""
        return max((udp.backlog_s for udp in self._sockets), default=0.0)

    def is_connected(self, hop: Hop) -> bool:
        """Whether there is a connection to this hop, open or opening (RFC 3261 §18.2.2: else answer to sent-by)."""
        return self.connections.find(hop) is not None

    def _source_of(self, hop: Hop) -> tuple[str, int] | None:
        """A connection comes from the address that is listened on, by which a proxy knows this node."""
        family = family_of(hop.host)
        for address in self.listening:
            host = address.host.strip("[]")
            if not address.transport.is_reliable or is_unspecified(host) or family_of(host) is not family:
                continue
            if _is_loopback(host) == _is_loopback(hop.host):
                return host, 0
        return None

    def local_address(self, transport: Transport, towards: str = "") -> tuple[str, int]:
        """Host and port for Via and Contact; the first listener's of this transport and of `towards`' family.

        Where none listens: for UDP, those of a socket of our own; for TCP and TLS the host of another listener and
        the default port, since peers answer by the connection that we opened. Raises TransportError if no UDP socket
        can be had.
        """
        family = family_of(towards) if towards else None
        for address in self.listening:
            if address.transport is transport and family in {None, family_of(address.host)}:
                return self._advertise(address.host, address.port)
        if transport in self._upgraded:
            return self._advertise(*self._upgraded[transport])
        if transport.is_reliable:
            hosts = [address.host for address in self.listening if family in {None, family_of(address.host)}]
            return self._advertise(hosts[0] if hosts else _any_host(family), transport.default_port)
        try:
            return self._advertise(*self._own_socket(family or socket.AF_INET).address)
        except OSError as error:
            raise TransportError(f"no UDP socket: {error.strerror}") from error

    def _advertise(self, host: str, port: int) -> tuple[str, int]:
        if self._advertised:
            return self._advertised, port
        if is_unspecified(host):
            if host not in self._outgoing:
                self._outgoing[host] = outgoing_address(family_of(host))
            host = self._outgoing[host]
        return host, port

    async def _bind(self, address: ListenAddress) -> None:
        loop = asyncio.get_running_loop()
        kind = socket.SOCK_STREAM if address.transport.is_reliable else socket.SOCK_DGRAM
        found = await loop.getaddrinfo(address.host, address.port, type=kind)
        host = str(found[0][4][0])
        if address.transport.is_reliable:
            context = server_context(self._tls) if address.transport.is_secure else None
            listener = Listener(
                host,
                address.port,
                lambda accepted, *peer: self.connections.accept(
                    accepted, (address.transport, *peer), self._framing(address.transport), context
                ),
            )
            self._listeners.append(listener)
            port = listener.port
        else:
            port = self._open_udp(host, address.port).address[1]
        self.listening.append(ListenAddress(address.transport, host, port))

    def accept_upgrade(self, transport: asyncio.Transport, handshake: bytes) -> None:
        """Take over a connection of an HTTP server whose client asks for a WebSocket.

        `handshake` is the request, with all that was read after it. The transport gets another protocol.
        """
        kind = Transport.WSS if transport.get_extra_info("ssl_object") else Transport.WS
        peer, local = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        if not peer or not local:  # closed meanwhile
            transport.abort()
            return
        self._upgraded.setdefault(kind, local[:2])
        hop = Hop(kind, peer[0], peer[1], None, local[:2])
        connection = Connection(self.connections, hop, self._framing(kind), is_inbound=True)
        if not self.connections.admit(connection):
            transport.abort()
            return
        transport.set_protocol(connection)
        connection.connection_made(transport)
        connection.data_received(handshake)

    def _framing(self, transport: Transport) -> Framing:
        return WebSocketFraming(self._allowed_origins) if transport.is_websocket else StreamFraming()

    def _connection_closed(self, hop: Hop, cause: Exception | None) -> None:
        if self._is_stopped:
            return
        if cause is not None:
            self._failed(hop, cause)
        self._closed(hop)

    def _open_udp(self, host: str, port: int) -> UdpSocket:
        udp = UdpSocket(host, port, parse=_parse_datagram, receive=self._receive, failed=self._failed)
        self._sockets.append(udp)
        return udp

    def _socket_for(self, hop: Hop) -> UdpSocket:
        family = family_of(hop.host)
        for udp in self._sockets:
            if udp.address == hop.local:
                return udp
        for udp in self._sockets:
            if udp.family == family:
                return udp
        return self._own_socket(family)

    def _own_socket(self, family: socket.AddressFamily) -> UdpSocket:
        for udp in self._sockets:
            if udp.family == family:
                return udp
        return self._open_udp(_any_host(family), 0)


def _any_host(family: socket.AddressFamily | None) -> str:
    return "::" if family == socket.AF_INET6 else "0.0.0.0"  # noqa: S104 - a client's socket


def _parse_datagram(data: bytes) -> Message | ParseError:
    try:
        return parse_message(data)
    except ParseError as error:
        return error


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
