"""Readers that no property of a message exposes; the others are tested with the messages."""

import pytest

from callapi.sip.errors import ParseError
from callapi.sip.messages.readers import READERS, read_date


def test_date() -> None:
    """RFC 3261 §20.17."""
    assert read_date(["Sat, 13 Nov 2010 23:29:00 GMT"]) == "Sat, 13 Nov 2010 23:29:00 GMT"
    assert read_date([]) is None


@pytest.mark.parametrize(
    "text",
    [
        "Fri, 01 Jan 2010 16:00:00 EST",
        "Fri, 01 Jan 2010 16:00 GMT",
        "tomorrow",
        "",
        "01 Jan 2010 16:00:00 GMT",
    ],
)
def test_bad_dates(text: str) -> None:
    with pytest.raises(ParseError):
        read_date([text])


def test_readers_are_listed_by_key() -> None:
    assert all(name == name.lower() for name in READERS)
