"""A session description inside more than itself (RFC 5621)."""

from callapi.sip.endpoint.bodies import keep_description
from callapi.sip.messages.message import Request
from tests.sip.invite_session.support import OFFER, invite

MULTIPART = b"\r\n".join(
    [
        b"--b",
        b"Content-Type: application/isup",
        b"",
        b"\x01\x02",
        b"--b",
        b"Content-Type: application/sdp",
        b"",
        b"v=0\r\ns=-",
        b"--b--",
        b"",
    ]
)


def with_body(content_type: str, body: bytes) -> Request:
    request = invite(OFFER)
    request.body = body
    request.headers.set("Content-Type", content_type)
    keep_description(request)
    return request


def test_sdp_stays() -> None:
    request = with_body("application/sdp", OFFER)
    assert (request.body, request.content_type) == (OFFER, "application/sdp")


def test_the_description_of_a_multipart() -> None:
    request = with_body('multipart/mixed; boundary="b"', MULTIPART)
    assert (request.body, request.content_type) == (b"v=0\r\ns=-", "application/sdp")


def test_what_may_be_ignored_is() -> None:
    for content_type in ("text/plain", 'multipart/mixed; boundary="other"', "multipart/mixed"):
        request = with_body(content_type, MULTIPART)
        assert (request.body, request.content_type) == (b"", None)
