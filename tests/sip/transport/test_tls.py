"""TLS on loopback: who is believed (RFC 5922 §7.1)."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from callapi.sip.errors import LocalProtocolError
from callapi.sip.messages.uri import Transport
from callapi.sip.transport.connection import StreamLimits
from callapi.sip.transport.hop import Hop
from callapi.sip.transport.tls import TlsFiles, client_context, server_context
from tests.sip.transport.certificates import Authority
from tests.sip.transport.node import TIMEOUT_S, Node, options

LOOPBACK = "tls://127.0.0.1:0"


@pytest.mark.parametrize("name", ["sip.example.com", None], ids=["name", "address"])
async def test_there_and_back(authority: Authority, name: str | None) -> None:
    files = authority.issue("sip.example.com", "127.0.0.1")
    async with Node(LOOPBACK, tls=files) as server, Node(tls=TlsFiles(ca=authority.path)) as client:
        hop = server.hop(Transport.TLS, name)
        client.send(options("a"), hop)
        received = await server.hears()
        assert received.source.transport is Transport.TLS
        server.send(options("b"), received.source)
        answer = await client.hears()
        assert answer.source == hop
        client.send(options("c"), answer.source)
        assert (await server.hears()).source == received.source


@pytest.mark.parametrize(
    ("kind", "name", "reason"),
    [
        ("self-signed", "sip.example.com", "self"),
        ("other name", "sip.example.net", "mismatch"),
        ("other address", None, "mismatch"),
        ("expired", "sip.example.com", "expired"),
        ("system store", "sip.example.com", "unable to get local issuer"),
    ],
)
async def test_who_is_not_believed(authority: Authority, kind: str, name: str | None, reason: str) -> None:
    if kind == "self-signed":
        files = authority.self_signed("sip.example.com")
    else:
        files = authority.issue("sip.example.com", days=-1 if kind == "expired" else 1)
    ca = None if kind == "system store" else authority.path
    async with Node(LOOPBACK, tls=files) as server, Node(tls=TlsFiles(ca=ca)) as client:
        hop = server.hop(Transport.TLS, name)
        client.send(options(), hop)
        failed, why = await client.fails()
        assert failed == hop
        assert "certificate refused" in why
        assert reason in why
        assert server.received.empty()


async def test_a_name_is_asked_for_even_where_another_is_connected(authority: Authority) -> None:
    """RFC 5923 §5: the same address does not prove the same domain."""
    files = authority.issue("one.example.com")
    async with Node(LOOPBACK, tls=files) as server, Node(tls=TlsFiles(ca=authority.path)) as client:
        client.send(options("one"), server.hop(Transport.TLS, "one.example.com"))
        assert await server.hears_call() == "one"
        client.send(options("two"), server.hop(Transport.TLS, "two.example.com"))
        assert "certificate refused" in (await client.fails())[1]


async def test_a_server_that_speaks_no_tls(authority: Authority) -> None:
    limits = StreamLimits(connect_s=0.1)
    async with (
        Node("tcp://127.0.0.1:0") as server,
        Node(tls=TlsFiles(ca=authority.path), limits=limits) as client,
    ):
        plain = server.hop(Transport.TCP)
        hop = type(plain)(Transport.TLS, plain.host, plain.port)
        client.send(options(), hop)
        assert (await client.fails())[0] == hop


async def test_a_client_that_speaks_no_tls(authority: Authority) -> None:
    async with Node(LOOPBACK, tls=authority.issue("h")) as server, Node() as client:
        secure = server.hop(Transport.TLS)
        hop = type(secure)(Transport.TCP, secure.host, secure.port)
        client.send(options(), hop)
        assert (await client.fails())[0] == hop
        assert server.received.empty()


async def test_a_name_that_cannot_be_one_is_reported(authority: Authority) -> None:
    async with (
        Node(LOOPBACK, tls=authority.issue("h")) as server,
        Node(tls=TlsFiles(ca=authority.path)) as client,
    ):
        hop = server.hop(Transport.TLS, "a" * 64 + ".example.com")
        client.send(options(), hop)
        assert (await client.fails())[0] == hop
        assert not client.layer.is_connected(hop)


async def test_a_certificate_is_shown_by_a_client_that_has_one(authority: Authority) -> None:
    files = authority.issue("127.0.0.1")
    async with Node(LOOPBACK, tls=files) as server, Node(tls=files) as client:
        client.send(options(), server.hop(Transport.TLS))
        assert await server.hears_call() == "1"


async def test_a_missing_store_is_reported(tmp_path: Path) -> None:
    async with Node("tcp://127.0.0.1:0") as server, Node(tls=TlsFiles(ca=tmp_path / "none.pem")) as client:
        hop = type(server.hop(Transport.TCP))(Transport.TLS, "127.0.0.1", server.hop(Transport.TCP).port)
        client.send(options(), hop)
        assert "No such file" in (await client.fails())[1]


@pytest.mark.parametrize("files", [None, TlsFiles()])
def test_a_listener_needs_a_certificate(files: TlsFiles | None) -> None:
    with pytest.raises(LocalProtocolError):
        server_context(files)


async def test_who_never_shakes_hands_counts_and_is_not_waited_for(authority: Authority) -> None:
    """An attacker that opens connections and says nothing has as many as it may have, and not for long."""
    limits = StreamLimits(connect_s=0.3, from_one_source=3)
    files = authority.issue("127.0.0.1")
    async with (
        Node(LOOPBACK, tls=files, limits=limits) as server,
        Node(tls=TlsFiles(ca=authority.path)) as client,
    ):
        hop = server.hop(Transport.TLS)
        silent = [await asyncio.open_connection(hop.host, hop.port) for _ in range(3)]
        await until(lambda: len(server.layer.connections) == 3)
        one_too_many, writer = await asyncio.open_connection(hop.host, hop.port)
        assert await is_closed(one_too_many)
        for reader, _ in silent:
            assert await is_closed(reader)
        await until(lambda: len(server.layer.connections) == 0)
        assert server.failures.empty()
        client.send(options("after"), hop)
        assert await server.hears_call() == "after"
        for _, each in [*silent, (None, writer)]:
            each.close()


@pytest.mark.parametrize(
    "said", [b"OPTIONS sip:h SIP/2.0\r\n\r\n", b"\x16\x03\x01\x00\x05junk!", b"\x16\x03\x01"]
)
async def test_what_is_no_handshake_is_forgotten(authority: Authority, said: bytes) -> None:
    limits = StreamLimits(connect_s=0.3)
    async with Node(LOOPBACK, tls=authority.issue("h"), limits=limits) as server:
        hop = server.hop(Transport.TLS)
        reader, writer = await asyncio.open_connection(hop.host, hop.port)
        writer.write(said)
        assert await is_closed(reader)
        await until(lambda: len(server.layer.connections) == 0)
        assert server.failures.empty()
        writer.close()


async def test_what_is_sent_while_hands_are_shaken_waits(authority: Authority) -> None:
    """Nothing may go out in the clear."""
    files = authority.issue("127.0.0.1")
    context = client_context(TlsFiles(ca=authority.path))
    async with Node(LOOPBACK, tls=files) as server:
        hop = server.hop(Transport.TLS)
        reader, writer = await asyncio.open_connection(hop.host, hop.port)
        await until(lambda: len(server.layer.connections) == 1)
        host, port = writer.get_extra_info("sockname")
        server.send(options("secret"), Hop(Transport.TLS, host, port))
        await writer.start_tls(context, server_hostname="127.0.0.1")
        async with asyncio.timeout(TIMEOUT_S):
            assert await reader.readexactly(len(options("secret"))) == options("secret")
        writer.close()


async def test_who_shakes_hands_while_the_node_stops_is_let_go(authority: Authority) -> None:
    """pytest fails for a socket that is left."""
    async with Node(LOOPBACK, tls=authority.issue("h")) as server:
        hop = server.hop(Transport.TLS)
        reader, writer = await asyncio.open_connection(hop.host, hop.port)
        await until(lambda: len(server.layer.connections) == 1)
        await asyncio.sleep(0)
    assert await is_closed(reader)
    writer.close()


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for it."""
    async with asyncio.timeout(TIMEOUT_S):
        while not is_so():  # noqa: ASYNC110 - nothing reports it
            await asyncio.sleep(0.01)


async def is_closed(reader: asyncio.StreamReader) -> bool:
    """Whether the peer closes, after whatever it may have said."""
    async with asyncio.timeout(TIMEOUT_S):
        try:
            await reader.read()
        except ConnectionError:
            return True
        return reader.at_eof()
