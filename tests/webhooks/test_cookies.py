"""Cookies of a call: kept by host and path, sent back as they came, seen by no other call."""

from collections.abc import AsyncIterator

import pytest

from callapi.webhooks import Cookies, Fetcher, FetchOptions, WebRequest
from callapi.webhooks.cookies import MAX_COOKIES
from tests.webhooks.servers import Reply, Script


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    async with Fetcher(FetchOptions(timeout_s=5)) as fetcher:
        yield fetcher


def _set(*values: str, status: int = 200, to: str = "") -> Reply:
    headers = [("Set-Cookie", value) for value in values]
    return Reply(status, headers=(*headers, ("Location", to)) if to else tuple(headers))


async def _sent_back(value: str, *, from_: str = "http://a.example/x/y", to: str) -> str | None:
    cookies = Cookies()
    cookies.store([("set-cookie", value)], from_)
    return cookies.header(to)


async def test_what_was_set_comes_back_in_the_same_call_alone(fetcher: Fetcher) -> None:
    mine, other = Cookies(), Cookies()
    async with Script(_set("sid=1; Path=/; HttpOnly", "step=one"), Reply()) as application:
        url = application.url("/voice")
        for cookies in (mine, mine, other, None):
            await fetcher.fetch(WebRequest(url, cookies=cookies))
        sent = [each.headers.get("cookie") for each in application.requests]
    assert sent == [None, "sid=1; step=one", None, None]


async def test_a_redirect_carries_what_it_sets(fetcher: Fetcher) -> None:
    """A session that begins with a redirect (PHP, Rails, ASP.NET) begins anew each time without its cookie."""
    redirect = _set("PHPSESSID=abc; path=/", status=302, to="/b")
    async with Script(by_path={"/a": redirect, "/b": Reply()}) as application:
        await fetcher.fetch(WebRequest(application.url("/a"), cookies=Cookies()))
        assert application.requests[1].headers["cookie"] == "PHPSESSID=abc"


async def test_a_failure_may_set_a_cookie_too(fetcher: Fetcher) -> None:
    cookies = Cookies()
    async with Script(_set("a=1", status=200), _set("a=2", status=200)) as application:
        await fetcher.fetch(WebRequest(application.url("/"), cookies=cookies))
        await fetcher.fetch(WebRequest(application.url("/"), cookies=cookies))
        assert cookies.header(application.url("/")) == "a=2"


@pytest.mark.parametrize(
    ("value", "to", "expected"),
    [
        ("a=1", "http://a.example/x/z", "a=1"),
        ("a=1", "http://a.example/other", None),  # the default path is the directory of the URL
        ("a=1; Path=/", "http://a.example/other", "a=1"),
        ("a=1; Path=/x", "http://a.example/xylophone", None),
        ("a=1; Path=/", "http://b.example/x/y", None),
        ("a=1; Path=/", "http://sub.a.example/", None),
        ("a=1; Path=/; Domain=a.example", "http://sub.a.example/", "a=1"),
        ("a=1; Path=/; Domain=b.example", "http://b.example/", None),
        ("a=1; Path=/; Secure", "http://a.example/", None),
        ("a=1; Path=/; Secure", "https://a.example/", "a=1"),
        ("a=1; Path=/", "https://a.example:8443/", "a=1"),  # ports do not count (RFC 6265 §8.5)
        ("a=1; Path=/; Max-Age=0", "http://a.example/", None),
        ("a=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "http://a.example/", None),
        ("a=1; Path=/; Expires=Thu, 01 Jan 2099 00:00:00 GMT; SameSite=Lax", "http://a.example/", "a=1"),
        ("s=s%3Aabc.d/+e==; Path=/", "http://a.example/", "s=s%3Aabc.d/+e=="),
        ('q="a b,c"; Path=/', "http://a.example/", 'q="a b,c"'),
        ("j=j:{%22a%22:1}|x; Path=/", "http://a.example/", "j=j:{%22a%22:1}|x"),
        ("__Host-s=1; Path=/; Secure", "https://a.example/", "__Host-s=1"),
        ("nonsense", "http://a.example/", None),
        ("a=1; Path=/; Max-Age=99999999999999999999", "http://a.example/", "a=1"),
        ("a=1; Path=/; Expires=never", "http://a.example/", "a=1"),
        ("\udcff=\udcff; Path=/", "http://a.example/", None),
    ],
)
async def test_which_requests_get_a_cookie(value: str, to: str, expected: str | None) -> None:
    """RFC 6265 §5.1.3, §5.1.4, §5.3, §5.4."""
    assert await _sent_back(value, to=to) == expected


async def test_hosts_may_be_addresses() -> None:
    assert await _sent_back("a=1", from_="http://127.0.0.1:9000/", to="http://127.0.0.1:9000/b") == "a=1"
    assert await _sent_back("a=1", from_="http://[::1]:9000/", to="http://[::1]:9000/b") == "a=1"
    assert await _sent_back("a=1", from_="http://127.0.0.1:9000/", to="http://127.0.0.2:9000/") is None


async def test_a_jar_is_bounded() -> None:
    cookies = Cookies()
    for number in range(5000):
        cookies.store([("Set-Cookie", f"c{number}={'x' * 200}")], "http://a.example/")
    cookies.store([("Set-Cookie", "long=" + "x" * 5000)], "http://a.example/")
    sent = (cookies.header("http://a.example/") or "").split("; ")
    assert len(sent) == MAX_COOKIES
    assert sent[-1].startswith("c4999=")


def test_values_are_not_shown() -> None:
    assert repr(Cookies()) == "<Cookies 0>"
