"""The store's backend on SQLite and PostgreSQL: the only place that runs SQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import IO, Any, assert_never

from sqlalchemy import ColumnElement, Connection, Engine, Select, Table, func, literal, select, tuple_, update

from callapi.store.changes import CallbackAttempted, Change
from callapi.store.errors import Fenced, StoreError, Unavailable
from callapi.store.keys import KEYS
from callapi.store.query import AtLeast, Below, Beyond, Condition, Contains, Equals, Missing, Query, RecordT
from callapi.store.records import CallbackRecord
from callapi.store.shared.door import Nodes
from callapi.store.shared.nodes import NodeTable
from callapi.store.shared.values import Owner
from callapi.store.sql.database import engines, lock_file, mapped_errors, nodes_engine, session_name
from callapi.store.sql.plan import RemoveAll, Reschedule, Rewrite, plan
from callapi.store.sql.rows import Codec
from callapi.store.sql.tables import TABLES
from callapi.store.sql.upgrade import upgrade

_OUTBOX = TABLES[CallbackRecord]
_EARLIER = _OUTBOX.alias("earlier")


class SqlBackend:
    """`Backend` for `sqlite:///…` and `postgresql://…`."""

    answers_at_once = False

    def __init__(self, url: str) -> None:
        self._url = url
        self._engines: tuple[Engine, Engine] | None = None
        self._codecs: dict[type[Any], Codec[Any]] = {}
        self._fence: tuple[str, int] | None = None
        """Name and epoch of the node whose writes these are; None: no node owns them."""
        self._session_name = ""
        self._lock: IO[bytes] | None = None
        self._nodes_engine: Engine | None = None

    def open(self) -> None:
        """Connect and migrate. Raises Unavailable."""
        self._engines = writing, _ = engines(self._url)
        self._codecs = {kind: Codec(kind, writing.dialect) for kind in TABLES}
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
        """One transaction. Raises Conflict, Unavailable."""
        with mapped_errors(), self._writing.begin() as connection:
            self._stand_guard(connection)
            for step in plan(changes):
                match step:
                    case Rewrite():
                        self._rewrite(connection, step)
                    case RemoveAll(kind, prefix):
                        connection.exec_driver_sql(self._codecs[kind].deletes[len(prefix)], prefix)
                    case Reschedule(attempt):
                        _reschedule(connection, attempt)
                    case _:
                        assert_never(step)

    def _stand_guard(self, connection: Connection) -> None:
        """Keep others from taking over until the transaction is over. Raises Fenced if one has.

        The session bears the process's name until then, by which one that takes over finds it. It is set for the
        transaction alone: a pooler's connection never carries the name of one node into the work of another.
        """
        if self._fence is not None and connection.dialect.name == "postgresql":
            rows = connection.exec_driver_sql(
                "SELECT set_config('application_name', %s, true) FROM nodes"
                " WHERE name = %s AND epoch = %s FOR KEY SHARE",
                (self._session_name, *self._fence),
            )
            if not rows.all():
                raise Fenced(*self._fence)

    def _rewrite(self, connection: Connection, step: Rewrite) -> None:
        codec = self._codecs[step.kind]
        # First, so that a name or number that is given up may be taken by another record of the same group.
        removed = [
            key if isinstance(key, tuple) else (key,) for key, record in step.last.items() if record is None
        ]
        if removed:
            connection.exec_driver_sql(codec.deletes[len(KEYS[step.kind])], removed)
        kept = [record for record in step.last.values() if record is not None]
        for written, values in codec.upserts(kept) if kept else ():
            connection.exec_driver_sql(written, values)

    def probe(self) -> None:
        """Begin a writing transaction and let it be. Raises Unavailable."""
        with mapped_errors(), self._writing.begin() as connection:
            connection.exec_driver_sql("SELECT 1")

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


def _reschedule(connection: Connection, attempt: CallbackAttempted) -> None:
    connection.execute(
        update(_OUTBOX)
        .where(_OUTBOX.c.event_id == attempt.event_id)
        .values(attempts=attempt.attempts, next_at=attempt.next_at)
    )
