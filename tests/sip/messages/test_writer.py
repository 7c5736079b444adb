"""From messages to bytes, and no further than they should go."""

import pytest
from hypothesis import given

from callapi.sip.errors import LocalProtocolError
from callapi.sip.messages.headers import Headers
from callapi.sip.messages.message import Message, Request, Response
from callapi.sip.messages.parser import parse_message
from callapi.sip.messages.uri import SipUri
from callapi.sip.messages.writer import write_message
from tests.sip.strategies import messages


def test_a_request() -> None:
    request = Request(
        "OPTIONS",
        SipUri.parse("sip:bob@[::1];lr"),
        Headers(
            [("v", "SIP/2.0/UDP h"), ("To", '"Jürgen" <sip:bob@h>'), ("l", "99"), ("v", "SIP/2.0/TCP i")]
        ),
        b"\0\r\n",
    )
    assert (
        write_message(request)
        == (
            "OPTIONS sip:bob@[::1];lr SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nVia: SIP/2.0/TCP i\r\n"
            'To: "Jürgen" <sip:bob@h>\r\nContent-Length: 3\r\n\r\n\0\r\n'
        ).encode()
    )


def test_a_response_without_a_reason() -> None:
    """RFC 4475 §3.1.1.13: the space stays."""
    assert write_message(Response(100, "")) == b"SIP/2.0 100 \r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_a_value_does_not_become_another_field(end: str) -> None:
    with pytest.raises(LocalProtocolError):
        write_message(Response(200, "OK", Headers([("X-A", f"1{end}X-Injected: 2")])))
    with pytest.raises(LocalProtocolError):
        write_message(Response(200, f"OK{end}X-Injected: 2"))


@given(messages())
def test_what_is_written_is_read_back(message: Message) -> None:
    assert parse_message(write_message(message)) == message
