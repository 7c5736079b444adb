"""Records to rows and back, and the statements that write them, for one dialect.

The statements are made by SQLAlchemy once; the rows go straight to the driver, many at a time. A call costs some
eight writes, and each would pay for SQLAlchemy's way from an object to a row, which is for other purposes.
"""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, Generic

from sqlalchemy import Column, Dialect, Table, bindparam, delete
from sqlalchemy.dialects import postgresql, sqlite

from callapi.store.keys import FIXED, KEYS
from callapi.store.query import RecordT
from callapi.store.sql.tables import TABLES


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
        self.upsert = self._upsert(written, dialect)
        key = [self.table.columns[name] for name in KEYS[kind]]
        self.deletes = {
            length: _positional(
                delete(self.table).where(*(column == bindparam(column.key) for column in key[:length])),
                dialect,
            )
            for length in range(1, len(key) + 1)
        }

    def rows(self, records: Iterable[RecordT]) -> list[tuple[Any, ...]]:
        """The parameters of `upsert` for each record."""
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


def _positional(statement: Any, dialect: Dialect) -> str:
    return str(statement.compile(dialect=dialect))
