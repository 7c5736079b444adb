"""The URL of a stream: how it is resolved, connected to and signed.

Twilio signs the handshake over the URL as it stands in the document, `wss://` included. A query is kept (Twilio strips
it from `<Stream>`, and keeps it for `<ConversationRelay>`) and signed as Twilio's own client checks it: the URL without
its query, followed by the parameters in sorted order, as if they were a form.
"""

from base64 import b64encode
from typing import Final
from urllib.parse import parse_qsl, urljoin

from msgspec import Struct
from yarl import URL

from callapi.streams.errors import WrongScheme

Parameters = tuple[tuple[str, str], ...]

MAX_URL: Final = 8192
_RELATIVE_SCHEMES: Final = {"http": "ws", "https": "wss"}


class SocketUrl(Struct, frozen=True):
    """A ws or wss URL, taken apart."""

    text: str
    """As it is connected to: no credentials, no fragment."""
    host: str
    port: int
    is_secure: bool
    authorization: str | None
    """The header value that `user:password@` stands for (RFC 7617)."""

    @property
    def signed_base(self) -> str:
        """The part of the URL that `X-Twilio-Signature` covers as it is."""
        return self.text.partition("?")[0]

    @property
    def signed_parameters(self) -> Parameters:
        """The parameters that the signature covers after the URL, unsorted."""
        return tuple(parse_qsl(self.text.partition("?")[2], keep_blank_values=True))


def resolve(document_url: str, text: str) -> str:
    """`text` as an absolute URL. A relative one resolves against the document's, `http` becoming `ws`."""
    text = text.strip()
    scheme, colon, _ = text.partition(":")
    if colon and scheme.replace("+", "").replace("-", "").replace(".", "").isalnum():
        return text
    try:
        absolute = urljoin(document_url, text)
    except ValueError:
        return text
    scheme, _, rest = absolute.partition(":")
    return f"{_RELATIVE_SCHEMES.get(scheme.lower(), scheme)}:{rest}"


def parse(text: str) -> SocketUrl:
    """Read an absolute URL.

    Raises:
        WrongScheme: it is not a ws:// or wss:// URL with a host; the message does not quote a password.
    """
    if len(text) > MAX_URL:
        raise WrongScheme(f"the URL of the stream has {len(text)} characters; at most {MAX_URL} are allowed")
    try:
        url = URL(text)
        user, password, port = url.user, url.password, url.port
        bare = url.with_fragment(None)
        if user is not None or password is not None:
            bare = bare.with_user(None)
    except (ValueError, TypeError) as error:
        raise WrongScheme(
            "the URL of the stream cannot be read; write ws://host/path or wss://host/path"
        ) from error
    if bare.scheme not in {"ws", "wss"}:
        scheme = f"{bare.scheme}://" if bare.scheme else "a URL without a scheme"
        raise WrongScheme(f"a stream connects to ws:// or wss://, not to {scheme}")
    host = bare.raw_host
    if not host or not port:
        raise WrongScheme("the URL of the stream has no host; write ws://host/path or wss://host/path")
    if not bare.raw_path or (bare.raw_path == "/" and not bare.raw_query_string):
        bare = bare.with_path("/")
    authorization = None
    if user is not None or password is not None:
        pair = f"{user or ''}:{password or ''}".encode("utf-8", "replace")
        authorization = f"Basic {b64encode(pair).decode()}"
    return SocketUrl(str(bare), host, port, bare.scheme == "wss", authorization)
