"""How a request is written: where it goes, what is in the query and the form, and which headers it carries.

Pure: the time is an argument. An application rebuilds the URL that was signed from the scheme, the `Host` header and
the request target; so exactly that is signed: no credentials, no fragment, no default port. Path and query go out
octet for octet as the application wrote them, since `%2F` and `/` are not the same (RFC 3986 §2.2); only what
cannot stand in a request line is percent-encoded: white space, controls, characters outside ASCII.
"""

import re
from base64 import b64encode
from functools import lru_cache
from itertools import chain
from typing import Final, NamedTuple
from urllib.parse import quote, quote_plus

from msgspec import Struct
from yarl import URL

from callapi.webhooks.exchange import Method, Parameters, WebRequest
from callapi.webhooks.signature import callapi_signature, twilio_signature

# Results are memoised per text, unless the text is longer than this: a remote party must not fill the memory.
MEMO_TEXT: Final = 512
# What URL parsers take out wherever it stands (WHATWG URL §4.4).
_LINE_BREAKS: Final = re.compile(r"[\t\r\n]")
# Scheme, authority, path, query and fragment (RFC 3986, appendix B); an empty query is as none.
_PATH_AND_QUERY: Final = re.compile(r"[^:/?#]+://[^/?#]*([^?#]*)((?:\?[^#]+)?)\??(?:#.*)?", re.DOTALL)
_PRINTABLE: Final = re.compile(r"[!-~]*+")
_PRINTABLE_ASCII: Final = "".join(map(chr, range(0x21, 0x7F)))
FORM = "application/x-www-form-urlencoded; charset=UTF-8"


class Origin(NamedTuple):
    """What a connection leads to."""

    scheme: str
    host: str
    """A name in its ASCII form, or an IP literal without brackets."""
    port: int


class ParsedUrl(Struct, frozen=True):
    """A parsed URL, memoised: an application's URL is requested many times."""

    url: URL
    """Without credentials and fragment."""
    text: str
    """`url` as text: what is signed, reported and resolved against."""
    authorization: str | None
    """The header value that `user:password@` stood for (RFC 7617)."""
    origin: Origin
    authority: str
    """The value of `Host`: without the scheme's own port."""


def parse_url(text: str) -> ParsedUrl:
    """Read an absolute http or https URL.

    Raises:
        ValueError: with a sentence that says what is wrong with it, without quoting a password.
    """
    return _parse_once(text) if len(text) <= MEMO_TEXT else _parse_url(text)


def _parse_url(text: str) -> ParsedUrl:
    try:
        written = _LINE_BREAKS.sub("", text.strip())
        url = URL(written)
        user, password = url.user, url.password
        path, query = _PATH_AND_QUERY.sub(r"\1", written), _PATH_AND_QUERY.sub(r"\2", written)
    except (ValueError, TypeError) as error:
        raise ValueError("it cannot be read as a URL") from error
    if url.scheme not in {"http", "https"}:
        raise ValueError("it does not begin with http:// or https://")
    if not url.raw_host:
        raise ValueError("it names no host")
    spelt = f"{url.scheme}://{url.host_port_subcomponent}{_sendable(path) or '/'}{_sendable(query)}"
    authorization = None
    if user is not None or password is not None:
        pair = f"{user or ''}:{password or ''}".encode("utf-8", "replace")
        authorization = f"Basic {b64encode(pair).decode()}"
    origin = Origin(url.scheme, url.raw_host, url.port or (443 if url.scheme == "https" else 80))
    return ParsedUrl(URL(spelt, encoded=True), spelt, authorization, origin, url.host_port_subcomponent or "")


_parse_once = lru_cache(1024)(_parse_url)


def _sendable(text: str) -> str:
    """`text` with what cannot be in a request line as the percent-encoded octets of its UTF-8."""
    return text if _PRINTABLE.fullmatch(text) else quote(text, _PRINTABLE_ASCII)


def without_credentials(text: str) -> str:
    """`text` as it may be shown: an http URL without its `user:password@`, anything else up to its `@`."""
    try:
        return parse_url(text).text
    except ValueError:
        return text.rpartition("@")[2]


class RedirectStep(Struct, frozen=True):
    """One request of a chain of redirects. `parameters` are those still to be sent."""

    target: ParsedUrl
    method: Method
    parameters: Parameters


class Outgoing(Struct, frozen=True):
    """A step as it goes out."""

    url: str
    """What is signed: the target with the parameters of a GET."""
    headers: dict[str, str]
    body: bytes | None


def first_step(request: WebRequest) -> RedirectStep:
    """Where `request` begins. Raises ValueError as `parse_url` does."""
    return RedirectStep(parse_url(request.url), request.method, request.parameters)


# Each octet as a form spells it.
_QUOTED: Final = tuple(quote_plus(bytes((octet,))) for octet in range(256))


def quoted(text: str) -> str:
    """`text` as part of a form; as `quote_plus`, in a third of its time."""
    # Values from SIP headers may hold bytes that are not UTF-8; they become question marks, the request is sent.
    return text.encode("utf-8", "replace").decode("latin-1").translate(_QUOTED)


def _field(pair: tuple[str, str]) -> str:
    name, value = pair
    return f"{quoted(name)}={quoted(value)}"


# Most parameters of a call repeat in each of its requests.
_field_once = lru_cache(4096)(_field)


def _form(parameters: Parameters) -> str:
    longest_text = max(map(len, chain.from_iterable(parameters)), default=0)
    return "&".join(map(_field_once if longest_text <= MEMO_TEXT else _field, parameters))


def write_request(step: RedirectStep, request: WebRequest, timestamp: int) -> Outgoing:
    """Encode and sign `step` of `request`; `timestamp` in whole seconds since the epoch."""
    headers = dict(request.headers)
    if step.target.authorization is not None:
        headers["Authorization"] = step.target.authorization
    if request.cookies is not None and (cookie := request.cookies.header(step.target.text)) is not None:
        headers["Cookie"] = cookie
    encoded = _form(step.parameters)
    url, body = step.target.text, None
    form: Parameters = ()
    if step.method == "POST":
        body, form = encoded.encode(), step.parameters
        headers["Content-Type"] = FORM
    elif encoded:
        url += ("&" if step.target.url.raw_query_string else "?") + encoded
    if request.token:
        headers["X-Twilio-Signature"] = twilio_signature(url, form, request.token)
        headers["X-CallAPI-Signature"] = callapi_signature(url, body or b"", request.token, timestamp)
    return Outgoing(url, headers, body)


def rendered(target: ParsedUrl, method: Method, outgoing: Outgoing, fixed: str) -> bytes:
    """The request as octets (RFC 9112 §3); `fixed` is what every request carries, each line ended by CRLF.

    Raises:
        ValueError: a header field holds a line break, which would begin another field.
    """
    path = outgoing.url[len(target.origin.scheme) + 3 + len(target.authority) :]
    fields = "".join([f"{name}: {value}\r\n" for name, value in outgoing.headers.items()])
    if fields.count("\n") != len(outgoing.headers) or fields.count("\r") != len(outgoing.headers):
        raise ValueError("a header field holds a line break")
    body = outgoing.body
    length = f"Content-Length: {len(body)}\r\n" if body is not None else ""
    head = f"{method} {path} HTTP/1.1\r\nHost: {target.authority}\r\n{fixed}{fields}{length}\r\n"
    return head.encode("utf-8", "replace") + (body or b"")
