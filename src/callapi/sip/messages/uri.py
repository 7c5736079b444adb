"""SIP and SIPS URIs (RFC 3261 §19.1), and every other URI as opaque text.

Fields hold what the escapes stand for, so that they compare and read as meant; `str()` writes a URI as it came, and
escapes what the grammar asks for in one that was made here. An IPv6 host is held without brackets. More liberal than
the grammar: a user part may hold unescaped characters that cannot be mistaken for a delimiter (`#` is common, quotes
occur), a host may hold underscores; escapes that are not UTF-8 are read as Latin-1.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv6Address
from urllib.parse import quote, unquote_to_bytes

from msgspec import Struct
from msgspec.structs import replace

from callapi.sip.errors import ParseError


class Transport(StrEnum):
    """The transports that we speak, by their `transport` parameter (RFC 3261 §19.1.1, RFC 7118 §4).

    In a URI a WebSocket is always `ws`; `wss` occurs as the name of a listener and in Via.
    """

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"
    WS = "ws"
    WSS = "wss"

    is_reliable: bool
    """Whether it delivers in order or reports a failure, so that nothing is retransmitted."""

    def __init__(self, parameter: str) -> None:
        self.is_reliable = parameter != "udp"

    @property
    def default_port(self) -> int:
        """RFC 3261 §18.2.1, RFC 7118 §5.4."""
        return _DEFAULT_PORTS[self]

    @property
    def is_secure(self) -> bool:
        """Whether it is encrypted."""
        return self is Transport.TLS or self is Transport.WSS

    @property
    def is_websocket(self) -> bool:
        """Whether only the client can open it, and its Contact cannot be resolved (RFC 7118 §5)."""
        return self is Transport.WS or self is Transport.WSS

    @property
    def uri_parameter(self) -> str:
        """The value of `;transport=` in a URI of this transport."""
        return "ws" if self.is_websocket else str(self)


_DEFAULT_PORTS = {
    Transport.UDP: 5060,
    Transport.TCP: 5060,
    Transport.TLS: 5061,
    Transport.WS: 80,
    Transport.WSS: 443,
}

_SIP_URI = re.compile(
    r"""(sips?):
        (?: ([^@:<>\x00-\x20\x7f]++) (?: : ([^@<>\x00-\x20\x7f]*+) )? @ )?
        (\[[0-9A-Fa-f:.]++\] | [A-Za-z0-9_][A-Za-z0-9_.\-]*+)
        (?: : ([0-9]{1,5}) )?
        ((?: ; [^;?<>\x00-\x20\x7f]++ )*+)
        (?: \? ([^<>"\x00-\x20\x7f]*+) )?""",
    re.IGNORECASE | re.VERBOSE,
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*+")
_OTHER_URI = re.compile(r"""[^<>"\x00-\x20\x7f]++""")

MEMO_ENTRIES = 4096
MEMO_TEXT = 200
"""A call repeats its few addresses in each of its messages: what was read from a text of this length at most is kept,
for this many texts. URIs are immutable, so sharing them is safe."""

# RFC 3261 §25.1, beside letters, digits and `_.-~`, which `quote` leaves alone.
_MARKS = "!*'()"
_SAFE_IN_USER = _MARKS + "&=+$,;?/"
_SAFE_IN_PASSWORD = _MARKS + "&=+$,"
_SAFE_IN_PARAMETER = _MARKS + "[]/:&+$"
_SAFE_IN_HEADER = _MARKS + "[]/?:+$"
_NEEDS_NO_ESCAPE = re.compile(r"[A-Za-z0-9_.\-~+]*+")
_AS_WE_WRITE = re.compile(
    r"sips?:(?:[A-Za-z0-9_.\-~+]++@)?[A-Za-z0-9_.\-]++(?::[1-9][0-9]*+)?(?:;[A-Za-z0-9_.\-~+]++(?:=[A-Za-z0-9_.\-~+]++)?)*+"
)
"""What most peers write, and so do we."""

# RFC 3261 §19.1.4: these must be absent from both or match; any other counts only if both URIs have it.
_DECISIVE_PARAMETERS = frozenset({"user", "ttl", "method", "maddr", "transport"})


def _unescape(text: str) -> str:
    if "%" not in text:
        return text
    octets = unquote_to_bytes(text)
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def _escape(text: str, safe: str) -> str:
    return text if _NEEDS_NO_ESCAPE.fullmatch(text) else quote(text, safe)


def _parse_parameters(text: str) -> tuple[tuple[str, str | None], ...]:
    parameters: list[tuple[str, str | None]] = []
    for part in text[1:].split(";"):
        name, equals, value = part.partition("=")
        if not name:
            raise ParseError(f"a URI parameter without a name: {text[:80]!r}")
        parameters.append((_unescape(name), _unescape(value) if equals else None))
    return tuple(parameters)


def _parse_headers(text: str) -> tuple[tuple[str, str], ...]:
    headers: list[tuple[str, str]] = []
    for part in text.split("&"):
        name, _, value = part.partition("=")
        if name:
            headers.append((_unescape(name), _unescape(value)))
        elif value:
            raise ParseError(f"a URI header without a name: {text[:80]!r}")
    return tuple(headers)


def escape_user(user: str) -> str:
    """A user part as it is written."""
    return _escape(user, _SAFE_IN_USER)


class SipUri(Struct, frozen=True, gc=False, cache_hash=True):
    """`sip:user:password@host:port;parameters?headers`."""

    scheme: str
    """`sip` or `sips`."""
    user: str | None
    password: str | None
    host: str
    """A name or an IP address, an IPv6 address without brackets; spelt as received."""
    port: int | None
    parameters: tuple[tuple[str, str | None], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    written: str = ""
    """How a peer wrote it, up to the headers, where that is not how we would: a URI goes back to its author octet for
    octet (RFC 3261 §12.2.1.1), and §19.1.4 does not let us choose another spelling."""

    @classmethod
    def parse(cls, text: str) -> SipUri:
        """Read a `sip:` or `sips:` URI. Raises ParseError."""
        match = _SIP_URI.fullmatch(text)
        if match is None:
            raise ParseError(f"not a SIP URI: {text[:80]!r}")
        scheme, user, password, host, port, parameters, headers = match.groups()
        if host[0] == "[":
            host = _ipv6_host(host)
        number = int(port) if port else None
        if number is not None and number > 65535:
            raise ParseError(f"no such port: {number}")
        uri = cls(
            scheme if scheme in {"sip", "sips"} else scheme.lower(),
            _unescape(user) if user else None,
            _unescape(password) if password is not None else None,
            host,
            number,
            _parse_parameters(parameters) if parameters else (),
            _parse_headers(headers) if headers else (),
        )
        if _AS_WE_WRITE.fullmatch(text):
            return uri
        written = text if headers is None else text[: match.start(7) - 1]
        return uri if _write(uri) == written else replace(uri, written=written)

    @property
    def is_secure(self) -> bool:
        """Whether the scheme is `sips`."""
        return self.scheme == "sips"

    def parameter(self, name: str) -> str | None:
        """The value of a parameter; None if it is absent or has no value."""
        name = name.lower()
        for key, value in self.parameters:
            if key.lower() == name:
                return value
        return None

    def has_parameter(self, name: str) -> bool:
        """Whether the parameter is there, with a value or without."""
        return name.lower() in [key.lower() for key, _ in self.parameters]

    def without_headers(self) -> SipUri:
        """The same URI fit for a Request-URI (RFC 3261 §19.1.1, table 1)."""
        return replace(self, headers=()) if self.headers else self

    def with_parameter(self, name: str, value: str | None) -> SipUri:
        """The same URI with this parameter, replaced or added at the end."""
        if self.written and not self.has_parameter(name):
            written = f"{self.written};{_escape(name, _SAFE_IN_PARAMETER)}"
            if value is not None:
                written += f"={_escape(value, _SAFE_IN_PARAMETER)}"
            return replace(self, parameters=(*self.parameters, (name, value)), written=written)
        parameters = (*self.without_parameter(name).parameters, (name, value))
        return replace(self, parameters=parameters, written="")

    def with_user(self, user: str | None) -> SipUri:
        """The same URI with another user part, and without a password."""
        return replace(self, user=user, password=None, written="")

    def without_parameter(self, name: str) -> SipUri:
        """The same URI without this parameter."""
        if not self.has_parameter(name):
            return self
        name = name.lower()
        kept = tuple(pair for pair in self.parameters if pair[0].lower() != name)
        return replace(self, parameters=kept, written="")

    def is_equivalent(self, other: SipUri) -> bool:
        """RFC 3261 §19.1.4: not the same text, but the same resource."""
        if (self.scheme, self.user, self.password, self.port) != (
            other.scheme,
            other.user,
            other.password,
            other.port,
        ):
            return False
        if self.host.lower() != other.host.lower():
            return False
        ours, theirs = _folded(self.parameters), _folded(other.parameters)
        for name in ours.keys() | theirs.keys():
            is_compared = name in _DECISIVE_PARAMETERS or (name in ours and name in theirs)
            if is_compared and (name in ours, ours.get(name)) != (name in theirs, theirs.get(name)):
                return False
        return _folded_headers(self.headers) == _folded_headers(other.headers)

    def __str__(self) -> str:
        text = self.written or _write_once(self)
        if self.headers:
            text += "?" + "&".join(
                f"{_escape(name, _SAFE_IN_HEADER)}={_escape(value, _SAFE_IN_HEADER)}"
                for name, value in self.headers
            )
        return text


def _write(uri: SipUri) -> str:
    """As we would write it, up to the headers."""
    userinfo = ""
    if uri.user is not None:
        userinfo = escape_user(uri.user)
        if uri.password is not None:
            userinfo += ":" + _escape(uri.password, _SAFE_IN_PASSWORD)
        userinfo += "@"
    text = f"{uri.scheme}:{userinfo}{format_host_port(uri.host, uri.port)}"
    for name, value in uri.parameters:
        text += ";" + _escape(name, _SAFE_IN_PARAMETER)
        if value is not None:
            text += "=" + _escape(value, _SAFE_IN_PARAMETER)
    return text


_write_once = lru_cache(MEMO_ENTRIES)(_write)


class OtherUri(Struct, frozen=True, gc=False):
    """A URI of another scheme (`tel:`, `http:`, or unknown), kept as it is."""

    scheme: str
    """In lower case."""
    text: str

    def __str__(self) -> str:
        return self.text


Uri = SipUri | OtherUri


def parse_uri(text: str) -> Uri:
    """Read any absolute URI. Raises ParseError."""
    return _parse_uri_once(text) if len(text) <= MEMO_TEXT else _parse_uri(text)


def _parse_uri(text: str) -> Uri:
    if text.startswith(("sip:", "sips:")):
        return SipUri.parse(text)
    scheme, colon, rest = text.partition(":")
    if not colon or not _SCHEME.fullmatch(scheme) or not _OTHER_URI.fullmatch(rest):
        raise ParseError(f"not a URI: {text[:80]!r}")
    scheme = scheme.lower()
    return SipUri.parse(text) if scheme in {"sip", "sips"} else OtherUri(scheme, text)


_parse_uri_once = lru_cache(MEMO_ENTRIES)(_parse_uri)


def format_host_port(host: str, port: int | None) -> str:
    """`host`, `host:port` or `[ipv6]:port`, as in a URI and in Via."""
    if ":" in host:
        host = f"[{host}]"
    return host if port is None else f"{host}:{port}"


def _ipv6_host(text: str) -> str:
    host = text[1:-1]
    try:
        IPv6Address(host)
    except ValueError:
        raise ParseError(f"not an IPv6 address: {text[:80]!r}") from None
    return host


def _folded(parameters: tuple[tuple[str, str | None], ...]) -> dict[str, str | None]:
    return {name.lower(): value.lower() if value else value for name, value in parameters}


def _folded_headers(headers: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    return sorted((name.lower(), value) for name, value in headers)
