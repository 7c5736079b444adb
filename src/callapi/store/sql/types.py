"""How values that SQL does not know are kept: instants, tuples, events.

SQLite has no instants: they are kept as text of one length, so that their order is that of time and a person who
opens the file can read them. PostgreSQL keeps `timestamptz`.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from msgspec.json import Decoder, Encoder
from sqlalchemy import DateTime, Dialect, Text, TypeDecorator
from sqlalchemy.types import TypeEngine

from callapi.store.records import EventRecord

# A value that JSON does not know is written as its `str`: an event must not cost the record beside it.
_ENCODER: Final = Encoder(enc_hook=str)
_TEXTS: Final = Decoder(tuple[str, ...])
_PAIRS: Final = Decoder(tuple[tuple[str, str], ...])
_EVENTS: Final = Decoder(tuple[tuple[int, datetime, str, dict[str, Any]], ...])


class Instant(TypeDecorator[datetime]):
    """An aware datetime, given back in UTC."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text for SQLite, `timestamptz` elsewhere."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """`2026-11-17 10:00:00.000000+00:00`, or the datetime itself."""
        return _instant_text(value) if dialect.name == "sqlite" else value

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], str | None] | None:
        """`process_bind_param` without SQLAlchemy's way to it."""
        return _instant_text if dialect.name == "sqlite" else None

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """The instant in UTC."""
        if value is None:
            return None
        return datetime.fromisoformat(value) if dialect.name == "sqlite" else value.astimezone(UTC)


class Texts(TypeDecorator[tuple[str, ...]]):
    """A tuple of texts, as a JSON array."""

    impl = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[tuple[str, ...] | None], str]:  # noqa: ARG002
        """JSON."""
        return _json

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...]:  # noqa: ARG002
        """The tuple."""
        return _TEXTS.decode(value or "[]")


class Pairs(TypeDecorator[tuple[tuple[str, str], ...]]):
    """Names and values in order, as a JSON array of pairs."""

    impl = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[tuple[tuple[str, str], ...] | None], str]:  # noqa: ARG002
        """JSON."""
        return _json

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[tuple[str, str], ...]:  # noqa: ARG002
        """The pairs."""
        return _PAIRS.decode(value or "[]")


class Events(TypeDecorator[tuple[EventRecord, ...]]):
    """The events of a block, as a JSON array of `[sequence, at, kind, data]`."""

    impl = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[tuple[EventRecord, ...] | None], str]:  # noqa: ARG002
        """JSON."""
        return _json

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[EventRecord, ...]:  # noqa: ARG002
        """The events."""
        return tuple(EventRecord(*row) for row in _EVENTS.decode(value or "[]"))


def _instant_text(instant: datetime | None) -> str | None:
    if instant is None:
        return None
    if instant.tzinfo is not UTC:
        instant = instant.astimezone(UTC)
    return instant.isoformat(" ", "microseconds")


def _json(values: tuple[Any, ...] | None) -> str:
    return _ENCODER.encode(values).decode() if values else "[]"
