"""TCP on loopback: reuse in both directions, and what a connection may cost."""

import asyncio
import errno
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import pytest

from callapi.sip.messages.message import UnreadableMessage
from callapi.sip.messages.uri import Transport
from callapi.sip.transport.connection import StreamLimits
from callapi.sip.transport.hop import Hop
from tests.sip.transport.node import TIMEOUT_S, Node, options

LOOPBACK = "tcp://127.0.0.1:0"


@dataclass(slots=True)
class TransportPort:
    """A bare TCP connection to a node."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def receives(self, size: int) -> bytes:
        async with asyncio.timeout(TIMEOUT_S):
            return await self.reader.readexactly(size)

    async def is_closed(self) -> bool:
        async with asyncio.timeout(TIMEOUT_S):
            try:
                return not await self.reader.read(1)
            except ConnectionError:
                return True


@asynccontextmanager
async def wire(node: Node) -> AsyncIterator[TransportPort]:
    hop = node.hop(Transport.TCP)
    reader, writer = await asyncio.open_connection(hop.host, hop.port)
    try:
        yield TransportPort(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callapi.sip.transport.connections._SWEEP_S", 0.02)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
async def test_there_and_back_on_one_connection(host: str) -> None:
    async with Node(f"tcp://{host}:0") as server, Node(f"tcp://{host}:0") as client:
        client.send(options("a"), server.hop(Transport.TCP))
        client.send(options("b"), server.hop(Transport.TCP))
        received = await server.hears()
        assert received.data == options("a")
        assert received.local == server.layer.local_address(Transport.TCP)
        assert await server.hears_call() == "b"
        assert server.layer.is_connected(received.source)
        server.send(options("c"), received.source)
        answer = await client.hears()
        assert answer.source == server.hop(Transport.TCP)
        client.send(options("d"), answer.source)
        assert (await server.hears()).source == received.source


async def test_a_bare_client() -> None:
    async with Node(LOOPBACK) as server, Node() as client:
        client.send(options(), server.hop(Transport.TCP))
        server.send(options("back"), (await server.hears()).source)
        assert await client.hears_call() == "back"


async def test_a_port_that_refuses() -> None:
    """However many messages waited, the failure is reported once."""
    async with Node(LOOPBACK) as gone:
        hop = gone.hop(Transport.TCP)
    async with Node() as client:
        client.send(options("a"), hop)
        client.send(options("b"), hop)
        assert await client.fails() == (hop, f"{hop}: Connection refused")
        assert client.failures.empty()
        assert not client.layer.is_connected(hop)


async def test_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    async with Node(limits=StreamLimits(connect_s=0.05)) as client:
        monkeypatch.setattr(asyncio.get_running_loop().__class__, "create_connection", never)
        hop = Hop(Transport.TCP, "192.0.2.1", 5060)
        client.send(options(), hop)
        assert await client.fails() == (hop, f"{hop}: no connection within 0.05 s")


async def test_a_peer_that_closes_is_reported_and_connected_anew() -> None:
    async with Node() as client:
        async with Node(LOOPBACK) as server:
            hop = server.hop(Transport.TCP)
            client.send(options(), hop)
            await server.hears()
        assert await client.fails() == (hop, f"{hop}: connection closed by the peer")
        async with Node(f"tcp://127.0.0.1:{hop.port}") as server:
            client.send(options("again"), hop)
            assert await server.hears_call() == "again"


async def test_a_connection_that_is_reset_is_reported() -> None:
    async with Node(LOOPBACK) as node, wire(node) as peer:
        peer.send(options())
        source = (await node.hears()).source
        linger = struct.pack("ii", 1, 0)
        peer.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        peer.writer.transport.abort()
        hop, reason = await node.fails()
        assert hop == source
        assert "connection" in reason
        node.send(options(), source)
        assert (await node.fails())[1].endswith("Connection refused")


async def test_a_peer_that_comes_again_from_the_same_port_replaces_itself() -> None:
    async with Node(LOOPBACK) as node, wire(node) as first, wire(node) as second:
        first.send(options())
        second.send(options())
        kept, other = (await node.hears()).source, (await node.hears()).source
        connections = node.layer.connections
        old, new = connections.find(kept), connections.find(other)
        assert old is not None
        assert new is not None
        new.peer = old.peer
        assert node.layer.connections.admit(new)
        assert await first.is_closed()
        node.send(b"x", kept)
        assert await second.receives(1) == b"x"


async def test_pieces() -> None:
    async with Node(LOOPBACK) as node, wire(node) as peer:
        for octet in options("a", b"body") + options("b"):
            peer.send(bytes([octet]))
            await asyncio.sleep(0)
        assert [await node.hears_call(), await node.hears_call()] == ["a", "b"]


async def test_a_ping_gets_its_pong() -> None:
    """RFC 5626 §4.4.1."""
    async with Node(LOOPBACK) as node, wire(node) as peer:
        peer.send(b"\r\n\r\n")
        assert await peer.receives(2) == b"\r\n"
        peer.send(b"\r\n" + options())
        assert await node.hears_call() == "1"


async def test_a_bad_message_does_not_close() -> None:
    async with Node(LOOPBACK) as node, wire(node) as peer:
        peer.send(options().replace(b"CSeq: 1", b"CSeq: x"))
        assert isinstance(await node.hears_nonsense(), UnreadableMessage)
        peer.send(options("good"))
        assert await node.hears_call() == "good"


async def test_lost_framing_closes_after_the_answer() -> None:
    class Answering(Node):
        def __init__(self, *listen: str) -> None:
            super().__init__(*listen)
            self.layer.connections.receive = lambda received: self.layer.send(b"answer", received.source)

    async with Answering(LOOPBACK) as node, wire(node) as peer:
        peer.send(options().replace(b"Content-Length: 0", b"Content-Length: -1"))
        assert await peer.receives(6) == b"answer"
        assert await peer.is_closed()


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize(
    ("limits", "data"),
    [
        (StreamLimits(silent_s=0.05), b""),
        (StreamLimits(silent_s=0.05), b"\r\n"),
        (StreamLimits(partial_s=0.05), options()[:-1]),
        (StreamLimits(partial_s=0.05), options("1", b"body")[:-1]),
        (StreamLimits(idle_s=0.05), options()),
    ],
    ids=["silent", "only keep-alives", "half a head", "half a body", "idle"],
)
async def test_who_is_not_waited_for(limits: StreamLimits, data: bytes) -> None:
    async with Node(LOOPBACK, limits=limits) as node, wire(node) as peer:
        peer.send(data)
        assert await peer.is_closed()
        await asyncio.sleep(0)
        assert len(node.layer.connections) == 0
        assert node.failures.empty()


@pytest.mark.usefixtures("_quick")
async def test_slow_messages_are_waited_for_while_they_end() -> None:
    async with Node(LOOPBACK, limits=StreamLimits(partial_s=0.2, silent_s=0.2)) as node, wire(node) as peer:
        message = options()
        for round_ in range(4):
            peer.send(message[:50])
            await asyncio.sleep(0.1)
            peer.send(message[50:])
            assert await node.hears_call() == "1", round_


async def test_a_peer_that_does_not_read_loses_the_connection() -> None:
    async with Node(LOOPBACK, limits=StreamLimits(unsent_bytes=100_000)) as node, wire(node) as peer:
        peer.send(options())
        source = (await node.hears()).source
        for _ in range(1000):
            node.send(options("x", b"x" * 100_000), source)
            if not node.layer.is_connected(source):
                break
            await asyncio.sleep(0)
        hop, reason = await node.fails()
        assert hop == source
        assert reason.endswith("the peer does not read")


async def test_what_waits_for_a_connection_is_bounded() -> None:
    async with Node(LOOPBACK) as server, Node(limits=StreamLimits(unsent_bytes=1000)) as client:
        for _ in range(10):
            client.send(options("1", b"x" * 300), server.hop(Transport.TCP))
        assert (await client.fails())[1].endswith("the peer does not read")


async def test_too_many_peers() -> None:
    async with (
        Node(LOOPBACK, limits=StreamLimits(connections=2)) as node,
        wire(node) as one,
        wire(node) as two,
    ):
        for peer in (one, two):
            peer.send(options())
            await node.hears()
        async with wire(node) as three:
            assert await three.is_closed()
        one.send(options("still there"))
        assert await node.hears_call() == "still there"


async def test_too_many_peers_of_one_source_leave_room_for_others() -> None:
    """And once one of them is gone, that source may come again."""
    async with Node(LOOPBACK, limits=StreamLimits(from_one_source=1)) as node:
        async with wire(node) as one:
            one.send(options("first"))
            assert await node.hears_call() == "first"
            async with wire(node) as two:
                assert await two.is_closed()
            address = node.hop(Transport.TCP)
            _, other = await asyncio.open_connection(address.host, address.port, local_addr=("127.0.0.2", 0))
            other.write(options("elsewhere"))
            assert await node.hears_call() == "elsewhere"
            other.close()
        async with asyncio.timeout(10):
            while True:
                async with wire(node) as again:
                    again.send(options("again"))
                    with suppress(TimeoutError):
                        async with asyncio.timeout(1):
                            assert await node.hears_call() == "again"
                            return


async def test_too_many_connections_of_our_own() -> None:
    async with Node(LOOPBACK) as server, Node(limits=StreamLimits(connections=1)) as client:
        server_hop = server.hop(Transport.TCP)
        hops = [Hop(Transport.TCP, f"127.0.0.{number}", server_hop.port) for number in (1, 2, 3)]
        for hop in hops:
            client.send(options(), hop)
        failed = [(await client.fails())[0] for _ in range(2)]
        assert hops[2] in failed


async def test_what_is_written_is_sent_before_stopping() -> None:
    async with Node(LOOPBACK) as server:
        async with Node() as client:
            client.send(options("first"), server.hop(Transport.TCP))
            await server.hears()
            client.send(options("last", b"x" * 200_000), server.hop(Transport.TCP))
        assert await server.hears_call() == "last"
        assert client.failures.empty()


async def test_stopping_does_not_wait_for_a_connection_that_never_comes() -> None:
    async with Node() as client:
        client.send(options(), Hop(Transport.TCP, "192.0.2.1", 5060))
        await asyncio.sleep(0)


async def test_a_lack_of_descriptors_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    accept = socket.socket.accept
    lacks = [OSError(errno.EMFILE, "Too many open files")] * 3

    def poor(listener: socket.socket) -> tuple[socket.socket, object]:
        if lacks:
            raise lacks.pop()
        return accept(listener)

    monkeypatch.setattr(socket.socket, "accept", poor)
    monkeypatch.setattr("callapi.sip.transport.listener._REST_S", 0.02)
    async with Node(LOOPBACK) as node, wire(node) as peer:
        peer.send(options())
        assert await node.hears_call() == "1"
        assert not lacks
