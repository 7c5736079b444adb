"""Host names in c= lines."""

from callapi.media.sdp.names import host_names, with_addresses

BODY = b"v=0\r\no=- 1 1 IN IP4 phone.example\r\nc=IN IP4 phone.example\r\nm=audio 9 RTP/AVP 0\r\n"


def test_names_are_found_and_replaced() -> None:
    body = BODY + b"c=IN IP6 six.example\r\n"
    assert host_names(body) == (("phone.example", 4), ("six.example", 6))
    resolved = with_addresses(body, {"phone.example": "192.0.2.1"})
    assert b"c=IN IP4 192.0.2.1\r\n" in resolved
    assert b"c=IN IP6 six.example\r\n" in resolved
    assert b"IN IP4 phone.example\r\nc=" in resolved  # o= is not an address to send to


def test_addresses_stay() -> None:
    body = b"c=IN IP4 192.0.2.1\r\nc=IN IP6 2001:db8::1\r\nc=IN IP4 224.2.1.1/127\r\n"
    assert host_names(body) == ()
    assert with_addresses(body, {}) == body
    assert host_names(b"") == ()
