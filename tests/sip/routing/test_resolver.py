"""RFC 3263 §4, against a real DNS server on loopback."""

import itertools
import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callapi.sip.errors import ResolutionError
from callapi.sip.messages.uri import SipUri, Transport
from callapi.sip.routing.dns import Service
from callapi.sip.routing.resolver import Resolver, order_by_weight, read_hosts, transport_of
from callapi.sip.transport.hop import Hop
from tests.sip.name_server import NameServer, name_server

ZONE = {
    ("_sip._udp.example.com", "SRV"): [
        "20 0 5070 backup.example.com.",
        "10 0 5060 one.example.com.",
        "10 100 5062 two.example.com.",
    ],
    ("_sip._tcp.example.com", "SRV"): ["1 1 5080 one.example.com."],
    ("_sips._tcp.example.com", "SRV"): ["1 1 5081 two.example.com."],
    ("one.example.com", "A"): ["192.0.2.1"],
    ("one.example.com", "AAAA"): ["2001:db8::1"],
    ("two.example.com", "A"): ["192.0.2.2"],
    ("backup.example.com", "A"): ["192.0.2.3"],
    ("plain.example.com", "A"): ["192.0.2.10", "192.0.2.11"],
    ("_sip._udp.closed.example.com", "SRV"): ["0 0 0 ."],
    ("closed.example.com", "A"): ["192.0.2.20"],
    ("_sip._udp.broken.example.com", "SRV"): [],
    ("broken.example.com", "A"): ["192.0.2.30"],
    ("_sip._udp.half.example.com", "SRV"): ["1 0 5060 nowhere.example.com.", "2 0 5060 one.example.com."],
    ("_sip._udp.void.example.com", "SRV"): ["1 0 5060 nowhere.example.com."],
    ("text.example.com", "TXT"): ['"no address"'],
}


def resolver(server: NameServer, draws: float = 0.0) -> Resolver:
    return Resolver(nameservers=["127.0.0.1"], port=server.port, hosts={}, choose=lambda: draws)


def uri(text: str) -> SipUri:
    return SipUri.parse(text)


async def addresses(resolving: Resolver, text: str) -> list[str]:
    return [str(hop) for hop in await resolving.resolve(uri(text))]


@pytest.mark.parametrize(
    ("text", "hop"),
    [
        ("sip:192.0.2.1", Hop(Transport.UDP, "192.0.2.1", 5060)),
        ("sip:a@192.0.2.1:5070;transport=TCP", Hop(Transport.TCP, "192.0.2.1", 5070)),
        ("sip:[2001:DB8::0:1];transport=tls", Hop(Transport.TLS, "2001:db8::1", 5061)),
        ("sips:192.0.2.1", Hop(Transport.TLS, "192.0.2.1", 5061)),
        ("sips:example.com;maddr=192.0.2.7", Hop(Transport.TLS, "192.0.2.7", 5061, "example.com")),
    ],
)
def test_an_address_is_answered_without_waiting(text: str, hop: Hop) -> None:
    resolving = Resolver(nameservers=["192.0.2.53"], hosts={}).resolve(uri(text))
    with pytest.raises(StopIteration) as done:
        resolving.send(None)
    assert done.value.value == [hop]


async def test_srv_by_priority_then_weight() -> None:
    async with name_server(ZONE) as server:
        first = await addresses(resolver(server, 0.5), "sip:bob@example.com")
        assert first == [
            "udp:192.0.2.2:5062",
            "udp:192.0.2.1:5060",
            "udp:[2001:db8::1]:5060",
            "udp:192.0.2.3:5070",
        ]
        lucky = await addresses(resolver(server, 0.0), "sip:bob@example.com")
        assert lucky[0] == "udp:192.0.2.1:5060"  # weight 0 has its small chance


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("sip:example.com;transport=tcp", Hop(Transport.TCP, "192.0.2.1", 5080)),
        ("sips:example.com", Hop(Transport.TLS, "192.0.2.2", 5081, "example.com")),
        ("sip:Example.COM.;transport=tls", Hop(Transport.TLS, "192.0.2.2", 5081, "example.com")),
        ("sip:broken.example.com", Hop(Transport.UDP, "192.0.2.30", 5060)),
        ("sip:other;maddr=two.example.com;transport=tcp", Hop(Transport.TCP, "192.0.2.2", 5060)),
    ],
)
async def test_transport_picks_the_service(text: str, first: Hop) -> None:
    async with name_server(ZONE) as server:
        assert (await resolver(server).resolve(uri(text)))[0] == first


async def test_a_port_means_no_srv() -> None:
    async with name_server(ZONE) as server:
        assert await addresses(resolver(server), "sip:one.example.com:5099") == [
            "udp:192.0.2.1:5099",
            "udp:[2001:db8::1]:5099",
        ]
        assert not [name for name, kind in server.asked if kind == "SRV"]


async def test_without_srv_every_address_of_the_name() -> None:
    async with name_server(ZONE) as server:
        found = await addresses(resolver(server), "sip:plain.example.com")
        assert sorted(found) == ["udp:192.0.2.10:5060", "udp:192.0.2.11:5060"]


async def test_a_broken_srv_does_not_hide_the_name() -> None:
    async with name_server(ZONE) as server:
        assert await addresses(resolver(server), "sip:broken.example.com") == ["udp:192.0.2.30:5060"]


async def test_a_target_without_address_is_passed_over() -> None:
    async with name_server(ZONE) as server:
        assert (await addresses(resolver(server), "sip:half.example.com"))[0] == "udp:192.0.2.1:5060"


@pytest.mark.parametrize(
    "text",
    [
        "sip:closed.example.com",
        "sip:void.example.com",
        "sip:text.example.com",
        "sip:nosuch.example.net",
        "sip:nosuch",
        "sip:" + "a" * 64 + ".example.com",
        "sip:example.com;transport=sctp",
        "sips:example.com;transport=udp",
    ],
)
async def test_what_leads_nowhere(text: str) -> None:
    async with name_server(ZONE) as server:
        with pytest.raises(ResolutionError):
            await resolver(server).resolve(uri(text))


async def test_hosts_need_no_server() -> None:
    resolving = Resolver(nameservers=["192.0.2.53"], hosts={"pbx": ["192.0.2.5", "2001:db8::5"]})
    assert await addresses(resolving, "sip:PBX") == ["udp:192.0.2.5:5060", "udp:[2001:db8::5]:5060"]
    assert (await addresses(resolving, "sip:alice@localhost;transport=tcp"))[0] == "tcp:127.0.0.1:5060"
    assert await resolving.resolve(uri("sips:pbx:5070")) == [
        Hop(Transport.TLS, "192.0.2.5", 5070, "pbx"),
        Hop(Transport.TLS, "2001:db8::5", 5070, "pbx"),
    ]


async def test_the_machine_s_own_names() -> None:
    assert "udp:127.0.0.1:5060" in await addresses(Resolver(), "sip:localhost")


def test_hosts_file(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text(
        "# comment\n::1 localhost ip6-localhost\n127.0.0.1\tlocalhost # here\nbad line\n\n192.0.2.5 PBX pbx.lan\n",
        encoding="utf-8",
    )
    assert read_hosts(path) == {
        "localhost": ["127.0.0.1", "::1"],
        "ip6-localhost": ["::1"],
        "pbx": ["192.0.2.5"],
        "pbx.lan": ["192.0.2.5"],
    }
    assert read_hosts(tmp_path / "none") == {}


def test_transports() -> None:
    assert transport_of(uri("sip:h")) is Transport.UDP
    assert transport_of(uri("sip:h;transport=TLS")) is Transport.TLS
    assert transport_of(uri("sips:h;transport=tcp")) is Transport.TLS


def test_weights_are_shares() -> None:
    """RFC 2782: a record of weight 60 comes first in 60 % of all cases."""
    records = [Service(1, weight, "t", weight) for weight in (10, 30, 60)]
    draws = random.Random(7)
    firsts = Counter(order_by_weight(records, draws.random)[0].weight for _ in range(4000))
    assert [round(firsts[weight] / 4000, 1) for weight in (10, 30, 60)] == [0.1, 0.3, 0.6]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 65535)), max_size=6),
    st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=6),
)
def test_every_record_comes_once_and_by_priority(pairs: list[tuple[int, int]], draws: list[float]) -> None:
    records = [
        Service(priority, weight, f"t{number}", 5060) for number, (priority, weight) in enumerate(pairs)
    ]
    ordered = order_by_weight(records, itertools.cycle(draws).__next__)
    assert sorted(map(id, ordered)) == sorted(map(id, records))
    assert [each.priority for each in ordered] == sorted(each.priority for each in records)
    reordered = order_by_weight(records[::-1], itertools.cycle(draws).__next__)
    assert reordered == ordered
