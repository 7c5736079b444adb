"""From the raw values of a header name to what machines read: one reader for each name.

`READERS` names those whose field must be well-formed for a message to exist (RFC 4475 §3.1.2); the parser applies
them to each message, and what they return stays with its headers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from callapi.sip.errors import ParseError
from callapi.sip.messages.headers import CSeq, NameAddr, Via
from callapi.sip.messages.parameters import split_list

if TYPE_CHECKING:
    from collections.abc import Callable

_DATE = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{1,2} "
    r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT"
)


def read_text(values: list[str]) -> str | None:
    """Call-ID: the first value as it stands; None if there is none."""
    return values[0] if values else None


def read_vias(values: list[str]) -> tuple[Via, ...]:
    """Via, topmost first."""
    if len(values) == 1 and "," not in values[0]:
        return (Via.parse(values[0]),)
    return tuple([via for value in values for via in Via.parse_list(value)])


def read_address(values: list[str]) -> NameAddr | None:
    """From, To: the first value; None if there is none."""
    return NameAddr.parse(values[0]) if values else None


def read_addresses(values: list[str]) -> tuple[NameAddr, ...]:
    """Route, Record-Route: every address in order."""
    return tuple([NameAddr.parse(item) for value in values for item in split_list(value)])


def read_contacts(values: list[str]) -> tuple[NameAddr, ...]:
    """Contact: every address in order; `*` is none."""
    return tuple([NameAddr.parse(item) for value in values for item in split_list(value) if item != "*"])


def read_cseq(values: list[str]) -> CSeq | None:
    """CSeq; None if there is none."""
    return CSeq.parse(values[0]) if values else None


def read_max_forwards(values: list[str]) -> int | None:
    """Max-Forwards; None if there is none, or over 255 (RFC 4475 §3.1.2.4: as if absent)."""
    if not values:
        return None
    value = values[0]
    if not _is_number(value):
        raise ParseError(f"not a Max-Forwards: {value[:80]!r}")
    return int(value) if len(value) <= 10 and int(value) <= 255 else None


def read_lengths(values: list[str]) -> int | None:
    """Content-Length; None if it is absent, or if there are several that differ."""
    lengths = [_read_length(value) for value in values]
    return lengths[0] if lengths and lengths.count(lengths[0]) == len(lengths) else None


def _read_length(value: str) -> int:
    if not (_is_number(value) and len(value) <= 10):
        raise ParseError(f"not a Content-Length: {value[:80]!r}")
    return int(value)


def read_seconds(values: list[str]) -> int | None:
    """Expires and its like in seconds; None if absent or malformed (RFC 3261 §20.19)."""
    if not values or not _is_number(values[0]) or len(values[0]) > 10:
        return None
    seconds = int(values[0])
    return seconds if seconds < 2**32 else None


def read_tokens(values: list[str]) -> frozenset[str]:
    """Supported, Require: every option tag."""
    return frozenset(token for value in values for item in value.split(",") if (token := item.strip()))


def read_date(values: list[str]) -> str | None:
    """Date, checked and not read."""
    # RFC 3261 §20.17: Greenwich mean time and no other zone.
    if values and not _DATE.fullmatch(values[0]):
        raise ParseError(f"not a Date: {values[0][:80]!r}")
    return values[0] if values else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


READERS: dict[str, Callable[[list[str]], object]] = {
    "via": read_vias,
    "from": read_address,
    "to": read_address,
    "cseq": read_cseq,
    "max-forwards": read_max_forwards,
    "contact": read_contacts,
    "route": read_addresses,
    "record-route": read_addresses,
    "date": read_date,
}
"""By the key of the name, as in `Headers`."""
