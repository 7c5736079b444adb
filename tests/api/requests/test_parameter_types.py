"""What parameters may be, and what they become."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callapi.api.requests.parameter_types import (
    BOOLEAN,
    METHOD,
    PARTY,
    SIP_URI,
    SPAN,
    URL,
    Kind,
    choice,
    networks,
    text,
    whole,
    words,
)

KINDS: dict[str, Kind[Any]] = {
    "boolean": BOOLEAN,
    "method": METHOD,
    "networks": networks(3),
    "party": PARTY,
    "sip": SIP_URI,
    "span": SPAN,
    "url": URL,
    "choice": choice("a", "B", also={"1": "a"}),
    "text": text(maximum=10),
    "whole": whole(-5, 5),
    "words": words("a", "b"),
}


@pytest.mark.parametrize(
    ("kind", "given_text", "value"),
    [
        ("boolean", "True", True),
        ("boolean", "false", False),
        ("method", "get", "GET"),
        ("party", " 15550100", "+15550100"),
        ("sip", "sip:a@b;transport=tls", "sip:a@b;transport=tls"),
        ("url", "HTTPS://[::1]:8/x?y#z", "HTTPS://[::1]:8/x?y#z"),
        ("choice", "b", "B"),
        ("choice", "1", "a"),
        ("whole", "-5", -5),
    ],
)
def test_good(kind: str, given_text: str, value: object) -> None:
    """Read as meant."""
    assert KINDS[kind].read([given_text]) == value


@pytest.mark.parametrize(
    ("kind", "given_text"),
    [
        ("boolean", "yes"),
        ("method", "HEAD"),
        ("sip", "sip:"),
        ("sip", "sip:a@b;transport=ws"),
        ("span", "2026-13-01"),
        ("span", "9999-12-31"),
        ("span", "17.11.2026"),
        ("url", "http://"),
        ("url", "http://a b"),
        ("url", "http://a:0"),
        ("url", "javascript:x"),
        ("url", "http://127.0.0.1/" + "x" * 2048),
        ("text", "a\x1bb"),
        ("text", "x" * 11),
        ("whole", "6"),
        ("whole", "5.0"),
        ("whole", "٣"),
        ("words", "a,c"),
        ("networks", "::1 ::2 ::3 ::4"),
        ("networks", "example.net"),
        ("networks", "0.0.0.0/0"),
    ],
)
def test_bad(kind: str, given_text: str) -> None:
    """`ValueError` whose text goes on after the parameter's name."""
    with pytest.raises(ValueError, match=r"^must "):
        KINDS[kind].read([given_text])


def test_a_date_is_a_day_and_an_instant_a_second() -> None:
    """UTC, unless the instant says otherwise."""
    day = SPAN.read(["2026-11-17"])
    assert (day.begin, day.end) == (datetime(2026, 11, 17, tzinfo=UTC), datetime(2026, 11, 18, tzinfo=UTC))
    second = SPAN.read(["2026-11-17T10:00:00+01:00"])
    assert (second.begin.hour, (second.end - second.begin).seconds) == (9, 1)


def test_words_in_every_writing() -> None:
    """Repeated, with spaces, with commas; each once, in their order."""
    assert KINDS["words"].read(["b , a", "b"]) == ("b", "a")


@pytest.mark.parametrize("name", KINDS)
@given(value=st.text(max_size=40))
def test_anything(name: str, value: str) -> None:
    """A value or a `ValueError`."""
    try:
        KINDS[name].read([value])
    except ValueError as error:
        assert str(error).startswith("must ")  # noqa: PT017 - either outcome is right
