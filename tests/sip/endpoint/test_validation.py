"""What our own side may not say."""

import pytest

from callapi.sip.endpoint.validation import add_headers, validate
from callapi.sip.errors import LocalProtocolError
from callapi.sip.invite_session.commands import (
    Accept,
    Command,
    HangUp,
    Offer,
    Refuse,
    RefuseOffer,
    Ring,
    SendInfo,
)
from tests.sip.invite_session.support import invite

BAD = (("X", "a\r\nVia: b"),)


@pytest.mark.parametrize(
    "command",
    [
        Ring(180, "Ringing", b"", (("X-A", "b"),)),
        Accept(b"a\r\nb", ()),
        Refuse(404, None, ()),
        RefuseOffer(488, ()),
        HangUp('Q.850;cause=16;text="bye"', ()),
        SendInfo("text/plain", b"\r\n"),
        Offer(b"\r\n"),
    ],
)
def test_fine(command: Command) -> None:
    validate(command)


@pytest.mark.parametrize(
    "command",
    [
        Ring(200, None, b"", ()),
        Ring(100, None, b"", ()),
        Ring(180, "a\nb", b"", ()),
        Refuse(200, None, ()),
        Refuse(700, None, ()),
        Refuse(404, None, BAD),
        RefuseOffer(199, ()),
        RefuseOffer(488, BAD),
        HangUp("a\r\nb", ()),
        HangUp(None, (("X Y", "b"),)),
        Accept(b"", (("X\n", "b"),)),
        SendInfo("text/plain\r\nX: y", b""),
    ],
)
def test_not_fine(command: Command) -> None:
    with pytest.raises(LocalProtocolError):
        validate(command)


def test_headers_of_a_request() -> None:
    request = invite(extra="Max-Forwards: 70")
    add_headers(request, (("X-A", "1"), ("X-A", "2"), ("max-forwards", "5")))
    assert request.headers.get_all("X-A") == ["1", "2"]
    assert request.headers.get_all("Max-Forwards") == ["5"]


def test_headers_that_are_none() -> None:
    for bad in (BAD, (("", "a"),), (("X:", "a"),)):
        with pytest.raises(LocalProtocolError):
            add_headers(invite(), bad)
    request = invite()
    request.headers.set("To", "<sip:a@b>\r\nX: y")
    with pytest.raises(LocalProtocolError):
        add_headers(request, ())
