"""Records to rows and back, and the statements that write them, for one dialect.

The statements are made by SQLAlchemy once; the rows go straight to the driver, many at a time. A call costs some
eight writes, and each would pay for SQLAlchemy's way from an object to a row, which is for other purposes.

PostgreSQL's driver sends many rows as one pipeline. SQLite's runs a statement for each row, and around each gives the
interpreter to another thread and takes it back: so there a statement holds many rows.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from operator import attrgetter
from typing import Any, Final, Generic, TypeAlias

from sqlalchemy import Column, Dialect, Table, bindparam, delete, update
from sqlalchemy.dialects import postgresql, sqlite

from callapi.store.changes import CallbackAttempted
from callapi.store.keys import FIXED, KEYS
from callapi.store.query import RecordT
from callapi.store.records import CallbackRecord
from callapi.store.sql.tables import TABLES

ROWS_TOGETHER: Final = (64, 32, 16, 8, 4, 2, 1)
"""How many rows a statement of SQLite has; few numbers, since the driver keeps what it has prepared of each."""
Write: TypeAlias = tuple[str, Any]
"""A statement and what fills it in: one row, or a list of rows."""


class Codec(Generic[RecordT]):
    """How records of `kind` are written to their table and read from it."""

    def __init__(self, kind: type[RecordT], dialect: Dialect, owner: str = "") -> None:
        """`owner` is the node that rows belong to whose table has a `node`, and whose record does not say."""
        self.table: Table = TABLES[kind]
        self._kind = kind
        written = [column for column in self.table.columns if column.autoincrement is not True]
        # Read in the order of the record's fields, so that a row is its arguments.
        self.columns: list[Column[Any]] = [self.table.columns[name] for name in kind.__struct_fields__]
        # `node` is the last column of the tables that have it beyond their record.
        has_owner = written[-1].key == "node" and "node" not in kind.__struct_fields__
        self._owner = (owner,) if has_owner else ()
        self._values = attrgetter(*(column.key for column in written[: -1 if has_owner else None]))
        processors = [column.type.dialect_impl(dialect).bind_processor(dialect) for column in written]
        self._encoders = [(place, encode) for place, encode in enumerate(processors) if encode is not None]
        self._upsert_one = self._upsert(written, dialect)
        self._upserts: dict[int, str] = {}
        if dialect.name == "sqlite":
            row = f"({', '.join('?' * len(written))})"
            before, _, after = self._upsert_one.partition(row)
            self._upserts = {
                number: f"{before}{', '.join([row] * number)}{after}" for number in ROWS_TOGETHER
            }
        key = [self.table.columns[name] for name in KEYS[kind]]
        self.deletes = {
            length: _positional(
                delete(self.table).where(*(column == bindparam(column.key) for column in key[:length])),
                dialect,
            )
            for length in range(1, len(key) + 1)
        }

    def upserts(self, records: Iterable[RecordT]) -> Iterator[Write]:
        """What writes `records`, no two of which have the same key."""
        rows = self._rows(records)
        if not self._upserts:
            yield self._upsert_one, rows
            return
        start = 0
        for number in ROWS_TOGETHER:
            while len(rows) - start >= number:
                yield self._upserts[number], tuple(chain.from_iterable(rows[start : start + number]))
                start += number

    def _rows(self, records: Iterable[RecordT]) -> list[tuple[Any, ...]]:
        encoders, rows = self._encoders, []
        for record in records:
            row = [*self._values(record), *self._owner]
            for place, encode in encoders:
                row[place] = encode(row[place])
            rows.append(tuple(row))
        return rows

    def record(self, row: Sequence[Any]) -> RecordT:
        """The record of a row that has `columns`."""
        return self._kind(*row)

    def _upsert(self, written: list[Column[Any]], dialect: Dialect) -> str:
        insert = postgresql.insert if dialect.name == "postgresql" else sqlite.insert
        statement = insert(self.table).values({column.key: bindparam(column.key) for column in written})
        key = KEYS[self._kind]
        fixed = {*key, *FIXED.get(self._kind, ())}
        changed = {
            column.key: statement.excluded[column.key] for column in written if column.key not in fixed
        }
        return _positional(statement.on_conflict_do_update(index_elements=key, set_=changed), dialect)


class Rescheduling:
    """How a row of the outbox is moved to another time."""

    def __init__(self, dialect: Dialect) -> None:
        table = TABLES[CallbackRecord]
        encode = table.c.next_at.type.dialect_impl(dialect).bind_processor(dialect)
        self._encode: Callable[[datetime], Any] = encode or (lambda instant: instant)
        moved = update(table).where(table.c.event_id == bindparam("of"))
        self._statement = _positional(
            moved.values(attempts=bindparam("attempts"), next_at=bindparam("next_at")), dialect
        )

    def write(self, attempt: CallbackAttempted) -> Write:
        """The statement for `attempt`; the columns of the table stand in this order."""
        return self._statement, (self._encode(attempt.next_at), attempt.attempts, attempt.event_id)


def _positional(statement: Any, dialect: Dialect) -> str:
    return str(statement.compile(dialect=dialect))
