"""URLs of streams: resolved against the document, refused by scheme, signed without their query."""

import pytest

from callapi.streams.errors import WrongScheme
from callapi.streams.url import parse, resolve


@pytest.mark.parametrize(
    ("document", "written", "expected"),
    [
        ("http://app.test/voice", "/media", "ws://app.test/media"),
        ("https://app.test/a/voice", "media?x=1", "wss://app.test/a/media?x=1"),
        ("http://app.test:81/voice", "ws://other.test/x", "ws://other.test/x"),
        ("http://app.test/voice", " wss://other.test/x ", "wss://other.test/x"),
        ("http://app.test/voice", "http://app.test/x", "http://app.test/x"),
        ("http://app.test/voice", "//other.test/x", "ws://other.test/x"),
    ],
)
def test_a_relative_url_resolves_and_http_becomes_ws(document: str, written: str, expected: str) -> None:
    """An absolute URL stays as it is, also one that cannot be connected to."""
    assert resolve(document, written) == expected


@pytest.mark.parametrize(
    "text", ["http://a.test/x", "ftp://a.test/x", "", "ws://", "wss:///x", "ws://a:99999/", "x"]
)
def test_other_urls_are_refused(text: str) -> None:
    """31922, whatever is wrong with it."""
    with pytest.raises(WrongScheme):
        parse(text)


def test_credentials_become_a_header_and_are_not_signed() -> None:
    """`user:password@` is HTTP Basic; the signature covers the URL without it."""
    url = parse("wss://me:s%20x@app.test/media?b=2&a=1#frag")
    assert url.text == "wss://app.test/media?b=2&a=1"
    assert url.authorization == "Basic bWU6cyB4"
    assert (url.host, url.port, url.is_secure) == ("app.test", 443, True)
    assert url.signed_base == "wss://app.test/media"
    assert url.signed_parameters == (("b", "2"), ("a", "1"))


def test_an_empty_path_is_written_out() -> None:
    """The request line has a `/`, and so has what is signed."""
    assert parse("ws://app.test:9000").text == "ws://app.test:9000/"


def test_a_url_has_a_bound() -> None:
    with pytest.raises(WrongScheme, match="has 8193 characters; at most 8192 are allowed"):
        parse("ws://a.test/".ljust(8193, "x"))


def test_a_document_url_that_cannot_be_joined_leaves_the_text() -> None:
    """The text is refused later, with the message of `parse`."""
    assert resolve("http://[::1/voice", "/media") == "/media"
