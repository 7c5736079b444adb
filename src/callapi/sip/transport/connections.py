"""The table of connections: who is connected, within which limits, and the tasks that open them."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

from callapi.sip.errors import TransportError
from callapi.sip.messages.uri import Transport
from callapi.sip.transport.connection import Connection, StreamLimits
from callapi.sip.transport.framing import StreamFraming
from callapi.sip.transport.hop import Hop
from callapi.sip.transport.tls import TlsFiles, client_context

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Coroutine

    from callapi.sip.transport.framing import Framing
    from callapi.sip.transport.hop import Received

_SWEEP_S = 1.0
_CLOSE_S = 1.0


class ConnectionTable:
    """Every connection of the user agent, by its peer."""

    def __init__(
        self,
        *,
        receive: Callable[[Received], None],
        closed: Callable[[Hop, Exception | None], None],
        limits: StreamLimits,
        tls: TlsFiles | None,
        source: Callable[[Hop], tuple[str, int] | None] = lambda _: None,
    ) -> None:
        """`closed(peer, cause)` is called on the loop when a connection has ended; `cause` is None if we closed it.

        `source` is the address that a connection to a peer comes from; None: the system's choice.
        """
        self._source = source
        self.receive = receive
        self.limits = limits
        self._closed = closed
        self._tls = tls
        self._client_context: ssl.SSLContext | None = None
        self._connections: dict[_Key, Connection] = {}
        self._by_host: Counter[str] = Counter()
        self._arriving: set[socket.socket] = set()
        """Accepted sockets that no Connection owns yet."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._connections)

    def start(self) -> None:
        """Begin to watch the connections."""
        self._sweeper = asyncio.get_running_loop().call_later(_SWEEP_S, self._sweep)

    async def stop(self) -> None:
        """Send what is written, then close everything; waits a second at most for peers that do not read."""
        if self._sweeper is not None:
            self._sweeper.cancel()
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
        for accepted_socket in self._arriving:
            accepted_socket.close()
        self._arriving.clear()

    def find(self, hop: Hop) -> Connection | None:
        """The connection to this hop, open or opening."""
        return self._connections.get(_key(hop))

    def accept(
        self,
        accepted_socket: socket.socket,
        peer: tuple[Transport, str, int],
        framing: Framing,
        context: ssl.SSLContext | None,
    ) -> None:
        """A peer has connected. It counts against the limits from now on, not only after the TLS handshake."""
        with suppress(OSError):  # the peer has left already
            hop = Hop(*peer, None, accepted_socket.getsockname()[:2])
            connection = Connection(self, hop, framing, is_inbound=True)
            if self.admit(connection):
                self._arriving.add(accepted_socket)
                self._run(self._shake_hands(connection, accepted_socket, context))
                return
        accepted_socket.close()

    def admit(self, connection: Connection) -> bool:
        """Keep a connection that a peer has opened, unless there are too many."""
        if len(self._connections) >= self.limits.connections:
            return False
        key = _key(connection.peer)
        if (old := self._connections.get(key)) is not None:
            old.abort(None)  # the peer has lost it, or it would not come from the same port again
        if self._by_host[connection.peer.host] >= self.limits.from_one_source:
            return False
        self._keep(connection, key)
        return True

    def connect(self, hop: Hop) -> Connection | None:
        """Open a connection to this hop; None, and the failure is reported, where that is impossible."""
        if hop.transport.is_websocket:
            self._report(hop, TransportError(f"{hop}: the WebSocket is closed; only its client can open it"))
            return None
        if len(self._connections) >= 2 * self.limits.connections:
            self._report(hop, TransportError(f"{hop}: too many connections"))
            return None
        connection = Connection(self, hop, StreamFraming(), is_inbound=False)
        self._keep(connection, _key(hop))
        self._run(self._open(connection, hop))
        return connection

    def finished(self, connection: Connection, cause: Exception | None) -> None:
        """As `ConnectionOwner`: forget the connection, and report why it ended."""
        key = _key(connection.peer)
        if self._connections.get(key) is connection:
            del self._connections[key]
            self._by_host[connection.peer.host] -= 1
            if not self._by_host[connection.peer.host]:
                del self._by_host[connection.peer.host]
            self._report(connection.peer, cause)

    def _report(self, hop: Hop, cause: Exception | None) -> None:
        # not from inside `send`, whose callers do not expect to be called back
        asyncio.get_running_loop().call_soon(self._closed, hop, cause)

    def _keep(self, connection: Connection, key: _Key) -> None:
        self._connections[key] = connection
        self._by_host[key[1]] += 1

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _shake_hands(
        self, connection: Connection, accepted_socket: socket.socket, context: ssl.SSLContext | None
    ) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection,
                accepted_socket,
                ssl=context,
                ssl_handshake_timeout=self.limits.connect_s if context else None,
            )
        except OSError:  # the peer does not speak TLS, or has left
            connection.abort(None)
        self._arriving.discard(accepted_socket)

    async def _open(self, connection: Connection, hop: Hop) -> None:
        loop = asyncio.get_running_loop()
        try:
            context = await self._tls_client() if hop.transport.is_secure else None
            name = (hop.server_name or hop.host) if context else None
            if name is not None:
                name.encode("idna")  # asyncio would refuse it too, and leave the socket open
            async with asyncio.timeout(self.limits.connect_s):
                await loop.create_connection(
                    lambda: connection,
                    hop.host,
                    hop.port,
                    ssl=context,
                    server_hostname=name,
                    local_addr=self._source(hop),
                )
        except TimeoutError:
            connection.abort(TransportError(f"{hop}: no connection within {self.limits.connect_s:g} s"))
        except (
            OSError,
            ValueError,
        ) as error:  # refused by the network or by TLS; a name that TLS cannot carry
            connection.abort(TransportError(f"{hop}: {_explain(error)}"))

    async def _tls_client(self) -> ssl.SSLContext:
        if self._client_context is None:
            # reading the system's store takes some 30 ms
            self._client_context = await asyncio.to_thread(client_context, self._tls)
        return self._client_context

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in list(self._connections.values()):
            connection.watch(now)
        self._sweeper = loop.call_later(_SWEEP_S, self._sweep)


# RFC 5923 §5: a connection to another name at the same address is not proven to be for ours.
_Key = tuple[Transport, str, int, str | None]


def _key(hop: Hop) -> _Key:
    return hop.transport, hop.host, hop.port, hop.server_name


def _explain(error: OSError | ValueError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate refused: {error.verify_message}"
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and error.errno is not None:
        return os.strerror(error.errno)
    return str(error)
