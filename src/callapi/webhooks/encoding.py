"""How a request is written: where it goes, what is in the query and the form, and which headers it carries.

Pure: what time it is comes in as an argument. An application rebuilds the URL that was signed from the
scheme, the `Host` header and the request target; so exactly that is signed: no credentials, no fragment, no
default port, percent-encoding normalised once (RFC 3986 §6.2) and the same in the signature and on the wire.
"""

from base64 import b64encode
from functools import lru_cache
from itertools import chain
from typing import Final
from urllib.parse import quote_plus

from msgspec import Struct
from yarl import URL

from callapi.webhooks.exchange import Method, Parameters, WebRequest
from callapi.webhooks.signature import callapi_signature, twilio_signature

# What is read or written for one text is kept for the next time, unless the text is longer than this: one
# stranger must not fill the memory.
MEMO_TEXT: Final = 512
FORM = "application/x-www-form-urlencoded; charset=UTF-8"


class ParsedUrl(Struct, frozen=True):
    """Where a request goes, taken apart once: an application's URL is asked again and again."""

    url: URL
    """Without credentials and fragment."""
    text: str
    """`url` as text: what is signed, reported and resolved against."""
    authorization: str | None
    """The header value that `user:password@` stood for (RFC 7617)."""


def place_of(text: str) -> ParsedUrl:
    """Read an absolute http or https URL.

    Raises:
        ValueError: with a sentence that says what is wrong with it, without quoting a password.
    """
    return _place_once(text) if len(text) <= MEMO_TEXT else _place_of(text)


def _place_of(text: str) -> ParsedUrl:
    try:
        url = URL(text.strip())
        user, password = url.user, url.password
        bare = url.with_fragment(None)
        if user is not None or password is not None:
            bare = bare.with_user(None)
    except (ValueError, TypeError) as error:
        raise ValueError("it cannot be read as a URL") from error
    if bare.scheme not in {"http", "https"}:
        raise ValueError("it does not begin with http:// or https://")
    if not bare.raw_host:
        raise ValueError("it names no host")
    if bare.raw_path == "/" and not bare.raw_query_string:
        bare = bare.with_path("/")  # written out, as the request line will have it
    authorization = None
    if user is not None or password is not None:
        pair = f"{user or ''}:{password or ''}".encode("utf-8", "replace")
        authorization = f"Basic {b64encode(pair).decode()}"
    return ParsedUrl(bare, str(bare), authorization)


_place_once = lru_cache(1024)(_place_of)


def without_credentials(text: str) -> str:
    """`text` as it may be shown: an http URL without its `user:password@`, anything else up to its `@`."""
    try:
        return place_of(text).text
    except ValueError:
        return text.rpartition("@")[2]


class RedirectStep(Struct, frozen=True):
    """One station of a request on its way through redirects. `parameters` are those still to be sent."""

    place: ParsedUrl
    method: Method
    parameters: Parameters


class Outgoing(Struct, frozen=True):
    """A hop as it goes out."""

    url: URL
    headers: dict[str, str]
    body: bytes | None


def first_hop(request: WebRequest) -> RedirectStep:
    """Where `request` begins. Raises ValueError as `place_of` does."""
    return RedirectStep(place_of(request.url), request.method, request.parameters)


# What becomes of each octet in a form.
_QUOTED: Final = tuple(quote_plus(bytes((octet,))) for octet in range(256))


def quoted(text: str) -> str:
    """`text` as part of a form; as `quote_plus`, in a third of its time."""
    # A header of a SIP message may have brought bytes that are no UTF-8: a question mark beats no request.
    return text.encode("utf-8", "replace").decode("latin-1").translate(_QUOTED)


def _field(pair: tuple[str, str]) -> str:
    name, value = pair
    return f"{quoted(name)}={quoted(value)}"


# Most of what a call says, it says in each of its requests.
_field_once = lru_cache(4096)(_field)


def _form(parameters: Parameters) -> str:
    longest = max(map(len, chain.from_iterable(parameters)), default=0)
    return "&".join(map(_field_once if longest <= MEMO_TEXT else _field, parameters))


def write_request(hop: RedirectStep, request: WebRequest, timestamp: int) -> Outgoing:
    """Encode and sign `hop` of `request`; `timestamp` in whole seconds since the epoch."""
    headers = dict(request.headers)
    if hop.place.authorization is not None:
        headers["Authorization"] = hop.place.authorization
    encoded = _form(hop.parameters)
    url, text, body = hop.place.url, hop.place.text, None
    form: Parameters = ()
    if hop.method == "POST":
        body, form = encoded.encode(), hop.parameters
        headers["Content-Type"] = FORM
    elif encoded:
        text += ("&" if url.raw_query_string else "?") + encoded
        url = URL(text, encoded=True)
    if request.token:
        headers["X-Twilio-Signature"] = twilio_signature(text, form, request.token)
        headers["X-CallAPI-Signature"] = callapi_signature(text, body or b"", request.token, timestamp)
    return Outgoing(url, headers, body)
