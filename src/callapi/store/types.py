"""How values that SQL does not know are kept: instants, tuples, events.

SQLite has no instants: they are kept as text of one length, so that their order is that of time and a person who
opens the file can read them. PostgreSQL keeps `timestamptz`.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import DateTime, Dialect, Text, TypeDecorator
from sqlalchemy.types import TypeEngine

from callapi.store.records import EventRecord


class Instant(TypeDecorator[datetime]):
    """An aware datetime, given back in UTC."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text for SQLite, `timestamptz` elsewhere."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """`2026-11-17 10:00:00.000000+00:00`, or the datetime itself."""
        if value is None or dialect.name != "sqlite":
            return value
        if value.tzinfo is not UTC:
            value = value.astimezone(UTC)
        return value.isoformat(" ", "microseconds")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """The instant in UTC."""
        if value is None:
            return None
        return datetime.fromisoformat(value) if dialect.name == "sqlite" else value.astimezone(UTC)


class Texts(TypeDecorator[tuple[str, ...]]):
    """A tuple of texts, as a JSON array."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> str:  # noqa: ARG002
        """JSON."""
        return to_json(value).decode() if value else "[]"

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...]:  # noqa: ARG002
        """The tuple."""
        return tuple(from_json(value or "[]"))


class Pairs(TypeDecorator[tuple[tuple[str, str], ...]]):
    """Names and values in order, as a JSON array of pairs."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[tuple[str, str], ...] | None, dialect: Dialect) -> str:  # noqa: ARG002
        """JSON."""
        return to_json(value or ()).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[tuple[str, str], ...]:  # noqa: ARG002
        """The pairs."""
        return tuple((name, text) for name, text in from_json(value or "[]"))


class Events(TypeDecorator[tuple[EventRecord, ...]]):
    """The events of a block, as a JSON array of `[sequence, at, kind, data]`."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[EventRecord, ...] | None, dialect: Dialect) -> str:  # noqa: ARG002
        """JSON; what is none is written as its `str`, for an event must never cost the record beside it."""
        rows = [(each.sequence, each.at, each.kind, each.data) for each in value or ()]
        return to_json(rows, serialize_unknown=True, bytes_mode="base64", inf_nan_mode="strings").decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[EventRecord, ...]:  # noqa: ARG002
        """The events."""
        return tuple(_events(from_json(value or "[]")))


def _events(rows: Iterable[tuple[int, str, str, dict[str, Any]]]) -> Iterable[EventRecord]:
    for sequence, at, kind, data in rows:
        yield EventRecord(sequence, datetime.fromisoformat(at), kind, data)
