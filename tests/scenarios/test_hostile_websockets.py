"""WebSockets of peers who mean no good: giants, floods that read nothing, handshakes that never end, foreign pages.

All of them at once, on the listener and on the HTTP port, beside a call that must not lose a packet.
"""

import asyncio
import base64
import os
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from tests.scenarios.conftest import Measured, NodeFactory
from tests.scenarios.harness.attack import under_attack
from tests.scenarios.harness.ports import free_port

MEGABYTE = 1 << 20
SLOW = 40
CUT_WITHIN_S = 25.0
"""A handshake or a frame that has begun must be whole within 10 s; the rest is for a busy machine."""
TOO_BIG = 1009
OPTIONS = (
    "OPTIONS sip:node.example SIP/2.0\r\nVia: SIP/2.0/WS a.invalid;branch=z9hG4bK{number};rport\r\n"
    "From: <sip:a@a.invalid>;tag=a\r\nTo: <sip:node.example>\r\nCall-ID: {number}\r\nCSeq: 1 OPTIONS\r\n"
    "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)


def _handshake(path: str, origin: str = "", subprotocol: str = "sip") -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
    lines += [f"Sec-WebSocket-Protocol: {subprotocol}"] if subprotocol else []
    lines += [f"Origin: {origin}"] if origin else []
    return "\r\n".join([*lines, "", ""]).encode()


def _head(length: int, *, opcode: int = 1, is_last: bool = True) -> bytes:
    """The head of a client's frame whose mask is zero (RFC 6455 §5.2)."""
    first = opcode | (0x80 if is_last else 0)
    if length < 126:
        return bytes((first, 0x80 | length)) + bytes(4)
    if length < 1 << 16:
        return struct.pack("!BBH", first, 0x80 | 126, length) + bytes(4)
    return struct.pack("!BBQ", first, 0x80 | 127, length) + bytes(4)


class Attacker:
    """A place to attack: a port and the path of its WebSocket."""

    def __init__(self, port: int, path: str) -> None:
        self.port, self.path = port, path

    @asynccontextmanager
    async def connected(
        self, first: bytes = b""
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A connection that has sent `first`; without it, one whose handshake is done."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(first or _handshake(self.path))
            if not first:
                assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
            yield reader, writer
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def giant(self) -> None:
        """A frame that says it has a terabyte: refused by its head (RFC 6455 §7.4.1), before anything of it is kept."""
        async with self.connected() as (reader, writer):
            writer.write(_head(1 << 40) + bytes(1000))
            assert await _closed_with(reader) == TOO_BIG

    async def fragments(self) -> None:
        """Fragments without an end: refused as soon as they add up to more than a message may have."""
        async with self.connected() as (reader, writer):
            sent = 0
            with suppress(ConnectionError):
                while sent < 64 * MEGABYTE and not reader.at_eof():
                    writer.write(_head(16_000, opcode=0 if sent else 1, is_last=False) + bytes(16_000))
                    sent += 16_000
                    await writer.drain()
                    if sent % 160_000 == 0:
                        await asyncio.sleep(0.01)
                assert await _closed_with(reader) == TOO_BIG
            assert sent < 64 * MEGABYTE, "it took it all"

    async def deaf(self) -> None:
        """Requests without end from a peer that reads no answer: the connection is given up, its answers with it."""
        async with self.connected() as (_, writer):
            number = 0
            with suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(CUT_WITHIN_S):
                    while True:
                        message = OPTIONS.format(number=number).encode()
                        writer.write(_head(len(message)) + message)
                        await writer.drain()
                        number += 1
            assert writer.transport.is_closing(), "it was listened to all the time"

    async def slow(self) -> float:
        """A handshake that stops in the middle; how long it was borne."""
        began = time.monotonic()
        async with self.connected(_handshake(self.path)[:60]) as (reader, _):
            async with asyncio.timeout(CUT_WITHIN_S):
                with suppress(ConnectionError):
                    await reader.read()
        return time.monotonic() - began

    async def unfinished(self) -> float:
        """A frame of which one octet is missing; how long it was borne."""
        async with self.connected() as (reader, writer):
            began = time.monotonic()
            writer.write(_head(1000) + bytes(999))
            async with asyncio.timeout(CUT_WITHIN_S):
                with suppress(ConnectionError):
                    await reader.read()
        return time.monotonic() - began

    async def foreign(self) -> None:
        """A page of another origin: 403. Another subprotocol, or none: 4xx."""
        for request, statuses in (
            (_handshake(self.path, "https://evil.example"), (b"403",)),
            (_handshake(self.path, "null"), (b"403",)),
            (_handshake(self.path, subprotocol="chat"), (b"400", b"404", b"426")),
            (_handshake(self.path, subprotocol=""), (b"400", b"404", b"426")),
        ):
            async with self.connected(request) as (reader, _):
                status = (await reader.readuntil(b"\r\n")).split()[1]
                assert status in statuses, status


async def _closed_with(reader: asyncio.StreamReader) -> int:
    """The code of the close frame that ends a connection."""
    async with asyncio.timeout(CUT_WITHIN_S):
        data = await reader.read()
    at = data.find(b"\x88")
    assert at >= 0, data[:100]
    return int(struct.unpack_from("!H", data, at + 2)[0])


@pytest.mark.timeout(90)
async def test_hostile_websockets(new_node: NodeFactory, measured: Measured) -> None:
    """Refused or cut off, each in its way and in time; the call goes on whole, the node does not grow."""
    listener, sip = free_port(), free_port()
    listen = {"listen": [f"udp://127.0.0.1:{sip}", f"ws://127.0.0.1:{listener}"]}
    node, webhook = await new_node(sip=listen, http={"request_timeout_s": 5})
    node.sip_port = sip
    places = Attacker(listener, "/"), Attacker(node.http_port, "/sip")
    async with under_attack(node, webhook, measured, "WebSockets") as _, asyncio.TaskGroup() as group:
        borne = [group.create_task(each.slow()) for each in places for _ in range(SLOW)]
        borne += [group.create_task(each.unfinished()) for each in places]
        for each in places:
            for attack in (each.giant, each.fragments, each.deaf, each.foreign):
                group.create_task(attack())
    longest = max(each.result() for each in borne)
    measured(f"hostile: WebSockets: a handshake that stops is borne for {longest:.1f} s")
