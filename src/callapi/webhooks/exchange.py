"""The values of one HTTP exchange with an application: what is asked, what is answered, what is reported.

Plain values without behaviour. URLs in them may hold `user:password@`, except in `HttpExchange`, which is shown
to users (`without_credentials` removes it).
"""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from msgspec import Struct

from callapi.base.values import Redacted
from callapi.webhooks.cookies import Cookies

Method = Literal["GET", "POST"]
Parameters = tuple[tuple[str, str], ...]
Headers = tuple[tuple[str, str], ...]


class WebRequest(Redacted, frozen=True):
    """One request to an application; the fetcher encodes and signs it.

    `url` is absolute, http or https; its own query stays in the URL, its fragment is dropped and
    `user:password@` becomes an `Authorization` header. `parameters` keep their order; a name may repeat.
    GET appends them to the query, POST sends them as a form.
    """

    secrets = frozenset({"token"})

    url: str
    method: Method = "POST"
    parameters: Parameters = ()
    token: str = ""
    """The account's auth token, the key of both signatures; empty: the request is not signed."""
    headers: Headers = ()
    """More header fields, sent with every step."""
    call_sid: str = ""
    """The call whose timeline shows the exchange; reported, never sent."""
    cookies: Cookies | None = None
    """Sent as far as they belong to the host, and filled from each answer; None: none are kept."""


class WebAnswer(Struct, frozen=True):
    """An answer, read to its end and within its bounds; as part of an error `body` is only the beginning."""

    status: int
    content_type: str
    """As sent, with its parameters; empty if there was none."""
    body: bytes
    url: str
    """The URL that answered, after redirects: the base of every relative URL in the body."""
    duration_s: float
    """From the first try to the last byte of this answer, redirects and retries included."""
    headers: Headers = ()

    @property
    def media_type(self) -> str:
        """`content_type` without parameters, in lower case: `text/xml`."""
        return self.content_type.partition(";")[0].strip().lower()

    def header(self, name: str) -> str | None:
        """The first header field called `name`, in whatever case."""
        wanted = name.lower()
        return next((value for each, value in self.headers if each.lower() == wanted), None)


class HttpExchange(Struct, frozen=True):
    """One request on the wire and how it ended, for the ladder and the call's Events. Holds no secret.

    A fetch makes several: one for each redirect followed and each try.
    """

    started_at: datetime
    duration_s: float
    method: Method
    url: str
    """As asked, without `user:password@` and without the parameters of a GET."""
    parameters: Parameters
    status: int | None
    """None: no answer came."""
    error: str | None
    """A sentence; None when an answer came, whatever its status."""
    attempt: int
    """1, or 2 for the retry on a fresh connection."""
    call_sid: str = ""


Trace = Callable[[HttpExchange], None]
