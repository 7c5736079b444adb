"""Kinds of parameters: how a text is read, and what OpenAPI says of it.

A reader raises `ValueError` with the rest of the sentence "<name> ...".
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from ipaddress import ip_network
from typing import Final, Generic, TypeVar
from urllib.parse import urlsplit

from msgspec import Struct

from callapi.calls.errors import NotPlaceable
from callapi.calls.parties import party_name
from callapi.calls.placing.addresses import sip_address
from callapi.sip import ParseError, SipUri
from callapi.store import Json

T = TypeVar("T")

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_NO_CONTROL: Final = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]*$"
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
MAX_URL: Final = 2048
MIN_PREFIX_LENGTH: Final = 8
"""A shorter prefix would trust a large part of the Internet, most likely by mistake."""


class Kind(Struct, Generic[T], frozen=True):
    """`read` takes all values that came under one name, at least one."""

    read: Callable[[Sequence[str]], T]
    schema: Mapping[str, Json]


def _kind(read: Callable[[str], T], **schema: Json) -> Kind[T]:
    """Of one value; if several came, the last one counts."""
    return Kind(lambda values: read(values[-1]), schema)


def text(*, maximum: int = 256, minimum: int = 1) -> Kind[str]:
    """Text without control characters."""

    def read(value: str) -> str:
        if not minimum <= len(value) <= maximum:
            raise ValueError(f"must have {minimum} to {maximum} characters, it has {len(value)}")
        if _CONTROL.search(value):
            raise ValueError("must not have control characters")
        return value

    return _kind(read, type="string", minLength=minimum, maxLength=maximum, pattern=_NO_CONTROL)


def pattern(expression: str, meaning: str) -> Kind[str]:
    """Text that fits `expression` as a whole."""
    compiled = re.compile(expression)

    def read(value: str) -> str:
        if compiled.fullmatch(value) is None:
            raise ValueError(f"must be {meaning}")
        return value

    return _kind(read, type="string", pattern=f"^(?:{expression})$")


def sid(prefix: str) -> Kind[str]:
    """The sid of another resource."""
    return pattern(f"{prefix}[0-9a-f]{{32}}", f"a sid: {prefix} and 32 hex digits")


def whole(minimum: int, maximum: int) -> Kind[int]:
    """A whole number."""

    def read(value: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,18}", value) or not minimum <= int(value) <= maximum:
            raise ValueError(f"must be a whole number from {minimum} to {maximum}")
        return int(value)

    return _kind(read, type="integer", minimum=minimum, maximum=maximum)


def choice(*allowed: str, also: Mapping[str, str] | None = None) -> Kind[str]:
    """One of a few words, in any case; `also` are other spellings of them."""
    words = {each.lower(): each for each in allowed} | dict(also or {})

    def read(value: str) -> str:
        if (word := words.get(value.lower())) is None:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return word

    return _kind(read, type="string", enum=[*allowed, *(also or {})])


def words(*allowed: str) -> Kind[tuple[str, ...]]:
    """Some of a few words: the parameter repeated, or in one with spaces or commas between."""

    def read(values: Sequence[str]) -> tuple[str, ...]:
        given = [each for value in values for each in re.split(r"[\s,]+", value) if each]
        for each in given:
            if each not in allowed:
                raise ValueError(f"must be of {', '.join(allowed)}; {each!r} is not")
        return tuple(dict.fromkeys(given))

    return Kind(read, {"type": "array", "items": {"type": "string", "enum": list(allowed)}})


def networks(maximum: int) -> Kind[tuple[str, ...]]:
    """IP addresses and networks: the parameter repeated, or in one with spaces or commas between."""

    def read(values: Sequence[str]) -> tuple[str, ...]:
        given = [each for value in values for each in re.split(r"[\s,]+", value) if each]
        if len(given) > maximum:
            raise ValueError(f"must be {maximum} at most")
        try:
            found = [ip_network(each, strict=False) for each in given]
        except ValueError as error:
            raise ValueError(f"must be IP addresses or networks such as 192.0.2.0/24: {error}") from error
        if any(each.prefixlen < MIN_PREFIX_LENGTH for each in found):
            raise ValueError(f"must be no wider than /{MIN_PREFIX_LENGTH}")
        return tuple(dict.fromkeys(map(str, found)))

    return Kind(read, {"type": "array", "items": {"type": "string"}, "maxItems": maximum})


def _boolean(value: str) -> bool:
    match value.lower():
        case "true":
            return True
        case "false":
            return False
        case _:
            raise ValueError("must be true or false")


def _url(value: str) -> str:
    parts = urlsplit(value)
    is_plain = not re.search(r"[\s\x00-\x1f\x7f\ud800-\udfff]", value)
    if not is_plain or parts.scheme.lower() not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise ValueError("must be an absolute http:// or https:// URL")
    if len(value) > MAX_URL:
        raise ValueError(f"must have at most {MAX_URL} characters")
    return value


def _sip_uri(value: str) -> str:
    try:
        sip_address(value)
    except NotPlaceable as error:
        raise ValueError(f"must be a SIP URI: {error}") from error
    return value


def _party(value: str) -> str:
    # A `+` that the client did not percent-encode arrives as a space.
    text = _PARTY_TEXT.read([f"+{value[1:]}" if value.startswith(" ") else value])
    try:
        return party_name(SipUri.parse(text))
    except ParseError:
        return text


_PARTY_TEXT: Final = text(maximum=2048)
PARTY: Final = _kind(_party, **_PARTY_TEXT.schema)
SIP_URI: Final = _kind(_sip_uri, type="string", maxLength=1280)
BOOLEAN: Final = _kind(_boolean, type="boolean")
URL: Final = _kind(_url, type="string", format="uri", pattern="^[Hh][Tt][Tt][Pp][Ss]?://", maxLength=MAX_URL)
METHOD: Final = choice("GET", "POST")


class Span(Struct, frozen=True):
    """From an instant up to, not including, another: the day or second that was named."""

    begin: datetime
    end: datetime

    @property
    def day_or_second_end(self) -> datetime:
        """The end, where midnight stands for its whole day."""
        return max(self.end, self.begin + timedelta(days=1)) if self.begin.time() == time() else self.end


def _span(value: str) -> Span:
    try:
        begin = datetime.fromisoformat(value.strip().replace("Z", "+00:00"))
        begin = (begin if begin.tzinfo else begin.replace(tzinfo=UTC)).astimezone(UTC)
        length = timedelta(days=1) if _DATE.fullmatch(value.strip()) else timedelta(seconds=1)
        return Span(begin, begin + length)
    except (ValueError, OverflowError):
        raise ValueError("must be a date (2026-11-17) or an instant (2026-11-17T10:00:00Z)") from None


SPAN: Final = _kind(_span, type="string", pattern=r"^\d{4}-\d{2}-\d{2}([T ].*)?$")
