"""However changes are arranged for the database, the outcome is that of one after another."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callapi.base.ids import CallSid, EventId
from callapi.store import AddEvents, CallbackAttempted, CallbackRecord, CallRecord, EventBlock, Put, Remove
from callapi.store.changes import Change
from callapi.store.memory import MemoryBackend
from callapi.store.query import Query
from callapi.store.records import BindingRecord
from callapi.store.sql.backend import SqlBackend
from callapi.store.sql.plan import Rewrite, plan
from callapi.store.sql.tables import METADATA
from tests.store.samples import after, binding, call, callback, event

NAMES = st.sampled_from("abc")
CHANGES = st.one_of(
    st.builds(lambda name, n: Put(call(sid=CallSid(name), sequence_number=n)), NAMES, st.integers(0, 9)),
    st.builds(lambda name: Remove(CallRecord, (name,)), NAMES),
    st.builds(lambda name, n: Put(callback(name, attempts=n)), NAMES, st.integers(0, 9)),
    st.builds(lambda name: Remove(CallbackRecord, (name,)), NAMES),
    st.builds(lambda name, n: CallbackAttempted(EventId(name), n, after(n)), NAMES, st.integers(0, 9)),
    st.builds(lambda login, at, n: Put(binding(login, at, cseq=n)), NAMES, NAMES, st.integers(0, 9)),
    st.builds(lambda login: Remove(BindingRecord, (login,)), NAMES),
    st.builds(lambda login, at: Remove(BindingRecord, (login, at)), NAMES, NAMES),
    st.builds(lambda name, n: AddEvents(CallSid(name), (event(n),)), NAMES, st.integers(0, 9)),
    st.builds(lambda name: Remove(EventBlock, (name,)), NAMES),
)
KINDS: list[type[Any]] = [CallRecord, CallbackRecord, BindingRecord, EventBlock]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlBackend]:
    """SQLite, emptied by each example."""
    directory: Path = tmp_path_factory.mktemp("plan")
    backend = SqlBackend(f"sqlite:///{directory}/callapi.db")
    backend.open()
    yield backend
    backend.close()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(CHANGES, max_size=12), max_size=4))
def test_the_database_ends_up_like_the_dictionary(database: SqlBackend, batches: list[list[Change]]) -> None:
    with database._writing.begin() as connection:
        for table in METADATA.tables.values():
            connection.execute(table.delete())
    twin = MemoryBackend()
    for batch in batches:
        database.apply(batch)
        twin.apply(batch)
    for kind in KINDS:
        assert database.select(Query(kind)) == twin.select(Query(kind))


def test_a_call_that_changes_several_times_is_written_once() -> None:
    changes = [Put(call(sid=CallSid("CA1"), sequence_number=n)) for n in range(5)]
    (step,) = plan([*changes, Put(call(sid=CallSid("CA2")))])
    assert isinstance(step, Rewrite)
    assert list(step.last) == ["CA1", "CA2"]
    assert step.last["CA1"] == changes[-1].record
