"""A hop as text, the form in which a registration keeps its source."""

import pytest

from callapi.sip.errors import ParseError
from callapi.sip.messages.uri import Transport
from callapi.sip.transport import Hop


@pytest.mark.parametrize(
    "hop", [Hop(Transport.UDP, "192.0.2.1", 5060), Hop(Transport.TLS, "2001:db8::1", 5061, "a.example")]
)
def test_a_hop_is_read_as_it_was_written(hop: Hop) -> None:
    assert str(Hop.parse(str(hop))) == str(hop)


@pytest.mark.parametrize(
    "text", ["", "udp", "sctp:192.0.2.1:5060", "udp:host:5060", "udp:192.0.2.1:", "udp:[::1]"]
)
def test_what_is_no_hop(text: str) -> None:
    with pytest.raises(ParseError):
        Hop.parse(text)
