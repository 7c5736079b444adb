"""RFC 3261 §7 and §8.2.6: what machines read from a message, and how a request is answered."""

import pytest

from callapi.sip.errors import ParseError
from callapi.sip.messages.headers import CSeq, Headers, NameAddr
from callapi.sip.messages.message import (
    REASONS,
    Request,
    Response,
    UnreadableMessage,
    make_refusal,
    make_response,
)
from callapi.sip.messages.uri import SipUri


def invite(*more: tuple[str, str]) -> Request:
    return Request(
        "INVITE",
        SipUri.parse("sip:bob@example.com"),
        Headers(
            [
                ("Via", "SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/TCP b;branch=z9hG4bK2"),
                ("Via", "SIP/2.0/TLS c"),
                ("From", "Alice <sip:alice@example.com>;tag=f"),
                ("To", "sip:bob@example.com"),
                ("Call-ID", "1@a"),
                ("CSeq", "7 INVITE"),
                *more,
            ]
        ),
    )


def test_what_machines_read() -> None:
    request = invite(
        ("Contact", "<sip:a@h>, <sip:b@h>;q=0.5"),
        ("Contact", "sip:c@h"),
        ("Route", "<sip:p1;lr>, <sip:p2;lr>"),
        ("Record-Route", "<sip:r1;lr>"),
        ("Max-Forwards", "0068"),
        ("Content-Type", "Application/SDP ; charset=utf-8"),
        ("Expires", "60"),
        ("Supported", "timer, 100rel"),
        ("k", "path"),
        ("Require", ""),
    )
    assert [via.host for via in request.vias] == ["a", "b", "c"]
    assert request.via.branch == "z9hG4bK1"
    assert request.from_.tag == "f"
    assert request.to == NameAddr(None, SipUri.parse("sip:bob@example.com"))
    assert request.call_id == "1@a"
    assert request.cseq == CSeq(7, "INVITE")
    assert [str(each.uri) for each in request.contacts] == ["sip:a@h", "sip:b@h", "sip:c@h"]
    assert request.contact == request.contacts[0]
    assert [str(each) for each in request.routes] == ["<sip:p1;lr>", "<sip:p2;lr>"]
    assert [str(each) for each in request.record_routes] == ["<sip:r1;lr>"]
    assert request.max_forwards == 68
    assert request.content_type == "application/sdp"
    assert request.expires == 60
    assert request.supported == {"timer", "100rel", "path"}
    assert request.require == frozenset()
    assert not request.has_wildcard_contact


def test_what_is_absent() -> None:
    request = invite()
    assert request.contact is None
    assert request.contacts == request.routes == request.record_routes == ()
    assert request.max_forwards is None
    assert request.content_type is None
    assert request.expires is None


@pytest.mark.parametrize("name", ["via", "from_", "to", "call_id", "cseq"])
def test_what_must_be_there(name: str) -> None:
    with pytest.raises(ParseError, match="is missing"):
        getattr(Response(200, "OK"), name)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("4294967295", 2**32 - 1),
        ("4294967296", None),
        ("1" * 100, None),
        ("soon", None),
        ("-1", None),
        ("²", None),
    ],
)
def test_malformed_expires_counts_as_absent(value: str, seconds: int | None) -> None:
    assert invite(("Expires", value)).expires == seconds


@pytest.mark.parametrize(("value", "hops"), [("255", 255), ("256", None), ("300", None), ("9" * 99, None)])
def test_too_many_forwards_count_as_absent(value: str, hops: int | None) -> None:
    """RFC 4475 §3.1.2.4."""
    assert invite(("Max-Forwards", value)).max_forwards == hops


@pytest.mark.parametrize("value", ["-1", "many", "", "7 0"])
def test_malformed_forwards(value: str) -> None:
    with pytest.raises(ParseError):
        _ = invite(("Max-Forwards", value)).max_forwards


def test_wildcard_contact() -> None:
    assert invite(("Contact", "*")).has_wildcard_contact
    assert invite(("Contact", " *")).contacts == ()
    mixed = invite(("Contact", "*, <sip:a@h>"))
    assert mixed.has_wildcard_contact
    assert len(mixed.contacts) == 1


def test_what_is_read_follows_the_headers() -> None:
    request = invite()
    assert request.to.tag is None
    request.headers.set("To", "<sip:bob@example.com>;tag=t")
    assert request.to.tag == "t"


def test_a_response_copies_what_it_must() -> None:
    request = invite(("Record-Route", "<sip:r;lr>"), ("Timestamp", "54"), ("Subject", "x"))
    response = make_response(
        request,
        200,
        to_tag="t",
        headers=[("Contact", "<sip:b@h>")],
        body=b"v=0",
        content_type="application/sdp",
    )
    assert (response.status, response.reason, response.body) == (200, "OK", b"v=0")
    assert response.headers.items() == [
        ("Via", "SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/TCP b;branch=z9hG4bK2"),
        ("Via", "SIP/2.0/TLS c"),
        ("From", "Alice <sip:alice@example.com>;tag=f"),
        ("To", "sip:bob@example.com;tag=t"),
        ("Call-ID", "1@a"),
        ("CSeq", "7 INVITE"),
        ("Record-Route", "<sip:r;lr>"),
        ("Contact", "<sip:b@h>"),
        ("Content-Type", "application/sdp"),
    ]
    assert response.to.tag == "t"
    assert request.to.tag is None
    assert response.is_final
    assert response.is_success
    assert not response.is_provisional


def test_trying_has_no_tag_and_the_timestamp() -> None:
    """RFC 3261 §8.2.6.1 and §8.2.6.2."""
    trying = make_response(invite(("Timestamp", "54"), ("Record-Route", "<sip:r;lr>")), 100, to_tag="t")
    assert trying.to.tag is None
    assert trying.headers.get("Timestamp") == "54"
    assert "Record-Route" not in trying.headers
    assert trying.is_provisional


def test_a_refusal_has_no_record_route_and_keeps_a_tag() -> None:
    request = invite(("Record-Route", "<sip:r;lr>"))
    request.headers.set("To", "<sip:bob@example.com>;tag=theirs")
    response = make_response(request, 481, to_tag="ours")
    assert response.to.tag == "theirs"
    assert response.reason == REASONS[481] == "Call/Transaction Does Not Exist"
    assert "Record-Route" not in response.headers


def test_reasons() -> None:
    assert make_response(invite(), 499).reason == "Unknown"
    assert make_response(invite(), 486, "Out To Lunch").reason == "Out To Lunch"


def test_refusing_what_does_not_parse() -> None:
    headers = invite().headers
    answer = make_refusal(UnreadableMessage(ParseError("bad", 505), headers), "t")
    assert answer is not None
    assert answer.status == 505
    assert answer.headers.get("To") == "sip:bob@example.com;tag=t"
    assert make_refusal(ParseError("bad")) is None
    headers.remove("To")
    untagged = make_refusal(UnreadableMessage(ParseError("bad", 400), headers), "t")
    assert untagged is not None
    assert "To" not in untagged.headers


@pytest.mark.parametrize("to", ['"unbalanced <sip:a@h>', "<sip:a@h>;tag=theirs"])
def test_a_refusal_does_not_touch_an_odd_to(to: str) -> None:
    headers = invite().headers
    headers.set("To", to)
    answer = make_refusal(UnreadableMessage(ParseError("bad", 400), headers), "t")
    assert answer is not None
    assert answer.headers.get("To") == to
