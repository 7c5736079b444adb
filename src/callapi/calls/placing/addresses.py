"""What an application writes (`sip:bob@example.net;transport=tcp?colour=blue`) as the target of an INVITE."""

import re
from typing import Final
from urllib.parse import unquote

from msgspec import Struct

from callapi.calls.errors import (
    INVALID_SIP_HEADER,
    INVALID_SIP_URI,
    SIP_HEADERS_TOO_LONG,
    SIP_URI_TOO_LONG,
    UNKNOWN_TRANSPORT,
    NotPlaceable,
)
from callapi.sip import Credentials, Hop, NameAddr, ParseError, SipUri

URI_UNDER: Final = 255
HEADERS_UNDER: Final = 1024
TRANSPORTS: Final = frozenset({"udp", "tcp", "tls"})

_UNPREFIXED: Final = frozenset(
    {
        "user-to-user",
        "remote-party-id",
        "p-preferred-identity",
        "p-asserted-identity",
        "p-called-party-id",
        "diversion",
    }
)
_TOKEN: Final = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")  # RFC 3261 §25.1
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


class SipAddress(Struct, frozen=True):
    """Where an INVITE goes, with additional headers, credentials and routes."""

    uri: SipUri
    headers: tuple[tuple[str, str], ...] = ()
    credentials: Credentials | None = None
    routes: tuple[NameAddr, ...] = ()
    flow: Hop | None = None
    """Where a registration came from, if its Contact cannot be reached otherwise."""
    is_secure: bool = False
    """`;secure=true` was written on it."""


def sip_address(text: str, credentials: Credentials | None = None) -> SipAddress:
    """Read the URI of a `<Sip>` noun, or the `To` of a REST call, with its headers after `?`.

    Raises:
        NotPlaceable: over a limit, not a SIP URI, an unknown transport, or a header that cannot be sent.
    """
    bare, _, query = text.strip().partition("?")
    if len(bare) >= URI_UNDER:
        raise NotPlaceable(
            SIP_URI_TOO_LONG,
            f"the SIP URI has {len(bare)} characters without its headers; it must be under {URI_UNDER}: "
            f"{len(bare) - URI_UNDER + 1} too many",
        )
    if len(query) >= HEADERS_UNDER:
        raise NotPlaceable(
            SIP_HEADERS_TOO_LONG,
            f"the headers of the SIP URI have {len(query)} characters; they must be under {HEADERS_UNDER}: "
            f"{len(query) - HEADERS_UNDER + 1} too many",
        )
    try:
        uri = SipUri.parse(bare if bare.lower().startswith(("sip:", "sips:")) else f"sip:{bare}")
    except ParseError as error:
        raise NotPlaceable(INVALID_SIP_URI, str(error)) from error
    transport = uri.parameter("transport")
    if transport is not None and transport.lower() not in TRANSPORTS:
        raise NotPlaceable(UNKNOWN_TRANSPORT, f"transport={transport} is not one of udp, tcp, tls")
    uri, is_secure = _without_secure(uri)
    return SipAddress(uri, custom_headers(query), credentials, is_secure=is_secure)


def _without_secure(uri: SipUri) -> tuple[SipUri, bool]:
    """`;secure=true`, as at Twilio: TLS and SRTP, or no call. The parameter itself is not sent."""
    wanted = uri.parameter("secure")
    bare = uri.without_parameter("secure")
    if wanted is None or wanted.lower() != "true":
        return bare, False
    transport = uri.parameter("transport")
    if transport is not None and transport.lower() != "tls":
        raise NotPlaceable(UNKNOWN_TRANSPORT, f"secure=true needs transport=tls, not {transport}")
    return bare.with_parameter("transport", "tls"), True


def custom_headers(query: str) -> tuple[tuple[str, str], ...]:
    """The headers that `name=value&other=value` asks for, in its order, percent-decoded.

    Raises:
        NotPlaceable: a name that is not a token, or a value with a control character.
    """
    headers = []
    for pair in filter(None, query.split("&")):
        raw_name, _, raw_value = pair.partition("=")
        name, value = unquote(raw_name).strip(" "), unquote(raw_value).strip(" ")
        if not _TOKEN.fullmatch(name):
            raise NotPlaceable(INVALID_SIP_HEADER, f"{name!r} cannot be the name of a SIP header")
        if _CONTROL.search(value):
            raise NotPlaceable(INVALID_SIP_HEADER, f"the value of the header {name} has a control character")
        headers.append((header_name(name), value))
    return tuple(headers)


def header_name(name: str) -> str:
    """`name` as it is sent: behind `X-`, unless it is there or the name is one of the few that may go bare."""
    if name[:2].lower() == "x-" or name.lower() in _UNPREFIXED:
        return name
    return f"X-{name}"
