"""RFC 3261 §8.2: what is refused before anyone sees it, and with which header."""

import pytest

from callapi.sip.endpoint.inspection import ALLOWED, InspectionRefusal, inspect
from callapi.sip.messages.message import Request
from tests.sip.invite_session.support import OFFER, invite, parse_request


def inspected(request: Request) -> InspectionRefusal | None:
    return inspect(request, allow=ALLOWED, min_se=90)


def other(method: str, uri: str = "sip:bob@192.0.2.2", extra: str = "") -> Request:
    return parse_request(
        f"""{method} {uri} SIP/2.0
        Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1
        From: <sip:alice@192.0.2.1>;tag=alice
        To: <sip:bob@192.0.2.2>
        Call-ID: call
        CSeq: 1 {method}
        {extra}""".rstrip()
    )


@pytest.mark.parametrize(
    "request_",
    [
        invite(),
        invite(b""),
        invite(extra="Require: 100rel, timer"),
        invite(extra="Accept: text/plain;q=0.1, application/sdp"),
        invite(extra="Accept: */*"),
        invite(extra="Content-Encoding: identity"),
        invite(extra="Max-Forwards: 1"),
        other("OPTIONS"),
        other("BYE"),
    ],
)
def test_welcome(request_: Request) -> None:
    assert inspected(request_) is None


@pytest.mark.parametrize("method", ["REGISTER", "MESSAGE", "SUBSCRIBE", "PUBLISH", "NewMethod"])
def test_methods(method: str) -> None:
    refusal = inspected(other(method))
    assert refusal == InspectionRefusal(
        405, (("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY"),)
    )
    assert inspect(other("REGISTER"), allow=(*ALLOWED, "REGISTER"), min_se=90) is None


@pytest.mark.parametrize(
    ("request_", "status", "header"),
    [
        (other("INVITE", "soap.beep://h/x"), 416, None),
        (other("OPTIONS", "tel:+1"), 416, None),
        (other("OPTIONS", extra="Max-Forwards: 0"), 483, None),
        (invite(extra="Require: nothing, 100rel, this"), 420, ("Unsupported", "nothing, this")),
        (invite(extra="Content-Encoding: gzip"), 415, ("Accept-Encoding", "identity")),
        (
            invite(extra="Accept: text/plain"),
            406,
            ("Warning", '399 callapi "the answer would be application/sdp"'),
        ),
        (invite(extra="Supported: timer\nSession-Expires: 30"), 422, ("Min-SE", "90")),
    ],
)
def test_refusals(request_: Request, status: int, header: tuple[str, str] | None) -> None:
    refusal = inspected(request_)
    assert refusal is not None
    assert (refusal.status, refusal.headers) == (status, (header,) if header else ())


def test_a_body_of_an_unknown_type() -> None:
    request = invite(OFFER)
    request.headers.set("Content-Type", "application/vnd.unknown")
    assert inspected(request) == InspectionRefusal(415, (("Accept", "application/sdp"),))
    request.headers.set("Content-Disposition", "render ; handling = optional")
    assert inspected(request) is None


def test_a_number_may_be_called_by_its_tel_uri() -> None:
    """RFC 3966."""
    assert inspected(other("INVITE", "tel:+15550100")) is None
