"""Digits in INFO, as phones and gateways spell them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callapi.sip.messages.info import InfoDigits, is_understood, read_info


@pytest.mark.parametrize(
    ("content_type", "body", "digits"),
    [
        ("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n", "5"),
        ("application/dtmf-relay", b"signal=5\nduration=160", "5"),
        ("application/dtmf-relay", b"SIGNAL= *\r\n", "*"),
        ("application/dtmf-relay", b"Signal : #\r\nDuration : 100", "#"),
        ("application/dtmf-relay", b"Duration=250\r\nSignal=d", "D"),
        ("application/dtmf-relay", b"Signal=10", "*"),
        ("application/dtmf-relay", b"Signal=11", "#"),
        ("application/dtmf-relay", b"Signal=15", "D"),
        ("application/dtmf-relay", b'Signal="7"', "7"),
        ("application/dtmf-relay", b"5", "5"),
        ("Application/DTMF-Relay; charset=utf-8", b"Signal=1", "1"),
        ("application/dtmf", b"5", "5"),
        ("application/dtmf", b" #\r\n", "#"),
        ("application/dtmf", b"11", "#"),
        ("application/dtmf", b"dtmf=9", "9"),
        ("application/dtmf", b"4711", "4711"),
        ("audio/telephone-event", b"Signal=5\r\nDuration=160", "5"),
        ("audio/telephone-event", b"5", "5"),
        ("application/vnd.nortelnetworks.digits", b"p=Digit-Collection\r\ny=Digits\r\nd=8\r\n", "8"),
        ("application/dtmf-relay", b"Signal=16", ""),
        ("application/dtmf-relay", b"Signal=flash", ""),
    ],
)
def test_spellings(content_type: str, body: bytes, digits: str) -> None:
    assert read_info(content_type, body) == InfoDigits(digits)


def test_an_rtp_event_in_the_body() -> None:
    """RFC 4733 §2.3."""
    assert read_info("audio/telephone-event;rate=8000", b"\x0b\x8a\x03\x20") == InfoDigits(
        "#", 800, is_event=True, is_end=True
    )
    assert read_info("audio/telephone-event", b"\x10\x0a\x03\x20") is None


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        ("", b"", True),
        ("text/plain", b"hello", True),
        ("application/media_control+xml", b"<media_control/>", True),
        ("application/dtmf-relay", b"Signal=5", True),
        ("application/dtmf-relay", b"Signal=hello", False),
        ("application/dtmf-relay", b"Duration=160", False),
        ("application/dtmf", b"\xff\xfe", False),
        ("application/isup", b"\x01", False),
        ("application/json", b'{"signal": 5}', False),
    ],
)
def test_what_gets_200_and_what_415(content_type: str, body: bytes, *, expected: bool) -> None:
    """RFC 6086 §4.2.2: a body that is not understood is refused, so that its sender may try another way."""
    assert is_understood(content_type, body) is expected


@given(st.text(max_size=30), st.binary(max_size=60))
def test_any_body_is_survived(content_type: str, body: bytes) -> None:
    read_info(content_type, body)
    for kind in ("application/dtmf-relay", "application/dtmf", "audio/telephone-event"):
        found = read_info(kind, body)
        assert found is None or set(found.digits) <= set("0123456789*#ABCD")
