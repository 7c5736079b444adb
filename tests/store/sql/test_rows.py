"""Rows and the statements that write them: as many as there are, each once, in order."""

from pathlib import Path

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from callapi.base.ids import new_call_sid
from callapi.store import CallRecord, Put
from callapi.store.query import Query
from callapi.store.sql.backend import SqlBackend
from callapi.store.sql.rows import ROWS_TOGETHER, Codec
from tests.store.samples import call

COUNTS = (1, 2, 3, 63, 64, 65, 127, 200)


def calls(count: int) -> list[CallRecord]:
    """So many, with rising sids."""
    return sorted((call(sid=new_call_sid()) for _ in range(count)), key=lambda each: each.sid)


@pytest.mark.parametrize("count", COUNTS)
def test_sqlite_writes_many_rows_by_one_statement(count: int) -> None:
    codec = Codec(CallRecord, sqlite.dialect(), "node-1")
    records = calls(count)
    writes = list(codec.upserts(records))
    fields = [value for _, values in writes for value in values]
    width = len(codec.table.columns)
    assert fields[::width] == [each.sid for each in records]
    assert len(fields) == width * count
    assert all(statement.count("?") == len(values) for statement, values in writes)
    assert len(writes) <= count // ROWS_TOGETHER[0] + len(ROWS_TOGETHER)


def test_postgresql_is_given_a_list_of_rows() -> None:
    dialect = postgresql.dialect(paramstyle="format")  # type: ignore[no-untyped-call]
    ((statement, rows),) = Codec(CallRecord, dialect, "node-1").upserts(calls(3))
    assert statement.count("%s") == len(rows[0])
    assert len(rows) == 3


@pytest.mark.parametrize("count", COUNTS)
def test_what_is_written_together_is_read_again(tmp_path: Path, count: int) -> None:
    backend = SqlBackend(f"sqlite:///{tmp_path}/callapi.db")
    backend.open()
    try:
        records = calls(count)
        for _ in range(2):  # new rows, then the same ones again
            backend.apply([Put(each) for each in records])
        assert backend.select(Query(CallRecord)) == records
    finally:
        backend.close()
