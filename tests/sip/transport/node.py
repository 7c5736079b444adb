"""A transport layer that keeps what it hears, for tests to wait on."""

import asyncio
from typing import Self

from callapi.sip.errors import ParseError
from callapi.sip.messages.message import Request
from callapi.sip.messages.uri import Transport
from callapi.sip.transport.connection import StreamLimits
from callapi.sip.transport.hop import Hop, Received
from callapi.sip.transport.layer import TransportLayer
from callapi.sip.transport.tls import TlsFiles

TIMEOUT_S = 5


def options(call_id: str = "1", body: bytes = b"") -> bytes:
    """A request, as bytes."""
    return (
        "OPTIONS sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n"
        f"To: <sip:bob@example.com>\r\nCall-ID: {call_id}\r\nCSeq: 1 OPTIONS\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


class Node:
    """`async with Node("udp://127.0.0.1:0") as node`."""

    def __init__(
        self,
        *listen: str,
        tls: TlsFiles | None = None,
        limits: StreamLimits | None = None,
        advertised_address: str = "",
        allowed_origins: tuple[str, ...] = (),
    ) -> None:
        self.received: asyncio.Queue[Received] = asyncio.Queue()
        self.failures: asyncio.Queue[tuple[Hop, Exception]] = asyncio.Queue()
        self.closed: asyncio.Queue[Hop] = asyncio.Queue()
        self.layer = TransportLayer(
            listen,
            receive=self.received.put_nowait,
            failed=lambda hop, error: self.failures.put_nowait((hop, error)),
            closed=self.closed.put_nowait,
            advertised_address=advertised_address,
            allowed_origins=allowed_origins,
            tls=tls,
            limits=limits,
        )

    async def __aenter__(self) -> Self:
        await self.layer.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.layer.__aexit__()

    def hop(self, transport: Transport, server_name: str | None = None, index: int = 0) -> Hop:
        """Where this node listens."""
        found = [each for each in self.layer.listening if each.transport is transport][index]
        return Hop(transport, found.host, found.port, server_name)

    def send(self, data: bytes, hop: Hop) -> None:
        self.layer.send(data, hop)

    async def hears(self) -> Received:
        """The next message."""
        async with asyncio.timeout(TIMEOUT_S):
            return await self.received.get()

    async def hears_call(self) -> str:
        """The Call-ID of the next request."""
        message = (await self.hears()).message
        assert isinstance(message, Request)
        return message.call_id

    async def hears_nonsense(self) -> ParseError:
        """The next message, which is none."""
        message = (await self.hears()).message
        assert isinstance(message, ParseError)
        return message

    async def fails(self) -> tuple[Hop, str]:
        """The next failure."""
        async with asyncio.timeout(TIMEOUT_S):
            hop, error = await self.failures.get()
        return hop, str(error)
