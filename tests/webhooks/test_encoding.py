"""How requests are written: URLs, query, form, credentials, headers."""

from urllib.parse import parse_qsl, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callapi.webhooks.encoding import (
    FORM,
    Outgoing,
    first_step,
    parse_url,
    quoted,
    without_credentials,
    write_request,
)
from callapi.webhooks.exchange import WebRequest


def _written(request: WebRequest) -> Outgoing:
    return write_request(first_step(request), request, 1_790_000_000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://example.com", "http://example.com/"),
        ("HTTP://Example.COM:80/a", "http://example.com/a"),
        ("https://example.com:443/a?x=1#part", "https://example.com/a?x=1"),
        ("https://example.com:8443/a", "https://example.com:8443/a"),
        (" http://example.com/a b ", "http://example.com/a%20b"),
        ("http://example.com/ä?ö=ü", "http://example.com/%C3%A4?%C3%B6=%C3%BC"),
        ("http://bücher.example/", "http://xn--bcher-kva.example/"),
        ("http://[::1]:9000/a", "http://[::1]:9000/a"),
        ("http://example.com/a%2Fb", "http://example.com/a%2Fb"),
        ("http://example.com/?a=1&&b;c", "http://example.com/?a=1&&b;c"),
        ("http://example.com/?p=%2Fa%2fb", "http://example.com/?p=%2Fa%2fb"),
        ("http://example.com/caf%c3%a9/%7Euser", "http://example.com/caf%c3%a9/%7Euser"),
        ("http://example.com/?list[]=1|2&x={y}", "http://example.com/?list[]=1|2&x={y}"),
        ("http://example.com/?q=a+b%20c&e=&f", "http://example.com/?q=a+b%20c&e=&f"),
        ("http://example.com/?u=https://x.example/?a=b", "http://example.com/?u=https://x.example/?a=b"),
        ("http://example.com/?off=50%", "http://example.com/?off=50%"),
        ('http://example.com/?q="a"<b>^`\\', 'http://example.com/?q="a"<b>^`\\'),
        ("http://example.com/?a b\x7f", "http://example.com/?a%20b%7F"),
        ("http://example.com/a/../b//c/./d", "http://example.com/a/../b//c/./d"),
        ("http://example.com?x=/", "http://example.com/?x=/"),
        ("http://u:p@example.com/@a?b@c#d?e", "http://example.com/@a?b@c"),
        ("http://example.com/\r\nX-Evil: 1", "http://example.com/X-Evil:%201"),
        ("http://example.com/" + 10_000 * "ä", "http://example.com/" + 10_000 * "%C3%A4"),
    ],
)
def test_path_and_query_stay_as_they_were_written(text: str, expected: str) -> None:
    assert parse_url(text).text == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/voice",
        "voice.xml",
        "ftp://example.com/",
        "file:///etc/passwd",
        "sip:bob@example.com",
        "http:///voice",
        "http://example.com:99999/",
        "http://[::1/",
        "http://:80/",
        "http://\ud800/",
    ],
)
def test_what_cannot_be_asked_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^it "):
        parse_url(text)


def test_credentials_become_a_header_and_are_seen_nowhere_else() -> None:
    request = WebRequest("https://us%40er:p%3Aass@example.com/voice", token="t")
    outgoing = _written(request)
    assert outgoing.headers["Authorization"] == "Basic dXNAZXI6cDphc3M="
    assert str(outgoing.url) == "https://example.com/voice"
    assert without_credentials(request.url) == "https://example.com/voice"
    unsigned_elsewhere = WebRequest("https://example.com/voice", token="t")
    assert (
        outgoing.headers["X-Twilio-Signature"] == _written(unsigned_elsewhere).headers["X-Twilio-Signature"]
    )


def test_what_is_no_url_is_shown_without_what_might_be_a_password() -> None:
    assert without_credentials("htp://user:secret@example.com/") == "example.com/"
    assert without_credentials("http://user:secret@example.com:99999/") == "example.com:99999/"


def test_get_appends_to_the_query_that_is_there() -> None:
    request = WebRequest("http://example.com/voice?own=a%2Bb", "GET", (("From", "+1555"), ("To", "ä&b")))
    outgoing = _written(request)
    assert str(outgoing.url) == "http://example.com/voice?own=a%2Bb&From=%2B1555&To=%C3%A4%26b"
    assert outgoing.body is None
    assert "Content-Type" not in outgoing.headers


@pytest.mark.parametrize("url", ["http://example.com/voice", "http://example.com/voice?"])
def test_get_begins_a_query(url: str) -> None:
    assert str(_written(WebRequest(url, "GET", (("a", "1"),))).url) == "http://example.com/voice?a=1"
    assert str(_written(WebRequest(url, "GET")).url) == "http://example.com/voice"


def test_post_keeps_the_query_in_the_url_and_the_parameters_in_the_form() -> None:
    request = WebRequest("http://example.com/voice?own=1", "POST", (("a", "1 2"), ("a", "☎"), ("b", "")))
    outgoing = _written(request)
    assert str(outgoing.url) == "http://example.com/voice?own=1"
    assert outgoing.body == b"a=1+2&a=%E2%98%8E&b="
    assert outgoing.headers["Content-Type"] == FORM


def test_without_a_token_nothing_is_signed() -> None:
    headers = _written(WebRequest("http://example.com/", headers=(("X-CallAPI-Event-Id", "1"),))).headers
    assert headers == {"X-CallAPI-Event-Id": "1", "Content-Type": FORM}


def test_bytes_that_are_no_utf8_become_question_marks() -> None:
    """A SIP header may bring any byte into a parameter; the request must still go out."""
    request = WebRequest("http://example.com/", "POST", (("SipHeader_X-A", "\udcff"),), token="t")
    assert _written(request).body == b"SipHeader_X-A=%3F"


@given(st.text(st.characters()))
def test_text_is_quoted_as_the_library_does_it(text: str) -> None:
    assert quoted(text) == quote_plus(text, errors="replace")


def test_fields_of_any_length_are_written() -> None:
    short, long = ("a", "1 "), ("b", "ä" * 10_000)
    for parameters, expected in (
        ((short,), "a=1+"),
        ((short, long), "a=1+&b=" + "%C3%A4" * 10_000),
        ((short,), "a=1+"),
    ):
        assert _written(WebRequest("http://example.com/", parameters=parameters)).body == expected.encode()


@given(st.lists(st.tuples(st.text(min_size=1), st.text())))
def test_any_parameters_arrive_as_they_were(pairs: list[tuple[str, str]]) -> None:
    body = _written(WebRequest("http://example.com/", "POST", tuple(pairs))).body or b""
    expected = [tuple(each.encode("utf-8", "replace").decode() for each in pair) for pair in pairs]
    assert parse_qsl(body.decode(), keep_blank_values=True) == expected


@given(st.text())
def test_any_text_is_a_place_or_refused(text: str) -> None:
    try:
        target = parse_url(f"http://example.com/{text}")
    except ValueError:
        return
    assert target.text.isascii()
    assert parse_url(target.text).text == target.text
    assert str(target.url) == target.text


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#")))
def test_a_printable_query_is_sent_octet_for_octet(query: str) -> None:
    text = f"http://example.com/voice?x={query}"
    request = WebRequest(text, "GET", (("a", "1"),), token="t")
    outgoing = _written(request)
    assert outgoing.url == f"{text}&a=1"
