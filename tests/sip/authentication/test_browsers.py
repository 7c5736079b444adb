"""Which requests come from a browser: by the transport, or by what an edge has written."""

import pytest

from callapi.sip.authentication.browsers import comes_from_browser
from callapi.sip.messages.uri import Transport
from callapi.sip.transport.hop import Hop
from tests.sip.invite_session.support import parse_request

UDP = Hop(Transport.UDP, "192.0.2.1", 5060)
WSS = Hop(Transport.WSS, "192.0.2.1", 443)


def _comes(*lines: str, via: str = "UDP", source: Hop = UDP) -> bool:
    head = f"REGISTER sip:h SIP/2.0\nVia: SIP/2.0/{via} 192.0.2.1;branch=z9hG4bK1"
    fields = "From: <sip:a@h>;tag=1\nTo: <sip:a@h>\nCall-ID: 1\nCSeq: 1 REGISTER"
    return comes_from_browser(parse_request("\n".join((head, fields, *lines))), source)


def test_by_its_own_connection() -> None:
    assert _comes(source=WSS)
    assert not _comes()


@pytest.mark.parametrize("via", ["WS", "WSS"])
def test_by_the_via_that_an_edge_has_received(via: str) -> None:
    assert _comes(via=via)
    assert not _comes(via="TLS")


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("Contact: <sip:a@x.invalid;transport=ws>", True),
        ("Contact: <sip:a@192.0.2.1;transport=tcp>", False),
        ("Contact: <tel:+14155550100>", False),
        ("Path: <sip:edge;lr;received=sip:192.0.2.7:4000%3Btransport=ws>", True),
        ("Path: <sip:edge;lr>", False),
        ("Path: <sip:[broken", False),
    ],
)
def test_by_contact_and_path(field: str, expected: bool) -> None:
    assert _comes(field) is expected
