"""Both signatures, against Twilio's own validator and against what docs/webhooks.md shows users."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict
from twilio.request_validator import RequestValidator

from callapi.webhooks.encoding import first_step, write_request
from callapi.webhooks.exchange import Parameters, WebRequest
from callapi.webhooks.signature import callapi_signature, twilio_signature

TOKEN = "12345678901234567890123456789012"
DOCUMENTATION = Path(__file__).parents[2] / "docs" / "webhooks.md"


def _is_valid(url: str, parameters: Parameters, signature: str) -> bool:
    return bool(RequestValidator(TOKEN).validate(url, MultiDict(parameters), signature))


@pytest.mark.parametrize(
    ("url", "parameters"),
    [
        ("https://example.com/voice", (("CallSid", "CA1"), ("From", "+15550001"), ("Digits", "1234"))),
        ("https://example.com/voice?foo=1&bar=2", (("CallSid", "CA1"),)),
        ("https://example.com:8443/voice", (("a", "1"),)),
        ("http://example.com:8080/voice?x=%20y", (("zz", "last"), ("Aa", "first"))),
        ("https://example.com/voice", ()),
        ("https://example.com/voice?CallSid=CA1&From=%2B15550001", ()),
        ("http://example.com/voice", (("tag", "b"), ("tag", "a"), ("tag", "b"))),
        ("http://example.com/voice", (("Überschrift", "Grüße ☎"), ("Empty", ""))),
    ],
)
def test_twilios_validator_accepts_the_signature(url: str, parameters: Parameters) -> None:
    signature = twilio_signature(url, parameters, TOKEN)
    assert _is_valid(url, parameters, signature)
    assert not _is_valid(url, (*parameters, ("more", "x")), signature)
    assert not _is_valid(url.replace("voice", "other"), parameters, signature)


def test_twilios_published_example() -> None:
    """The figures of Twilio's security page."""
    parameters = (
        ("CallSid", "CA1234567890ABCDE"),
        ("Caller", "+14158675310"),
        ("Digits", "1234"),
        ("From", "+14158675310"),
        ("To", "+18005551212"),
    )
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert twilio_signature(url, parameters, "12345") == "GvWf1cFY/Q7PnoempGyD5oXAezc="


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(st.lists(st.tuples(st.text("abcXYZ", min_size=1, max_size=3), _TEXT), max_size=8))
def test_any_form_is_signed_as_twilios_validator_reads_it(pairs: list[tuple[str, str]]) -> None:
    parameters = tuple(pairs)
    assert _is_valid(
        "http://example.com:9000/voice",
        parameters,
        twilio_signature("http://example.com:9000/voice", parameters, TOKEN),
    )


@given(st.lists(st.tuples(_TEXT, _TEXT), min_size=1, max_size=5))
def test_a_get_is_signed_over_the_url_that_goes_out(pairs: list[tuple[str, str]]) -> None:
    request = WebRequest("http://example.com/voice?own=1", "GET", tuple(pairs), TOKEN)
    outgoing = write_request(first_step(request), request, 0)
    assert _is_valid(str(outgoing.url), (), outgoing.headers["X-Twilio-Signature"])


def _documented_verify() -> Callable[..., bool]:
    """The function that docs/webhooks.md gives to users of Python."""
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENTATION.read_text(encoding="utf-8"), re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(next(block for block in blocks if "def verify" in block), namespace)
    verify: Callable[..., bool] = namespace["verify"]
    return verify


def test_the_documented_example_verifies_our_signature() -> None:
    verify = _documented_verify()
    url, body = "https://example.com/status?own=1", b"CallSid=CA1&From=%2B15550001"
    signature = callapi_signature(url, body, TOKEN, 1_790_000_000)
    assert re.fullmatch(r"t=1790000000,v1=[0-9a-f]{64}", signature)
    assert verify(signature, url, body, TOKEN, now=1_790_000_010)


@pytest.mark.parametrize(
    ("url", "body", "token", "now"),
    [
        ("https://example.com/other", b"a=b", TOKEN, 1_790_000_000),
        ("https://example.com/status", b"a=c", TOKEN, 1_790_000_000),
        ("https://example.com/status", b"a=b", "another", 1_790_000_000),
        ("https://example.com/status", b"a=b", TOKEN, 1_790_000_000 + 3600),
    ],
    ids=["url", "body", "token", "time"],
)
def test_the_documented_example_refuses_what_was_not_signed(
    url: str, body: bytes, token: str, now: int
) -> None:
    signature = callapi_signature("https://example.com/status", b"a=b", TOKEN, 1_790_000_000)
    assert not _documented_verify()(signature, url, body, token, now=now)


@pytest.mark.parametrize("header", ["", "t=1", "v1=00", "t=x,v1=00", "garbage", "t=1790000000,v1=zz"])
def test_the_documented_example_refuses_garbage(header: str) -> None:
    assert not _documented_verify()(header, "https://example.com/", b"", TOKEN, now=1_790_000_000)
