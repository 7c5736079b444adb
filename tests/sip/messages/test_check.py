"""What a message must satisfy: RFC 3261 §8.1.1, and RFC 4475 §3.3.1, §3.3.8, §3.3.9."""

import pytest

from callapi.sip.errors import ParseError
from callapi.sip.messages.check import check_syntax, find_fault
from tests.sip.messages.test_message import invite


def test_a_good_request() -> None:
    request = invite(("Max-Forwards", "70"))
    check_syntax(request)
    assert find_fault(request) is None


@pytest.mark.parametrize("name", ["Via", "From", "To", "Call-ID", "CSeq"])
def test_what_is_missing(name: str) -> None:
    request = invite()
    request.headers.remove(name)
    check_syntax(request)
    assert find_fault(request) == f"{name} is missing"


def test_an_empty_call_id_is_missing() -> None:
    request = invite()
    request.headers.set("Call-ID", "")
    assert find_fault(request) == "Call-ID is missing"


@pytest.mark.parametrize("name", ["From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Length"])
def test_what_is_given_twice(name: str) -> None:
    request = invite(("Max-Forwards", "70"), ("Content-Length", "0"))
    request.headers.add(name, request.headers.get(name) or "")
    assert find_fault(request) == f"{name} is given more than once"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Contact", "<sip:a@h>;;"),
        ("Route", "<sip:a@h"),
        ("Record-Route", "x y"),
        ("Date", "yesterday"),
        ("Max-Forwards", "-1"),
        ("CSeq", "0 ACK"),
        ("CSeq", "0 invite"),
    ],
)
def test_what_is_malformed(name: str, value: str) -> None:
    request = invite()
    request.headers.set(name, value)
    with pytest.raises(ParseError):
        check_syntax(request)
