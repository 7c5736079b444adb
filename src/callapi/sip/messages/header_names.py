"""Names of header fields: compact forms, and the spelling in which we write each name.

A name is looked up by its key, the long form in lower case (RFC 3261 §7.3.1: names are case-insensitive; §7.3.3:
compact forms). A name that we do not know keeps the spelling in which it came.
"""

from __future__ import annotations

import re

from callapi.sip.errors import ParseError

TOKEN = r"[A-Za-z0-9\-.!%*_+`'~]"  # noqa: S105 - RFC 3261 §25.1 calls this a token
_IS_TOKEN = re.compile(TOKEN + "++")

# fmt: off
_LONG_NAMES = (
    "Accept", "Accept-Contact", "Accept-Encoding", "Accept-Language", "Accept-Resource-Priority",
    "Alert-Info", "Allow", "Allow-Events", "Answer-Mode", "Authentication-Info", "Authorization",
    "Call-ID", "Call-Info", "Contact", "Content-Disposition", "Content-Encoding", "Content-ID",
    "Content-Language", "Content-Length", "Content-Transfer-Encoding", "Content-Type", "CSeq", "Date",
    "Diversion", "Error-Info", "Event", "Expires", "From", "Geolocation", "History-Info", "Identity",
    "Identity-Info", "In-Reply-To", "Info-Package", "Join", "Max-Forwards", "MIME-Version",
    "Min-Expires", "Min-SE", "Organization", "P-Access-Network-Info", "P-Asserted-Identity",
    "P-Associated-URI", "P-Called-Party-ID", "P-Charging-Vector", "P-Early-Media",
    "P-Preferred-Identity", "Path", "Priority", "Privacy", "Proxy-Authenticate",
    "Proxy-Authentication-Info", "Proxy-Authorization", "Proxy-Require", "RAck", "Reason",
    "Record-Route", "Recv-Info", "Refer-To", "Referred-By", "Reject-Contact", "Remote-Party-ID",
    "Replaces", "Reply-To", "Request-Disposition", "Require", "Resource-Priority", "Retry-After",
    "Route", "RSeq", "Server", "Service-Route", "Session-Expires", "Session-ID", "SIP-ETag",
    "SIP-If-Match", "Subject", "Subscription-State", "Supported", "Target-Dialog", "Timestamp", "To",
    "Unsupported", "User-Agent", "User-to-User", "Via", "Warning", "WWW-Authenticate",
)
# fmt: on

_COMPACT_FORMS = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "n": "Identity-Info",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}


def _known_names() -> dict[str, tuple[str, str]]:
    known: dict[str, tuple[str, str]] = {}
    for name in _LONG_NAMES:
        for spelling in (name, name.lower(), name.upper(), name.title(), name.capitalize()):
            known[spelling] = (name.lower(), name)
    for short, name in _COMPACT_FORMS.items():
        known[short] = known[short.upper()] = (name.lower(), name)
    return known


KNOWN_NAMES = _known_names()
"""Usual spelling of a name -> (key, spelling on the wire): one look-up for nearly every field of every message."""
KNOWN_KEYS = {spelling: key for spelling, (key, _) in KNOWN_NAMES.items()}
"""Usual spelling of a name -> key."""


def key_of(name: str) -> str:
    """The key under which a header name is found, whatever its case or form."""
    return KNOWN_KEYS.get(name) or KNOWN_KEYS.get(name.lower()) or name.lower()


def identify(name: str) -> tuple[str, str]:
    """Key and wire spelling of a header name. Raises ParseError if it is not a token."""
    known = KNOWN_NAMES.get(name)
    if known is None:
        if not _IS_TOKEN.fullmatch(name):
            raise ParseError(f"not a header name: {name[:80]!r}")
        known = KNOWN_NAMES.get(name.lower()) or (name.lower(), name)
    return known


def is_token(text: str) -> bool:
    """Whether the text is a token (RFC 3261 §25.1): a method, a header name, a parameter name, ..."""
    return _IS_TOKEN.fullmatch(text) is not None
