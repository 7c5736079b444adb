"""SIP over WebSocket (RFC 7118), with the client of the `websockets` library at the other end."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from callapi.sip.messages.message import Request
from callapi.sip.messages.uri import Transport
from callapi.sip.transport.connection import StreamLimits
from callapi.sip.transport.hop import Hop
from callapi.sip.transport.websocket import MAX_MESSAGE_BYTES, WebSocketFraming, origin_of
from tests.sip.transport.certificates import Authority
from tests.sip.transport.node import TIMEOUT_S, Node, options

LOOPBACK = "ws://127.0.0.1:0"
SIP = Subprotocol("sip")


@asynccontextmanager
async def browser(
    node: Node, *, subprotocols: tuple[str, ...] = ("sip",), origin: str | None = None, path: str = "/"
) -> AsyncIterator[ClientConnection]:
    """A client of the node's first WebSocket listener."""
    url = f"ws://127.0.0.1:{node.hop(Transport.WS).port}{path}"
    offered = [Subprotocol(each) for each in subprotocols] or None
    async with connect(
        url, subprotocols=offered, origin=Origin(origin) if origin else None, compression=None
    ) as socket:
        yield socket


async def status_of(node: Node, **options: object) -> int:
    """The status of a handshake that is refused."""
    with pytest.raises(InvalidStatus) as refused:
        async with browser(node, **options):  # type: ignore[arg-type]
            pass
    return refused.value.response.status_code


@pytest.mark.parametrize("path", ["/", "/sip", "/ws?x=1"])
async def test_a_frame_is_a_message_and_answers_go_back(path: str) -> None:
    async with Node(LOOPBACK) as node, browser(node, path=path) as socket:
        assert socket.subprotocol == "sip"
        await socket.send(options("text").decode())
        received = await node.hears()
        assert isinstance(received.message, Request)
        assert received.source.transport is Transport.WS
        await socket.send(options("binary", b"\xff\xfe"))
        assert await node.hears_call() == "binary"
        node.send(options("back"), received.source)
        assert await socket.recv() == options("back").decode()
        node.send(b"\xff", received.source)
        assert await socket.recv() == b"\xff"


async def test_a_message_needs_no_content_length_and_may_come_in_fragments() -> None:
    async with Node(LOOPBACK) as node, browser(node) as socket:
        text = options("whole").decode().replace("Content-Length: 0\r\n", "")
        await socket.send(text + "v=0\r\n")
        message = (await node.hears()).message
        assert isinstance(message, Request)
        assert message.body == b"v=0\r\n"
        await socket.send([text[:20], text[20:50], "", text[50:]])
        assert await node.hears_call() == "whole"


async def test_nonsense_is_handed_on_and_the_socket_stays() -> None:
    async with Node(LOOPBACK) as node, browser(node) as socket:
        await socket.send("nonsense")
        await node.hears_nonsense()
        await socket.send(options("after").decode())
        assert await node.hears_call() == "after"


async def test_keep_alives_of_both_kinds() -> None:
    async with Node(LOOPBACK) as node, browser(node) as socket:
        await socket.send("\r\n\r\n")
        assert await socket.recv() == "\r\n"
        await socket.send("\r\n")
        async with asyncio.timeout(TIMEOUT_S):
            await (await socket.ping())
        assert node.received.empty()


@pytest.mark.parametrize("subprotocols", [(), ("chat",), ("SIP",)])
async def test_the_subprotocol_must_be_sip(subprotocols: tuple[str, ...]) -> None:
    async with Node(LOOPBACK) as node:
        assert await status_of(node, subprotocols=subprotocols) == 400
        async with browser(node, subprotocols=("chat", "sip")) as socket:
            assert socket.subprotocol == "sip"


async def test_an_origin_must_be_allowed() -> None:
    async with Node(LOOPBACK, allowed_origins=("https://Phones.example.com:443/x",)) as node:
        for origin in (
            "https://evil.example",
            "null",
            "http://phones.example.com",
            "https://phones.example.com:8443",
        ):
            assert await status_of(node, origin=origin) == 403
        async with browser(node, origin="https://phones.example.com") as socket:
            await socket.send(options().decode())
            await node.hears()


async def test_plain_http_is_refused() -> None:
    async with Node(LOOPBACK) as node:
        reader, writer = await asyncio.open_connection("127.0.0.1", node.hop(Transport.WS).port)
        writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert b"426" in await reader.readline()
        assert len(await reader.read()) > 0  # up to the end: it was closed
        writer.close()


async def test_giant_messages_close_the_socket() -> None:
    async with Node(LOOPBACK) as node, browser(node) as socket:
        await socket.send("x" * (MAX_MESSAGE_BYTES + 1))
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
        assert node.received.empty()


async def test_many_fragments_do_not_add_up_beyond_the_bound() -> None:
    async with Node(LOOPBACK) as node, browser(node) as socket:
        await socket.send(["x" * 100_000] * 12)
        with pytest.raises(ConnectionClosed):
            await socket.recv()


async def test_a_slow_handshake_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callapi.sip.transport.connections._SWEEP_S", 0.02)
    async with Node(LOOPBACK, limits=StreamLimits(partial_s=0.1)) as node:
        reader, writer = await asyncio.open_connection("127.0.0.1", node.hop(Transport.WS).port)
        writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n")
        async with asyncio.timeout(TIMEOUT_S):
            assert await reader.read() == b""
        writer.close()


async def test_a_frame_that_is_never_whole_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callapi.sip.transport.connections._SWEEP_S", 0.02)
    async with Node(LOOPBACK, limits=StreamLimits(partial_s=0.1)) as node, browser(node) as socket:
        socket.transport.write(b"\x81\xfe\x01\x00abcd")
        async with asyncio.timeout(TIMEOUT_S):
            await socket.wait_closed()


async def test_a_silent_client_is_pinged_and_one_that_is_gone_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("callapi.sip.transport.connections._SWEEP_S", 0.02)
    limits = StreamLimits(ping_s=0.05, pong_s=0.3, silent_s=0.1)
    async with Node(LOOPBACK, limits=limits) as node, browser(node) as socket:
        await asyncio.sleep(0.6)  # several pings: the library answers them
        await socket.send(options().decode())
        source = (await node.hears()).source
        socket.transport.pause_reading()
        async with asyncio.timeout(TIMEOUT_S):
            assert await node.closed.get() == source
        assert (await node.fails())[1].endswith("no answer to a ping")
        socket.transport.resume_reading()  # so that the library sees the end, and does not wait for it


async def test_what_is_sent_to_a_closed_socket_fails() -> None:
    async with Node(LOOPBACK) as node:
        async with browser(node) as socket:
            await socket.send(options().decode())
            source = (await node.hears()).source
        async with asyncio.timeout(TIMEOUT_S):
            assert await node.closed.get() == source
        assert not node.layer.is_connected(source)
        assert (await node.fails())[1].endswith("closed by the peer")
        node.send(options(), source)
        assert "only its client can open it" in (await node.fails())[1]


async def test_secure_websockets(authority: Authority) -> None:

    context = ssl.create_default_context(cafile=str(authority.path))
    async with Node("wss://127.0.0.1:0", tls=authority.issue("127.0.0.1")) as node:
        url = f"wss://127.0.0.1:{node.hop(Transport.WSS).port}/"
        async with connect(url, subprotocols=[SIP], ssl=context) as socket:
            await socket.send(options("secure").decode())
            received = await node.hears()
            assert received.source.transport is Transport.WSS
            assert node.layer.local_address(Transport.WSS)[1] == node.hop(Transport.WSS).port
            node.send(options("back"), received.source)
            assert await socket.recv() == options("back").decode()


async def test_a_websocket_is_never_opened_from_here() -> None:
    async with Node(LOOPBACK) as node:
        node.send(options(), Hop(Transport.WS, "127.0.0.1", 9))
        assert "only its client" in (await node.fails())[1]


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Voice.Example.com/x?y", "https://voice.example.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:80/", "http://[::1]"),
    ],
)
def test_origins_are_written_as_browsers_do(url: str, origin: str) -> None:
    assert origin_of(url) == origin


HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
)


@given(st.booleans(), st.lists(st.binary(max_size=80), max_size=12))
def test_any_bytes_are_read_without_an_error(is_open: bool, pieces: list[bytes]) -> None:
    """Before the handshake and after it: what comes out are messages, or a framing that is broken."""
    framing = WebSocketFraming(())
    if is_open:
        framing.feed(HANDSHAKE)
        assert framing.is_open
        assert framing.take_outgoing().startswith(b"HTTP/1.1 101")
    for piece in pieces:
        framing.feed(piece)
    framing.keep_alive()
    framing.close()
    framing.take_outgoing()
    assert framing.wrap(b"late") == b""


@pytest.mark.parametrize("size", [1, 2, 7])
def test_a_handshake_and_a_frame_in_pieces(size: int) -> None:
    """A masked text frame of one message, whatever way it is cut."""
    message = options("pieces")
    mask = b"\x01\x02\x03\x04"
    masked = bytes(octet ^ mask[place % 4] for place, octet in enumerate(message))
    data = HANDSHAKE + b"\x81\xfe" + len(message).to_bytes(2, "big") + mask + masked
    framing = WebSocketFraming(())
    found = [each for start in range(0, len(data), size) for each in framing.feed(data[start : start + size])]
    [(value, raw)] = found
    assert raw == message
    assert isinstance(value, Request)


def test_before_the_handshake_nothing_is_sent_and_after_a_fault_nothing_is_read() -> None:
    framing = WebSocketFraming(())
    framing.keep_alive()
    framing.close()
    assert (framing.wrap(b"early"), framing.take_outgoing()) == (b"", b"")
    framing.feed(b"no HTTP\r\n\r\n")
    assert framing.is_broken
    assert framing.feed(HANDSHAKE) == []
    assert not framing.is_open


def test_a_ping_keeps_alive_and_a_close_is_said_once() -> None:
    framing = WebSocketFraming(())
    framing.feed(HANDSHAKE)
    framing.take_outgoing()
    framing.keep_alive()
    assert framing.take_outgoing() == b"\x89\x00"
    framing.close()
    assert framing.take_outgoing() == b"\x88\x02\x03\xe9"
    framing.close()
    assert framing.take_outgoing() == b""


def test_a_pong_is_read_over() -> None:
    framing = WebSocketFraming(())
    framing.feed(HANDSHAKE)
    assert framing.feed(b"\x8a\x80\x01\x02\x03\x04") == []
    assert framing.is_idle
