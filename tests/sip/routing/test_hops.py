"""RFC 3261 §18.2 and RFC 3581 for answers, URIs with addresses for requests, and peers behind a NAT."""

import pytest

from callapi.sip.errors import ResolutionError
from callapi.sip.messages.headers import Via
from callapi.sip.messages.uri import Transport, parse_uri
from callapi.sip.routing.hops import answer_hop, is_private, literal_hop, note_source, reachable_hop
from callapi.sip.transport import Hop
from tests.sip.invite_session.support import invite

SOURCE = Hop(Transport.UDP, "198.51.100.7", 40000, None, ("192.0.2.2", 5060))
OVER_TCP = Hop(Transport.TCP, "198.51.100.7", 40000)


@pytest.mark.parametrize(
    ("via", "noted"),
    [
        ("198.51.100.7;branch=z", "198.51.100.7;branch=z"),
        ("10.0.0.1:5062;branch=z", "10.0.0.1:5062;branch=z;received=198.51.100.7"),
        ("10.0.0.1;rport;branch=z", "10.0.0.1;branch=z;received=198.51.100.7;rport=40000"),
        ("198.51.100.7;branch=z;rport", "198.51.100.7;branch=z;received=198.51.100.7;rport=40000"),
        ("x;RPORT=1;received=9.9.9.9;branch=z", "x;branch=z;received=198.51.100.7;rport=40000"),
    ],
)
def test_the_source_is_noted_in_the_top_via(via: str, noted: str) -> None:
    request = invite()
    request.headers.set("Via", f"SIP/2.0/UDP {via}")
    note_source(request, SOURCE)
    assert request.headers.get_all("Via") == [f"SIP/2.0/UDP {noted}"]


def test_other_vias_stay() -> None:
    request = invite()
    request.headers.set("Via", "SIP/2.0/UDP a;branch=1, SIP/2.0/TCP b;branch=2")
    request.headers.add("Via", "SIP/2.0/UDP c;branch=3")
    note_source(request, SOURCE)
    assert request.headers.get_all("Via") == [
        "SIP/2.0/UDP a;branch=1;received=198.51.100.7",
        "SIP/2.0/TCP b;branch=2",
        "SIP/2.0/UDP c;branch=3",
    ]
    assert [via.branch for via in request.vias] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("via", "source", "hop"),
    [
        ("UDP h;branch=z;rport", SOURCE, SOURCE),
        ("UDP 198.51.100.7:5062;branch=z", SOURCE, Hop(Transport.UDP, "198.51.100.7", 5062)),
        ("UDP 198.51.100.7;branch=z", SOURCE, Hop(Transport.UDP, "198.51.100.7", 5060)),
        ("UDP 10.0.0.1:5062;branch=z", SOURCE, SOURCE),
        ("UDP h:5070;maddr=192.0.2.9;rport", SOURCE, Hop(Transport.UDP, "192.0.2.9", 5070)),
        ("UDP 198.51.100.7;maddr=name", SOURCE, Hop(Transport.UDP, "198.51.100.7", 5060)),
        ("TCP h;branch=z", OVER_TCP, OVER_TCP),
    ],
)
def test_where_answers_go(via: str, source: Hop, hop: Hop) -> None:
    found = answer_hop(Via.parse(f"SIP/2.0/{via}"), source)
    assert found == hop
    assert found.local == source.local  # RFC 3581 §4: from where the request came to


@pytest.mark.parametrize(
    ("uri", "hop"),
    [
        ("sip:a@192.0.2.1", Hop(Transport.UDP, "192.0.2.1", 5060)),
        ("sip:a@192.0.2.1:5070;transport=tcp", Hop(Transport.TCP, "192.0.2.1", 5070)),
        ("sip:a@[2001:db8::1]", Hop(Transport.UDP, "2001:db8::1", 5060)),
        ("sip:a@example.com;maddr=192.0.2.1", Hop(Transport.UDP, "192.0.2.1", 5060)),
        ("sips:a@192.0.2.1", Hop(Transport.TLS, "192.0.2.1", 5061)),
        ("sips:a@example.com;maddr=192.0.2.1", None),
        ("sip:a@example.com", None),
        ("sip:a@host1", None),
        ("tel:+1", None),
    ],
)
def test_uris_with_an_address(uri: str, hop: Hop | None) -> None:
    assert literal_hop(parse_uri(uri)) == hop


def test_an_unsupported_transport() -> None:
    with pytest.raises(ResolutionError):
        literal_hop(parse_uri("sip:a@192.0.2.1;transport=sctp"))


def test_private_addresses() -> None:
    assert is_private("192.168.1.1")
    assert is_private("10.1.2.3")
    assert not is_private("8.8.8.8")


def test_a_contact_behind_a_nat() -> None:
    behind = Hop(Transport.UDP, "192.168.1.5", 5060)
    public = Hop(Transport.UDP, "8.8.4.4", 31000)
    assert reachable_hop(behind, public, is_connected=False) == public
    assert reachable_hop(behind, Hop(Transport.UDP, "192.168.1.1", 9), is_connected=False) == behind
    assert reachable_hop(public, behind, is_connected=False) == public
    assert reachable_hop(behind, None, is_connected=False) == behind


def test_a_client_on_a_connection() -> None:
    contact = Hop(Transport.TCP, "198.51.100.7", 5060)
    assert reachable_hop(contact, OVER_TCP, is_connected=True) == OVER_TCP
    assert reachable_hop(contact, OVER_TCP, is_connected=False) == contact
    assert reachable_hop(SOURCE, OVER_TCP, is_connected=True) == SOURCE
