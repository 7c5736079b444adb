"""What an application writes as a SIP address, and what is sent: headers, limits, transports."""

import pytest

from callapi.calls.errors import NotPlaceable
from callapi.calls.placing.addresses import sip_address


def headers_of(text: str) -> list[tuple[str, str]]:
    return list(sip_address(text).headers)


def test_headers_follow_the_question_mark_in_order_and_get_their_prefix() -> None:
    """The example of the reference: mycustomheader and myotherheader."""
    address = sip_address("sip:alice@example.com?mycustomheader=tata&myotherheader=toto")
    assert str(address.uri) == "sip:alice@example.com"
    assert address.headers == (("X-mycustomheader", "tata"), ("X-myotherheader", "toto"))


@pytest.mark.parametrize("name", ["X-Order", "x-order", "User-to-User", "Remote-Party-ID", "Diversion"])
def test_some_names_go_as_they_are(name: str) -> None:
    assert headers_of(f"sip:a@b.example?{name}=1") == [(name, "1")]


@pytest.mark.parametrize("name", ["From", "Via", "Contact", "Route", "Call-ID", "Privacy"])
def test_no_header_of_the_protocol_can_be_replaced(name: str) -> None:
    assert headers_of(f"sip:a@b.example?{name}=1") == [(f"X-{name}", "1")]


def test_values_are_percent_decoded_and_a_plus_stays_a_plus() -> None:
    assert headers_of("sip:a@b.example?X-A=1%2C2%3D3%20+4&X-B=a=b&X-C=") == [
        ("X-A", "1,2=3 +4"),
        ("X-B", "a=b"),
        ("X-C", ""),
    ]


@pytest.mark.parametrize("query", ["X-A=1%0d%0aVia: evil", "X-A=%00", "X%20A=1", "=1", "X-A%0A=1", "X-A=%7f"])
def test_nothing_that_could_forge_a_header_gets_out(query: str) -> None:
    with pytest.raises(NotPlaceable) as refused:
        sip_address(f"sip:a@b.example?{query}")
    assert refused.value.code == 60_011


def test_the_uri_must_be_under_255_characters_without_its_headers() -> None:
    longest = "sip:" + "a" * (254 - len("sip:@b.example")) + "@b.example"
    assert len(longest) == 254
    assert sip_address(longest + "?X-A=" + "1" * 100).headers
    with pytest.raises(
        NotPlaceable, match="255 characters without its headers; it must be under 255: 1 too many"
    ):
        sip_address(longest.replace("@", "a@"))


def test_the_headers_must_be_under_1024_characters() -> None:
    assert headers_of("sip:a@b.example?X-A=" + "1" * 1019)
    with pytest.raises(NotPlaceable, match="1024 characters; they must be under 1024: 1 too many"):
        sip_address("sip:a@b.example?X-A=" + "1" * 1020)


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls", "TCP"])
def test_a_known_transport_stays_on_the_uri(transport: str) -> None:
    assert sip_address(f"sip:a@b.example;transport={transport}").uri.parameter("transport") == transport


def test_another_transport_is_refused() -> None:
    with pytest.raises(NotPlaceable, match="transport=sctp is not one of udp, tcp, tls"):
        sip_address("sip:a@b.example;transport=sctp")


@pytest.mark.parametrize("text", ["", "sip:", "sip:@", "sip:a b@c", "tel:+1555"])
def test_what_is_no_sip_uri_is_refused(text: str) -> None:
    with pytest.raises(NotPlaceable):
        sip_address(text)
