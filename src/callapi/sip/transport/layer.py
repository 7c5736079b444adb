"""The transport layer (RFC 3261 §18): listeners, outgoing connections, and which of them a message takes.

`send` never blocks and never raises: what fails is told by `failed(hop, error)`, for a connection once, however many
messages waited in it. That a peer closes a connection is told too: a request that it has not answered is lost.
Not here: the choice between UDP and TCP by size (§18.1.1); who names no transport gets UDP.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from callapi.sip.errors import LocalProtocolError, ParseError, TransportError
from callapi.sip.messages.parser import parse_message
from callapi.sip.messages.uri import Transport
from callapi.sip.transport.hop import Hop
from callapi.sip.transport.listen import ListenAddress, family_of, is_unspecified, outgoing_address
from callapi.sip.transport.listener import Listener
from callapi.sip.transport.tcp import Connection, StreamLimits
from callapi.sip.transport.tls import TlsFiles, client_context, server_context
from callapi.sip.transport.udp import UdpSocket

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from callapi.sip.messages.message import Message
    from callapi.sip.transport.hop import Received

_SWEEP_S = 1.0
_CLOSE_S = 1.0


class TransportLayer:
    """Every socket of the user agent."""

    def __init__(
        self,
        listen: Sequence[str],
        *,
        receive: Callable[[Received], None],
        failed: Callable[[Hop, Exception], None],
        advertised_address: str = "",
        tls: TlsFiles | None = None,
        limits: StreamLimits | None = None,
    ) -> None:
        """`listen` as in `udp://127.0.0.1:5060`; port 0 lets the system choose. Raises LocalProtocolError.

        `receive` and `failed` are called on the loop and must not raise. `advertised_address` (a host) replaces the
        listeners' own addresses in what `local_address` tells.
        """
        self._listen = [ListenAddress.parse(text) for text in listen]
        self.receive = receive
        self._failed = failed
        self._advertised = advertised_address.strip("[]")
        self._tls = tls
        self._client_context: ssl.SSLContext | None = None
        self.limits = limits or StreamLimits()
        self._sockets: list[UdpSocket] = []
        self._listeners: list[Listener] = []
        self._arriving: set[socket.socket] = set()
        """Taken, and no connection's own yet."""
        self._connections: dict[_Key, Connection] = {}
        self._by_host: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.TimerHandle | None = None
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
        loop = asyncio.get_running_loop()
        for address in self._listen:
            try:
                await self._bind(address)
            except OSError as error:
                await self.stop()
                raise TransportError(f"cannot listen on {address}: {error.strerror or error}") from error
            except LocalProtocolError:
                await self.stop()
                raise
        self._sweeper = loop.call_later(_SWEEP_S, self._sweep)

    async def stop(self) -> None:
        """Send what is written, then close everything; waits a second at most for peers that do not read."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        for task in self._tasks:
            task.cancel()
        connections = list(self._connections.values())
        for connection in connections:
            connection.close()
        if connections:
            await asyncio.wait([connection.lost for connection in connections], timeout=_CLOSE_S)
            for connection in connections:
                connection.abort(None)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for udp in self._sockets:
            udp.close()
        for taken in self._arriving:
            taken.close()
        self._arriving.clear()
        self._sockets.clear()
        self.listening.clear()

    def send(self, data: bytes, hop: Hop) -> None:
        """Send to this hop by an open connection, a new one, or a UDP socket."""
        if hop.transport is Transport.UDP:
            try:
                udp = self._socket_for(hop)
            except OSError as error:
                self._tell(hop, TransportError(f"{hop}: {error.strerror}"))
                return
            udp.send(data, hop)
            return
        connection = self._connections.get(_key(hop)) or self._connect(hop)
        if connection is not None:
            connection.send(data)

    @property
    def standing_s(self) -> float:
        """How long the UDP socket that is furthest behind has not been read to its end: a queue that stands."""
        return max((udp.standing_s for udp in self._sockets), default=0.0)

    def is_connected(self, hop: Hop) -> bool:
        """Whether there is a connection to this hop, open or opening (RFC 3261 §18.2.2: else answer to sent-by)."""
        return _key(hop) in self._connections

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
        if transport is not Transport.UDP:
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
        kind = socket.SOCK_DGRAM if address.transport is Transport.UDP else socket.SOCK_STREAM
        found = await loop.getaddrinfo(address.host, address.port, type=kind)
        host = str(found[0][4][0])
        if address.transport is Transport.UDP:
            port = self._open_udp(host, address.port).address[1]
        else:
            context = server_context(self._tls) if address.transport is Transport.TLS else None
            listener = Listener(
                host,
                address.port,
                lambda taken, *peer: self._admit(taken, (address.transport, *peer), context),
            )
            self._listeners.append(listener)
            port = listener.port
        self.listening.append(ListenAddress(address.transport, host, port))

    def _open_udp(self, host: str, port: int) -> UdpSocket:
        udp = UdpSocket(host, port, parse=_parse_datagram, receive=self.receive, failed=self._failed)
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

    def _admit(
        self, taken: socket.socket, peer: tuple[Transport, str, int], context: ssl.SSLContext | None
    ) -> None:
        """Take in who has connected; peers are counted from here on, not once they have spoken TLS."""
        with suppress(OSError):  # it has left already
            connection = Connection(self, Hop(*peer, None, taken.getsockname()[:2]), has_come=True)
            if self.accepted(connection):
                self._arriving.add(taken)
                self._run(self._welcome(connection, taken, context))
                return
        taken.close()

    async def _welcome(
        self, connection: Connection, taken: socket.socket, context: ssl.SSLContext | None
    ) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection,
                taken,
                ssl=context,
                ssl_handshake_timeout=self.limits.connect_s if context else None,
            )
        except OSError:  # it speaks no TLS, or has left
            connection.abort(None)
        self._arriving.discard(taken)

    def _connect(self, hop: Hop) -> Connection | None:
        if len(self._connections) >= 2 * self.limits.connections:
            self._tell(hop, TransportError(f"{hop}: too many connections"))
            return None
        connection = Connection(self, hop, has_come=False)
        self._keep(connection, _key(hop))
        self._run(self._open(connection, hop))
        return connection

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _open(self, connection: Connection, hop: Hop) -> None:
        loop = asyncio.get_running_loop()
        try:
            context = await self._tls_client() if hop.transport is Transport.TLS else None
            name = (hop.server_name or hop.host) if context else None
            if name is not None:
                name.encode("idna")  # asyncio would refuse it too, and leave the socket open
            async with asyncio.timeout(self.limits.connect_s):
                await loop.create_connection(
                    lambda: connection, hop.host, hop.port, ssl=context, server_hostname=name
                )
        except TimeoutError:
            connection.abort(TransportError(f"{hop}: no connection within {self.limits.connect_s:g} s"))
        except (
            OSError,
            ValueError,
        ) as error:  # what TLS refuses is the one, a name that it cannot bear the other
            connection.abort(TransportError(f"{hop}: {_explain(error)}"))

    async def _tls_client(self) -> ssl.SSLContext:
        if self._client_context is None:
            # reading the system's store takes some 30 ms
            self._client_context = await asyncio.to_thread(client_context, self._tls)
        return self._client_context

    def accepted(self, connection: Connection) -> bool:
        """A peer has connected, though it may not have spoken TLS yet; it may stay while there are not too many."""
        if len(self._connections) >= self.limits.connections:
            return False
        key = _key(connection.peer)
        if (old := self._connections.get(key)) is not None:
            old.abort(None)  # the peer has lost it, or it would not come from the same port again
        if self._by_host[connection.peer.host] >= self.limits.from_one_source:
            return False
        self._keep(connection, key)
        return True

    def _keep(self, connection: Connection, key: _Key) -> None:
        self._connections[key] = connection
        self._by_host[key[1]] += 1

    def finished(self, connection: Connection, cause: Exception | None) -> None:
        """Forget a connection, and tell why it ended."""
        key = _key(connection.peer)
        if self._connections.get(key) is connection:
            del self._connections[key]
            self._by_host[connection.peer.host] -= 1
            if not self._by_host[connection.peer.host]:
                del self._by_host[connection.peer.host]
        if cause is not None:
            self._tell(connection.peer, cause)

    def _tell(self, hop: Hop, error: Exception) -> None:
        # Nobody expects to be called back from inside `send`.
        asyncio.get_running_loop().call_soon(self._failed, hop, error)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in list(self._connections.values()):
            if connection.is_overdue(now):
                connection.abort(None)
        self._sweeper = loop.call_later(_SWEEP_S, self._sweep)


# RFC 5923 §5: a connection to another name at the same address is not proven to be for ours.
_Key = tuple[Transport, str, int, str | None]


def _key(hop: Hop) -> _Key:
    return hop.transport, hop.host, hop.port, hop.server_name


def _any_host(family: socket.AddressFamily | None) -> str:
    return "::" if family == socket.AF_INET6 else "0.0.0.0"  # noqa: S104 - a client's socket


def _explain(error: OSError | ValueError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate refused: {error.verify_message}"
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and error.errno is not None:
        return os.strerror(error.errno)
    return str(error)


def _parse_datagram(data: bytes) -> Message | ParseError:
    try:
        return parse_message(data)
    except ParseError as error:
        return error
