"""How long an answer over HTTP may be used again, and how to ask whether it still holds (RFC 9111).

A private cache without heuristics: an answer without a lifetime is requested again each time, with a
condition if the server gave a validator, so that a recording replaced on a web server is heard at once.
"""

from email.utils import parsedate_to_datetime
from typing import Final

from msgspec import Struct

Headers = tuple[tuple[str, str], ...]

_MAX_S: Final = 7 * 86_400


class Freshness(Struct, frozen=True):
    """Until when (seconds since 1970) a copy may be used unasked, and what to compare afterwards."""

    fresh_until: float
    is_storable: bool = True
    etag: str = ""
    last_modified: str = ""

    @classmethod
    def of(cls, headers: Headers, now: float) -> "Freshness":
        """What the fields of a 200 or 304 that has just come say."""
        fields = {name.lower(): value.strip() for name, value in headers}
        directives = _directives(fields.get("cache-control", ""))
        return cls(
            fresh_until=now + min(_lifetime_s(fields, directives, now), _MAX_S),
            is_storable="no-store" not in directives,
            etag=fields.get("etag", ""),
            last_modified=fields.get("last-modified", ""),
        )

    def is_fresh(self, now: float) -> bool:
        """Whether the copy may be used without asking."""
        return now < self.fresh_until

    def conditions(self) -> Headers:
        """The fields that make a request conditional (RFC 9110 §13.1); none: everything is asked for."""
        fields = (("If-None-Match", self.etag), ("If-Modified-Since", self.last_modified))
        return tuple(each for each in fields if each[1])

    def renewed(self, headers: Headers, now: float) -> "Freshness":
        """After a 304, which need not repeat what it does not change (RFC 9111 §4.3.4)."""
        newer = Freshness.of(headers, now)
        return Freshness(
            newer.fresh_until,
            newer.is_storable,
            newer.etag or self.etag,
            newer.last_modified or self.last_modified,
        )


def _directives(text: str) -> dict[str, str]:
    split = (part.strip().partition("=") for part in text.split(","))
    return {name.strip().lower(): value.strip().strip('"') for name, _, value in split if name}


def _lifetime_s(fields: dict[str, str], directives: dict[str, str], now: float) -> float:
    if "no-cache" in directives or "no-store" in directives:
        return 0.0
    if "max-age" in directives:
        return max(0.0, _seconds(directives["max-age"]) - _seconds(fields.get("age", "")))
    if "expires" in fields:
        return max(0.0, _instant(fields["expires"], 0.0) - _instant(fields.get("date", ""), now))
    return 0.0


def _seconds(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0.0


def _instant(text: str, otherwise: float) -> float:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return otherwise
