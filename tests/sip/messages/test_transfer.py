"""Refer-To, Replaces and sipfrag."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callapi.sip.errors import ParseError
from callapi.sip.messages.headers import Headers
from callapi.sip.messages.message import Request
from callapi.sip.messages.transfer import (
    ReferTo,
    Replaces,
    make_sipfrag,
    read_refer_to,
    read_replaces,
    sipfrag_status,
)
from callapi.sip.messages.uri import SipUri

URI = SipUri.parse("sip:bob@example.com")


@pytest.mark.parametrize(
    ("text", "replaces"),
    [
        ("a@b;to-tag=1;from-tag=2", Replaces("a@b", "1", "2")),
        ("a@b ; from-tag=2 ;to-tag=1;early-only", Replaces("a@b", "1", "2", True)),
    ],
)
def test_replaces(text: str, replaces: Replaces) -> None:
    assert Replaces.parse(text) == replaces
    assert Replaces.parse(str(replaces)) == replaces


@pytest.mark.parametrize(
    "text", ["", "a@b", "a;to-tag=1", "a;from-tag=1;to-tag=", "a;to-tag=1;to-tag=1;from-tag=2"]
)
def test_a_replaces_without_both_tags(text: str) -> None:
    with pytest.raises(ParseError):
        Replaces.parse(text)


def test_a_target_with_all_that_it_may_have() -> None:
    text = (
        '"Bob" <sip:bob@example.com;method=INVITE;transport=tcp'
        "?Replaces=12%40h%3Bto-tag%3D1%3Bfrom-tag%3D2&Require=replaces&Subject=a%20b>"
    )
    target = ReferTo.parse(text)
    assert target.text == text
    assert target.uri == SipUri.parse("sip:bob@example.com;transport=tcp")
    assert target.method == "INVITE"
    assert target.headers == (("Require", "replaces"), ("Subject", "a b"))
    assert target.replaces == Replaces("12@h", "1", "2")


@pytest.mark.parametrize(
    "text",
    [
        "<sip:bob@example.com>",
        "sip:bob@example.com",
        "sip:bob@example.com;x=1",
        "sip:bob@example.com?Subject=x",
    ],
)
def test_plain_targets(text: str) -> None:
    target = ReferTo.parse(text)
    assert target.uri == URI or str(target.uri) == "sip:bob@example.com;x=1"
    assert target.replaces is None


def test_a_target_of_another_scheme() -> None:
    assert str(ReferTo.parse("<tel:+15550100>").uri) == "tel:+15550100"
    assert ReferTo.parse("<sip:bob@example.com;method=bye>").method == "BYE"


@pytest.mark.parametrize(
    "text",
    [
        "<sip:bob@example.com?Replaces=x>",
        "<sip:b@h?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2&replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2>",
        "<sip:bob@example.com?X=" + "x" * 3000 + ">",
        "<>",
    ],
)
def test_targets_that_are_none(text: str) -> None:
    with pytest.raises(ParseError):
        ReferTo.parse(text)


def test_headers_that_may_be_given_once() -> None:
    for values in ((), ("<sip:a@h>", "<sip:b@h>")):
        with pytest.raises(ParseError):
            read_refer_to(Request("REFER", URI, Headers([("Refer-To", each) for each in values])))
    twice = Headers([("Replaces", "a;to-tag=1;from-tag=2")] * 2)
    with pytest.raises(ParseError):
        read_replaces(Request("INVITE", URI, twice))
    assert read_replaces(Request("INVITE", URI)) is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"SIP/2.0 200 OK\r\n", (200, "OK")),
        (b"\r\nSIP/2.0 180 Ringing", (180, "Ringing")),
        (b"SIP/2.0 603", (603, "")),
        (b"SIP/2.0 486 Busy Here\r\nTo: x\r\n", (486, "Busy Here")),
        (b"", None),
        (b"INVITE sip:a@h SIP/2.0\r\n", None),
        (b"SIP/2.0 2000 x", None),
    ],
)
def test_status_lines(body: bytes, status: tuple[int, str] | None) -> None:
    assert sipfrag_status(body) == status
    if status is not None and status[1]:
        assert sipfrag_status(make_sipfrag(*status)) == status


@given(st.text(max_size=300) | st.text(alphabet='<>?;=&%@:"sip replacesREPLACES-tag01', max_size=120))
def test_any_text_is_a_target_or_a_parse_error(text: str) -> None:
    for read in (ReferTo.parse, Replaces.parse):
        with contextlib.suppress(ParseError):
            read(text)


@given(st.binary(max_size=300))
def test_any_body_has_a_status_or_none(body: bytes) -> None:
    found = sipfrag_status(body)
    assert found is None or 100 <= found[0] < 700
