"""The cookies of one call (RFC 6265): what an application sets comes back with each later request of that call.

Applications written for Twilio keep a session that way. Cookies belong to the host and path that set them; a call
never sees those of another. The standard library's jar decides what is stored and sent, and sends each value as it
came (aiohttp's jar adds or removes quotes, and keeps a cookie that expires at the epoch).
"""

from collections.abc import Iterable
from email.message import Message
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final
from urllib.request import Request

MAX_COOKIES: Final = 64
"""Of one call; the oldest give way."""
MAX_LENGTH: Final = 4096
"""Characters of a `Set-Cookie` field; one that is longer, or not ASCII, is not read (RFC 6265 §6.1, §4.1.1)."""


class Cookies:
    """A jar that is made when the first cookie comes: most calls have none."""

    __slots__ = ("_jar",)

    def __init__(self) -> None:
        self._jar: CookieJar | None = None

    def store(self, headers: Iterable[tuple[str, str]], url: str) -> None:
        """Keep what an answer from `url`, absolute http or https, sets."""
        values = [value for name, value in headers if name.lower() == "set-cookie" and _is_readable(value)]
        if not values:
            return
        message = Message()
        for value in values[-MAX_COOKIES:]:
            message["Set-Cookie"] = value
        if self._jar is None:
            self._jar = CookieJar(
                DefaultCookiePolicy(strict_ns_domain=DefaultCookiePolicy.DomainStrictNonDomain)
            )
        self._jar.extract_cookies(_Answer(message), Request(url))  # type: ignore[arg-type] # noqa: S310
        for cookie in list(self._jar)[:-MAX_COOKIES]:
            self._jar.clear(cookie.domain, cookie.path, cookie.name)

    def header(self, url: str) -> str | None:
        """The value of `Cookie` for a request to `url`; None: it gets none."""
        if self._jar is None:
            return None
        request = Request(url)  # noqa: S310 - only read: the jar wants the type, nothing is opened
        self._jar.add_cookie_header(request)
        value: str | None = request.get_header("Cookie")
        return value

    def __repr__(self) -> str:
        """Without values: they are secrets of the application."""
        return f"<Cookies {len(self._jar or ())}>"


def _is_readable(value: str) -> bool:
    return len(value) <= MAX_LENGTH and value.isascii() and value.isprintable()


class _Answer:
    """What the jar reads of an answer."""

    def __init__(self, headers: Message) -> None:
        self._headers = headers

    def info(self) -> Message:
        return self._headers
