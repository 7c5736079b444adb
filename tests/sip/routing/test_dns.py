"""Records, and how long they are believed; a real DNS server on loopback."""

import asyncio

import pytest

from callapi.sip.routing.dns import DnsLookup, Service
from tests.sip.name_server import NameServer, name_server

ZONE = {
    ("_sip._udp.example.com", "SRV"): ["10 5 5060 One.Example.com."],
    ("_sip._udp.closed.example.com", "SRV"): ["0 0 0 ."],
    ("_sip._udp.broken.example.com", "SRV"): [],
    ("one.example.com", "A"): ["192.0.2.1"],
    ("one.example.com", "AAAA"): ["2001:db8::1"],
    ("two.example.com", "A"): ["192.0.2.2"],
    ("alias.example.com", "CNAME"): ["one.example.com."],
}


def lookup(server: NameServer) -> DnsLookup:
    return DnsLookup(["127.0.0.1"], server.port)


async def test_records() -> None:
    async with name_server(ZONE) as server:
        looking = lookup(server)
        assert await looking.services("_sip._udp.example.com") == [Service(10, 5, "one.example.com", 5060)]
        assert await looking.services("_sip._udp.closed.example.com") == [Service(0, 0, "", 0)]
        assert await looking.addresses("one.example.com") == ["192.0.2.1", "2001:db8::1"]
        assert await looking.addresses("two.example.com") == ["192.0.2.2"]


@pytest.mark.parametrize(
    "name", ["_sip._udp.broken.example.com", "nosuch.example.com", "a" * 64 + ".example.com"]
)
async def test_no_records(name: str) -> None:
    async with name_server(ZONE) as server:
        assert await lookup(server).services(name) == ()
        assert await lookup(server).addresses(name) == ()


async def test_answers_are_kept_for_their_time() -> None:
    async with name_server(ZONE) as server:
        looking = lookup(server)
        for _ in range(3):
            await looking.addresses("one.example.com")
            await looking.addresses("nosuch.example.com")
            await looking.services("_sip._udp.example.com")
        assert len(server.asked) == 5
        assert set(server.asked.values()) == {1}


async def test_and_no_longer() -> None:
    async with name_server(ZONE, ttl_s=0) as server:
        looking = lookup(server)
        await looking.addresses("two.example.com")
        server.zone["two.example.com", "A"] = ["192.0.2.99"]
        await asyncio.sleep(0.01)
        assert await looking.addresses("two.example.com") == ["192.0.2.99"]


async def test_their_number_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callapi.sip.routing.dns._MAX_ANSWERS", 2)
    async with name_server(ZONE) as server:
        looking = lookup(server)
        for name in ("one", "two", "three", "one"):
            await looking.addresses(f"{name}.example.com")
        assert server.asked["one.example.com", "A"] == 2
        assert len(looking._addresses) == 2


async def test_a_dead_server_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callapi.sip.routing.dns.QUESTION_S", 0.2)
    async with name_server(ZONE) as server:
        looking = lookup(server)
    assert await looking.addresses("one.example.com") == ()
