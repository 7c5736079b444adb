"""The layer as a whole: what it binds, and what it reports to others. What it carries is tested by transport."""

import pytest

from callapi.sip.errors import LocalProtocolError, TransportError
from callapi.sip.messages.uri import Transport
from callapi.sip.transport.hop import Hop
from callapi.sip.transport.layer import TransportLayer
from tests.sip.transport.node import Node, options


def test_hops_are_distinguished_by_where_they_lead() -> None:
    hop = Hop(Transport.TLS, "2001:db8::1", 5061, "example.com")
    assert str(hop) == "tls:[2001:db8::1]:5061"
    assert hop == Hop(Transport.TLS, "2001:db8::1", 5061, "example.com", ("::", 5061))
    assert hop != Hop(Transport.TLS, "2001:db8::1", 5061)


async def test_without_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(97, "Address family not supported by protocol")

    hop = Hop(Transport.UDP, "2001:db8::1", 5060)
    async with Node("udp://127.0.0.1:0") as node:
        monkeypatch.setattr("callapi.sip.transport.layer.UdpSocket", refuse)
        with pytest.raises(TransportError):
            node.layer.local_address(Transport.UDP, hop.host)
        node.send(options(), hop)
        assert await node.fails() == (hop, f"{hop}: Address family not supported by protocol")


def test_a_listener_that_is_none() -> None:
    with pytest.raises(LocalProtocolError):
        TransportLayer(["sctp://127.0.0.1:5060"], receive=print, failed=print)


async def test_a_tls_listener_needs_a_certificate() -> None:
    with pytest.raises(LocalProtocolError):
        async with Node("udp://127.0.0.1:0", "tls://127.0.0.1:0"):
            pass


async def test_an_address_in_use_is_reported_and_nothing_stays_open() -> None:
    async with Node("tcp://127.0.0.1:0") as node:
        second = Node("udp://127.0.0.1:0", f"tcp://127.0.0.1:{node.hop(Transport.TCP).port}")
        with pytest.raises(TransportError, match="cannot listen"):
            await second.layer.start()
        assert second.layer.listening == []


async def test_what_goes_into_via() -> None:
    async with Node("udp://0.0.0.0:0") as node:
        host, port = node.layer.local_address(Transport.UDP)
        assert host != "0.0.0.0"
        assert port == node.layer.listening[0].port
        assert node.layer.local_address(Transport.TCP) == (host, 5060)
        assert node.layer.local_address(Transport.TLS) == (host, 5061)
    async with Node("udp://127.0.0.1:0", "udp://[::1]:0", advertised_address="pbx.example.com") as node:
        ports = [address.port for address in node.layer.listening]
        assert node.layer.local_address(Transport.UDP) == ("pbx.example.com", ports[0])
        assert node.layer.local_address(Transport.UDP, "2001:db8::1") == ("pbx.example.com", ports[1])
