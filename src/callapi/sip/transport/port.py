"""What the endpoint needs of a transport, so that a network in memory can stand in for the real one."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from callapi.sip.messages.uri import Transport
from callapi.sip.transport import Hop, Received, TlsFiles
from callapi.sip.transport.listen import ListenAddress


class TransportPort(Protocol):
    """What carries messages: `TransportLayer`, or a network in memory."""

    @property
    def listening(self) -> list[ListenAddress]:
        """The listeners as bound."""

    @property
    def backlog_s(self) -> float:
        """For how long it has been behind in reading."""

    async def start(self) -> None:
        """Open the listeners."""

    async def stop(self) -> None:
        """Close everything."""

    def send(self, data: bytes, hop: Hop) -> None:
        """Never blocks, never raises."""

    def give_up(self, hop: Hop) -> None:
        """Close a connection to this hop that is still being opened, and drop what waits in it."""

    def accept_upgrade(self, transport: asyncio.Transport, handshake: bytes) -> None:
        """Take over a connection of an HTTP server whose client asks for a WebSocket."""

    def is_connected(self, hop: Hop) -> bool:
        """Whether there is a connection to this hop."""

    def local_address(self, transport: Transport, towards: str = "") -> tuple[str, int]:
        """Host and port for Via and Contact."""


class TransportFactory(Protocol):
    """Makes a transport as `TransportLayer` is made."""

    def __call__(  # noqa: PLR0913 - as `TransportLayer`
        self,
        listen: Sequence[str],
        *,
        receive: Callable[[Received], None],
        failed: Callable[[Hop, Exception], None],
        closed: Callable[[Hop], None],
        advertised_address: str,
        tls: TlsFiles | None,
        allowed_origins: Sequence[str],
    ) -> TransportPort: ...
