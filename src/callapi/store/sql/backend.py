"""The store's backend on SQLite and PostgreSQL: the only place that runs SQL."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import IO, Any, Final, assert_never

from sqlalchemy import ColumnElement, Engine, Select, Table, func, literal, select, tuple_

from callapi.store.changes import Change
from callapi.store.errors import Fenced, StoreError, Unavailable
from callapi.store.keys import KEYS
from callapi.store.query import AtLeast, Below, Beyond, Condition, Contains, Equals, Missing, Query, RecordT
from callapi.store.records import CallbackRecord
from callapi.store.shared.door import Nodes
from callapi.store.shared.nodes import NodeTable
from callapi.store.shared.values import Owner
from callapi.store.sql.database import engines, lock_file, mapped_errors, nodes_engine, session_name
from callapi.store.sql.pipelined import write_in_pipeline
from callapi.store.sql.plan import RemoveAll, Reschedule, Rewrite, Step, plan
from callapi.store.sql.rows import Codec, Rescheduling, Write
from callapi.store.sql.tables import TABLES
from callapi.store.sql.upgrade import upgrade

_OUTBOX = TABLES[CallbackRecord]
_EARLIER = _OUTBOX.alias("earlier")
_GUARD: Final = (
    "SELECT set_config('application_name', %s, true) FROM nodes WHERE name = %s AND epoch = %s FOR KEY SHARE"
)


class SqlBackend:
    """`Backend` for `sqlite:///…` and `postgresql://…`."""

    answers_at_once = False

    def __init__(self, url: str) -> None:
        self._url = url
        self._engines: tuple[Engine, Engine] | None = None
        self._codecs: dict[type[Any], Codec[Any]] = {}
        self._rescheduling: Rescheduling | None = None
        self._fence: tuple[str, int] | None = None
        """Name and epoch of the node whose writes these are; None: no node owns them."""
        self._session_name = ""
        self._lock: IO[bytes] | None = None
        self._nodes_engine: Engine | None = None

    def open(self) -> None:
        """Connect and migrate. Raises Unavailable."""
        self._engines = writing, _ = engines(self._url)
        self._codecs = {kind: Codec(kind, writing.dialect) for kind in TABLES}
        self._rescheduling = Rescheduling(writing.dialect)
        try:
            with mapped_errors():
                upgrade(writing)
        except StoreError:
            self.close()
            raise

    def claim(self, owner: Owner) -> int:
        """Own what is written from now on. Raises NameTaken, Unavailable."""
        engine = self._writing
        if engine.dialect.name == "sqlite":
            self._lock = lock_file(self._url)
        epoch = NodeTable(engine).claim(owner)
        self._fence = (owner.name, epoch)
        self._session_name = session_name(owner.name, epoch)
        self._codecs = {kind: Codec(kind, engine.dialect, owner.name) for kind in TABLES}
        return epoch

    def nodes(self, owner: Owner, epoch: int) -> Nodes:
        """The nodes of this database, for the process that has claimed a name."""
        self._nodes_engine = nodes_engine(self._url, self._writing)
        return Nodes(self._nodes_engine, self._url, owner, epoch)

    def close(self) -> None:
        """Close every connection."""
        if self._nodes_engine is not None:
            self._nodes_engine.dispose()
            self._nodes_engine = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None
        for engine in self._engines or ():
            engine.dispose()
        self._engines = None

    @property
    def _writing(self) -> Engine:
        return self._opened()[0]

    @property
    def _reading(self) -> Engine:
        return self._opened()[1]

    def _opened(self) -> tuple[Engine, Engine]:
        if self._engines is None:
            raise Unavailable("the store is not open")
        return self._engines

    def apply(self, changes: Sequence[Change]) -> None:
        """One transaction. Raises Conflict, Fenced, Unavailable."""
        steps = plan(changes)
        if not self._transact(self._guard(), lambda: self._writes(steps)) and self._fence is not None:
            raise Fenced(*self._fence)

    def _transact(self, guard: Write | None, writes: Callable[[], Iterable[Write]]) -> bool:
        """One transaction; False: the guard has found no row. A file has one node, and needs none."""
        engine = self._writing
        with mapped_errors():
            if engine.dialect.name == "postgresql":
                return write_in_pipeline(engine, guard, writes)
            with engine.begin() as connection:
                for statement, values in writes():
                    connection.exec_driver_sql(statement, values)
            return True

    def _guard(self) -> Write | None:
        """What keeps others from taking over until the transaction is over; no row: one has.

        The session bears the process's name until then, by which one that takes over finds it. It is set for the
        transaction alone: a pooler's connection never carries the name of one node into the work of another.
        """
        return None if self._fence is None else (_GUARD, (self._session_name, *self._fence))

    def _writes(self, steps: Iterable[Step]) -> Iterator[Write]:
        for step in steps:
            match step:
                case Rewrite():
                    yield from self._rewrites(step)
                case RemoveAll(kind, prefix):
                    yield self._codecs[kind].deletes[len(prefix)], prefix
                case Reschedule(attempt):
                    assert self._rescheduling is not None  # noqa: S101 - made with the engines
                    yield self._rescheduling.write(attempt)
                case _:
                    assert_never(step)

    def _rewrites(self, step: Rewrite) -> Iterator[Write]:
        codec = self._codecs[step.kind]
        # First, so that a name or number that is given up may be taken by another record of the same group.
        removed = [
            key if isinstance(key, tuple) else (key,) for key, record in step.last.items() if record is None
        ]
        if removed:
            yield codec.deletes[len(KEYS[step.kind])], removed
        kept = [record for record in step.last.values() if record is not None]
        if kept:
            yield from codec.upserts(kept)

    def probe(self) -> None:
        """Begin a writing transaction and let it be. Raises Unavailable."""
        self._transact(None, lambda: (("SELECT 1", ()),))

    def select(self, query: Query[RecordT]) -> list[RecordT]:
        """Raises Unavailable."""
        codec: Codec[RecordT] = self._codecs[query.kind]
        with mapped_errors(), self._reading.connect() as connection:
            return [codec.record(row) for row in connection.execute(statement(query, codec.columns))]

    def count(self, query: Query[RecordT]) -> int:
        """Raises Unavailable."""
        table = TABLES[query.kind]
        counting = (
            select(func.count()).select_from(table).where(*(_where(table, each) for each in query.where))
        )
        with mapped_errors(), self._reading.connect() as connection:
            return connection.execute(counting).scalar_one()

    def callback_hosts(self, limit: int) -> list[str]:
        """Raises Unavailable."""
        host = _OUTBOX.c.host
        hosts = (
            select(host)
            .where(*self._own())
            .group_by(host)
            .order_by(func.min(_OUTBOX.c.position))
            .limit(limit)
        )
        with mapped_errors(), self._reading.connect() as connection:
            return list(connection.execute(hosts).scalars())

    def due_callbacks(
        self, host: str, now: datetime, limit: int
    ) -> tuple[list[CallbackRecord], datetime | None]:
        """Raises Unavailable."""
        codec: Codec[CallbackRecord] = self._codecs[CallbackRecord]
        later = select(func.min(_OUTBOX.c.next_at)).where(
            *self._own(), _OUTBOX.c.host == host, _OUTBOX.c.next_at > now
        )
        with mapped_errors(), self._reading.connect() as connection:
            rows = connection.execute(_due(codec, host, now).where(*self._own()).limit(limit))
            return [codec.record(row) for row in rows], connection.execute(later).scalar()

    def _own(self) -> tuple[ColumnElement[bool], ...]:
        """The condition on rows of the outbox that they are this node's."""
        return () if self._fence is None else (_OUTBOX.c.node == self._fence[0],)


def statement(query: Query[Any], columns: Sequence[ColumnElement[Any]]) -> Select[Any]:
    """The SELECT of `columns` that answers `query`."""
    table = TABLES[query.kind]
    found = select(*columns).where(*(_where(table, each) for each in query.where))
    if query.newest_by:
        columns_by = (table.c[name] for name in query.newest_by)
        found = found.order_by(*(each if query.is_rising else each.desc() for each in columns_by))
    else:
        found = found.order_by(*(table.c[name] for name in KEYS[query.kind]))
    if query.limit is not None:
        found = found.limit(query.limit)
    return found.offset(query.offset) if query.offset else found


def _where(table: Table, condition: Condition) -> ColumnElement[bool]:
    match condition:
        case Equals(field, value):
            return table.c[field] == value
        case AtLeast(field, value):
            return table.c[field] >= value
        case Below(field, value):
            return table.c[field] < value
        case Missing(field):
            return table.c[field].is_(None)
        case Contains(field, part):
            return table.c[field].contains(part, autoescape=True)
        case Beyond(names, values, is_rising):
            columns = [table.c[name] for name in names]
            limits = [literal(value, column.type) for column, value in zip(columns, values, strict=True)]
            here, limit = tuple_(*columns), tuple_(*limits)
            return here > limit if is_rising else here < limit
        case _:
            assert_never(condition)


def _due(codec: Codec[CallbackRecord], host: str, now: datetime) -> Select[Any]:
    held_up = (
        select(_EARLIER.c.position)
        .where(
            _EARLIER.c.stream == _OUTBOX.c.stream,
            _EARLIER.c.host == _OUTBOX.c.host,
            _EARLIER.c.position < _OUTBOX.c.position,
            _EARLIER.c.next_at > now,
        )
        .exists()
    )
    return (
        select(*codec.columns)
        .where(_OUTBOX.c.host == host, _OUTBOX.c.next_at <= now, ~held_up)
        .order_by(_OUTBOX.c.position)
    )
