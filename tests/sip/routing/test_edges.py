"""What an edge proxy forwards is judged by the address that the edge saw, and no one else can say what that is."""

import pytest

from callapi.sip.messages.message import Request
from callapi.sip.messages.parser import parse_message
from callapi.sip.messages.uri import Transport
from callapi.sip.routing.edges import SOURCE, UNKNOWN, Edges
from callapi.sip.transport.hop import Hop

EDGE = Hop(Transport.UDP, "10.0.0.5", 5060)
EDGES = Edges(("udp://10.0.0.5:5060", "tcp://10.0.0.5:5060"))


def request(*sources: str) -> Request:
    lines = [
        "INVITE sip:1000@example.com SIP/2.0",
        "Via: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK1",
        "From: <sip:a@example.com>;tag=a",
        "To: <sip:1000@example.com>",
        "Call-ID: 1",
        "CSeq: 1 INVITE",
        *(f"{SOURCE}: {each}" for each in sources),
        "Content-Length: 0",
    ]
    parsed = parse_message("\r\n".join(lines).encode() + b"\r\n\r\n")
    assert isinstance(parsed, Request)
    return parsed


@pytest.mark.parametrize(
    ("stated", "host", "transport"),
    [
        ("udp:192.0.2.1:5070", "192.0.2.1", Transport.UDP),
        ("tls:[2001:db8::1]:443", "2001:db8::1", Transport.TLS),
        ("TCP:192.0.2.1:1", "192.0.2.1", Transport.TCP),
    ],
)
def test_what_the_edge_saw_is_the_source(stated: str, host: str, transport: Transport) -> None:
    seen = EDGES.origin(request(stated), EDGE)
    assert (seen.host, seen.transport) == (host, transport)


def test_a_websocket_client_is_known_by_its_address() -> None:
    assert EDGES.origin(request("ws:192.0.2.9:40000"), EDGE).host == "192.0.2.9"


@pytest.mark.parametrize(
    "source",
    [
        Hop(Transport.UDP, "10.0.0.6", 5060),
        Hop(Transport.UDP, "10.0.0.5", 5061),
        Hop(Transport.TLS, "10.0.0.5", 5060),
    ],
)
def test_from_elsewhere_the_header_says_nothing_and_is_taken_out(source: Hop) -> None:
    spoofed = request("udp:127.0.0.1:5060")
    assert EDGES.origin(spoofed, source) == source
    assert SOURCE not in spoofed.headers


@pytest.mark.parametrize(
    "stated", ["", "127.0.0.1", "udp:localhost:5060", "udp:127.0.0.1:5060, udp:1.2.3.4:1"]
)
def test_an_edge_that_does_not_say_makes_it_from_nowhere(stated: str) -> None:
    assert EDGES.origin(request(*filter(None, [stated])), EDGE).host == UNKNOWN


def test_a_second_header_is_not_read_for_the_first() -> None:
    forwarded = request("udp:192.0.2.1:5070", "udp:127.0.0.1:5060")
    assert EDGES.origin(forwarded, EDGE).host in {"192.0.2.1", UNKNOWN}
    assert SOURCE not in forwarded.headers


def test_a_connection_of_the_edge_has_any_port() -> None:
    assert EDGES.has(Hop(Transport.TCP, "10.0.0.5", 41234))
    assert not Edges(())
