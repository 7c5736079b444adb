"""UDP on loopback."""

import asyncio
import socket
import time

import pytest

from callapi.sip.messages.message import Request
from callapi.sip.messages.uri import Transport
from callapi.sip.transport.hop import Hop
from tests.sip.transport.node import Node, options


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
async def test_there_and_back(host: str) -> None:
    async with Node(f"udp://{host}:0") as one, Node(f"udp://{host}:0") as two:
        one.send(options("a"), two.hop(Transport.UDP))
        received = await two.hears()
        assert isinstance(received.message, Request)
        assert received.source == one.hop(Transport.UDP)
        assert received.local == two.layer.local_address(Transport.UDP)
        assert received.data == options("a")
        two.send(options("b"), received.source)
        assert await one.hears_call() == "b"


async def test_a_bare_client_has_a_socket_and_an_address() -> None:
    async with Node("udp://127.0.0.1:0") as server, Node() as client:
        client.send(options(), server.hop(Transport.UDP))
        received = await server.hears()
        assert received.source.port == client.layer.local_address(Transport.UDP)[1]
        server.send(options("back"), received.source)
        assert await client.hears_call() == "back"


async def test_an_answer_leaves_by_the_socket_that_was_asked() -> None:
    """RFC 3581 §4: behind a NAT nothing else would arrive."""
    async with Node("udp://127.0.0.1:0", "udp://127.0.0.1:0") as server, Node("udp://127.0.0.1:0") as client:
        for index in (1, 0):
            client.send(options(), server.hop(Transport.UDP, index=index))
            server.send(options(), (await server.hears()).source)
            assert (await client.hears()).source == server.hop(Transport.UDP, index=index)


async def test_icmp_names_the_dead_hop() -> None:
    async with Node("udp://127.0.0.1:0") as gone:
        hop = gone.hop(Transport.UDP)
    async with Node("udp://127.0.0.1:0") as alive, Node("udp://127.0.0.1:0") as node:
        for round_ in range(3):
            node.send(options(), hop)
            assert await node.fails() == (hop, f"{hop}: Connection refused")
            node.send(options(str(round_)), alive.hop(Transport.UDP))
            assert await alive.hears_call() == str(round_)
            alive.send(options("back"), node.hop(Transport.UDP))
            assert await node.hears_call() == "back"


async def test_a_dead_hop_does_not_take_the_next_datagram_along() -> None:
    async with Node("udp://127.0.0.1:0") as gone:
        hop = gone.hop(Transport.UDP)
    async with Node("udp://127.0.0.1:0") as alive, Node("udp://127.0.0.1:0") as node:
        node.send(options(), hop)
        node.send(options("after"), alive.hop(Transport.UDP))
        assert await alive.hears_call() == "after"
        assert (await node.fails())[0] == hop


@pytest.mark.parametrize(
    ("data", "hop", "reason"),
    [
        (b"x" * 65536, Hop(Transport.UDP, "127.0.0.1", 9), "Message too long"),
        (b"x", Hop(Transport.UDP, "127.0.0.1", 0), "Invalid argument"),
        (b"x", Hop(Transport.UDP, "localhost", 5060), "illegal IP address string passed to inet_pton"),
    ],
)
async def test_what_cannot_be_sent_is_reported_later(data: bytes, hop: Hop, reason: str) -> None:
    async with Node("udp://127.0.0.1:0") as node:
        node.send(data, hop)
        assert node.failures.empty()
        assert await node.fails() == (hop, f"{hop}: {reason}")
        assert node.failures.empty()


@pytest.mark.parametrize("keep_alive", [b"\r\n\r\n", b"\r\n", b"\0", b"\0\0\0\0", b""])
async def test_keep_alives_are_no_messages(keep_alive: bytes) -> None:
    async with Node("udp://127.0.0.1:0") as node, Node() as client:
        client.send(keep_alive, node.hop(Transport.UDP))
        client.send(b"nonsense", node.hop(Transport.UDP))
        await node.hears_nonsense()
        assert node.received.empty()


async def test_a_burst_is_kept_while_the_process_is_busy() -> None:
    async with Node("udp://127.0.0.1:0") as node:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as burst:
            address = node.layer.local_address(Transport.UDP)
            for number in range(200):
                burst.sendto(options(str(number), b"x" * 500), address)
        assert [await node.hears_call() for _ in range(200)] == [str(number) for number in range(200)]


async def test_a_full_buffer_loses_and_does_not_block(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Node("udp://127.0.0.1:0") as node:
        [udp] = node.layer._sockets

        class Full:
            def sendto(self, *_: object) -> None:
                raise BlockingIOError

        with monkeypatch.context() as patch:
            patch.setattr(udp, "_socket", Full())
            node.send(options(), node.hop(Transport.UDP))
        assert udp.dropped == 1


async def test_a_queue_that_stands_is_reported_until_it_is_read() -> None:
    async with Node("udp://127.0.0.1:0") as node, Node("udp://127.0.0.1:0") as flood:
        assert node.layer.backlog_s == 0
        for number in range(100):
            flood.send(options(str(number)), node.hop(Transport.UDP))
        await node.hears()
        time.sleep(0.05)  # noqa: ASYNC251 - the loop is to fall behind
        await asyncio.sleep(0)
        assert 0.03 < node.layer.backlog_s < 5
        for _ in range(99):
            await node.hears()
        await asyncio.sleep(0.01)
        assert node.layer.backlog_s == 0
