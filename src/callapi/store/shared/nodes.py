"""The table of nodes: names are claimed here, kept by `heartbeats`, and lost to the node that takes over.

Each write of a node begins by locking its row at its epoch (`FOR KEY SHARE`); a takeover locks the row against that
(`FOR UPDATE`) and raises the epoch. So a write of a node that was taken over either came before the takeover, which
then sees it, or changes nothing: a process that was suspended or cut off cannot undo what others did meanwhile.

A takeover first locks the row against heartbeats (`FOR NO KEY UPDATE`) and sees that the node has made none. Only then
does it end sessions of that node's process that still write: the node cannot turn out to live meanwhile.

Methods block; each is one transaction.
"""

import re
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from msgspec.structs import replace
from sqlalchemy import (
    Connection,
    Engine,
    and_,
    delete,
    exc,
    func,
    literal,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from callapi.base.clock import utc_now
from callapi.store.errors import Fenced, NameTaken
from callapi.store.records import CallbackRecord, CallRecord
from callapi.store.shared.tables import ACCOUNT_USE, NODES, QUEUED_CALLS, SHARED_VALUES
from callapi.store.shared.values import NodeEntry, NodeState, Owner
from callapi.store.sql.database import mapped_errors, session_name
from callapi.store.sql.tables import TABLES

_CALLS: Final = TABLES[CallRecord]
_CALLBACKS: Final = TABLES[CallbackRecord]
# "nodes" in ASCII: claims and takeovers are made one after another.
_LOCK: Final = 0x6E6F646573
_ANY_ADDRESS: Final = re.compile(r"//(?:0\.0\.0\.0|\[::\]):")
_RUNNING: Final = (NodeState.UP.value, NodeState.DRAINING.value)
WATCH_S: Final = 5.0
"""How long a rival of one's name is watched: one that makes no heartbeat in this time is dead."""
_WATCH_EVERY_S: Final = 0.5
_GRACE_MS: Final = 500
"""How long writes of a dead node that are under way may take to end by themselves."""
_LOCK_NOT_AVAILABLE: Final = "55P03"
_END_SESSIONS: Final = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND usename = session_user AND application_name = :name"
)


class NodeTable:
    """The table of nodes in a database; `engine` is used by one thread at a time for each call."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._is_shared = engine.dialect.name == "postgresql"

    def claim(self, owner: Owner, sleep: Callable[[float], None] = time.sleep) -> int:
        """Take the name of `owner`; the epoch of this process. What no running node owns becomes this one's.

        A process of the same identity is known to be over: its data directory was locked. One of another identity is
        watched for `WATCH_S`.

        Raises:
            NameTaken: it runs.
            Unavailable: the database is away.
        """
        rival = self._try_to_claim(owner, None)
        if isinstance(rival, int):
            return rival
        for _ in range(round(WATCH_S / _WATCH_EVERY_S)):
            sleep(_WATCH_EVERY_S)
            seen = self._entry(owner.name)
            if seen is not None and seen.state.is_running and seen.beat != rival.beat:
                raise NameTaken(owner.name, seen.http)
        claimed = self._try_to_claim(owner, rival)
        if isinstance(claimed, int):
            return claimed
        raise NameTaken(owner.name, claimed.http)

    def _try_to_claim(self, owner: Owner, dead: NodeEntry | None) -> int | NodeEntry:
        with mapped_errors(), self._engine.begin() as connection:
            self._take_turn(connection)
            named = select(NODES).where(NODES.c.name == owner.name)
            rows = connection.execute(self._without_heartbeats(named)).all()
            rival = self._as_entry(rows[0]) if rows else None
            if self._is_shared and rival is not None:
                if self._runs(rival, owner, dead):
                    return rival
                self._shut_out(connection, rival)
            epoch = 1 if rival is None else rival.epoch + 1
            connection.execute(self._upsert(self._reachable(connection, owner), epoch))
            self._free_queue(connection, owner.name)
            self._adopt_orphans(connection, owner.name)
            return epoch

    @staticmethod
    def _runs(rival: NodeEntry, owner: Owner, dead: NodeEntry | None) -> bool:
        if not rival.state.is_running or rival.identity == owner.identity:
            return False
        return dead is None or (rival.epoch, rival.beat) != (dead.epoch, dead.beat)

    def _reachable(self, connection: Connection, owner: Owner) -> Owner:
        """`owner` with the address that the database sees, where its HTTP server listens on every address."""
        if not self._is_shared or not _ANY_ADDRESS.search(owner.http):
            return owner
        seen = connection.execute(text("SELECT host(inet_client_addr())")).scalar() or "127.0.0.1"
        host = f"[{seen}]" if ":" in seen else seen
        return replace(owner, http=_ANY_ADDRESS.sub(f"//{host}:", owner.http))

    def _upsert(self, owner: Owner, epoch: int) -> Any:
        insert = postgresql.insert if self._is_shared else sqlite.insert
        now = utc_now()
        values = {
            "identity": owner.identity,
            "epoch": epoch,
            "beat": 0,
            "state": NodeState.UP.value,
            "sip": owner.sip,
            "http": owner.http,
            "version": owner.version,
            "live_calls": 0,
            "started_at": now,
            "seen_at": now,
            "numbers": owner.numbers,
            "is_drain_wanted": False,
        }
        return (
            insert(NODES)
            .values(name=owner.name, **values)
            .on_conflict_do_update(index_elements=["name"], set_=values)
        )

    def _adopt_orphans(self, connection: Connection, name: str) -> None:
        """What belongs to a node that does not run becomes that of `name`: all of it, where one node has the file."""
        if not self._is_shared:
            connection.execute(delete(NODES).where(NODES.c.name != name))
        running = select(NODES.c.name).where(NODES.c.state.in_(_RUNNING))
        for table, alive in (
            (_CALLS, _CALLS.c.end_time.is_(None)),
            (_CALLBACKS, literal_column("1") == 1),
        ):
            orphans = [alive, table.c.node.not_in(running)]
            if table is _CALLS:  # calls of no node wait in the queue for any
                orphans.append(table.c.node != "")
            connection.execute(update(table).where(*orphans).values(node=name))
        connection.execute(delete(ACCOUNT_USE).where(ACCOUNT_USE.c.node.not_in(running)))
        connection.execute(delete(ACCOUNT_USE).where(ACCOUNT_USE.c.node == name))

    def all(self) -> tuple[NodeEntry, ...]:
        """Every node that the database knows. Raises Unavailable."""
        with mapped_errors(), self._engine.begin() as connection:
            return self._entries(connection)

    def bury(self, dead: NodeEntry, heir: str, heir_epoch: int, columns: Sequence[Any]) -> list[Any] | None:
        """Give what `dead` had to `heir`: the rows (`columns`) of its live calls; None if it was not dead after all.

        Calls that wait to be placed are left to any node that claims them. Raises Fenced, Unavailable.
        """
        with mapped_errors(), self._engine.begin() as connection:
            self._take_turn(connection)
            self._require(connection, heir, heir_epoch)
            as_seen = and_(NODES.c.name == dead.name, NODES.c.epoch == dead.epoch, NODES.c.beat == dead.beat)
            if not connection.execute(self._without_heartbeats(select(NODES.c.name).where(as_seen))).all():
                return None
            if self._is_shared:
                self._shut_out(connection, dead)
            state = NodeState.DEAD if dead.state.is_running else dead.state
            connection.execute(
                update(NODES)
                .where(NODES.c.name == dead.name)
                .values(epoch=dead.epoch + 1, state=state.value, live_calls=0, beat=-1)
            )
            return self._inherit(connection, dead.name, heir, columns)

    def _inherit(self, connection: Connection, dead: str, heir: str, columns: Sequence[Any]) -> list[Any]:
        connection.execute(update(_CALLBACKS).where(_CALLBACKS.c.node == dead).values(node=heir))
        connection.execute(delete(ACCOUNT_USE).where(ACCOUNT_USE.c.node == dead))
        self._free_queue(connection, dead)
        alive = and_(_CALLS.c.node == dead, _CALLS.c.end_time.is_(None))
        return list(
            connection.execute(update(_CALLS).where(alive).values(node=heir).returning(*columns)).all()
        )

    @staticmethod
    def _free_queue(connection: Connection, node: str) -> None:
        """What `node` had to place is any node's."""
        mine = select(QUEUED_CALLS.c.call_sid).where(QUEUED_CALLS.c.node == node)
        waiting = and_(_CALLS.c.status == "queued", _CALLS.c.end_time.is_(None), _CALLS.c.sid.in_(mine))
        connection.execute(update(_CALLS).where(waiting).values(node=""))
        connection.execute(update(QUEUED_CALLS).where(QUEUED_CALLS.c.node == node).values(node=""))

    def leave(self, name: str, epoch: int) -> None:
        """The node has stopped in good order: its name is free, its callbacks are the others'. Raises Unavailable."""
        mine = and_(NODES.c.name == name, NODES.c.epoch == epoch)
        with mapped_errors(), self._engine.begin() as connection:
            connection.execute(
                update(NODES).where(mine).values(state=NodeState.LEFT.value, live_calls=0, seen_at=utc_now())
            )

    def want_drain(self, name: str, *, is_wanted: bool) -> bool:
        """Ask a node to drain, or to take calls again; False if none of that name runs. Raises Unavailable."""
        running = and_(NODES.c.name == name, NODES.c.state.in_(_RUNNING))
        with mapped_errors(), self._engine.begin() as connection:
            found = connection.execute(
                update(NODES).where(running).values(is_drain_wanted=is_wanted).returning(NODES.c.name)
            ).all()
        return bool(found)

    def configured_elsewhere(self, name: str) -> frozenset[str]:
        """The numbers in the configuration files of other nodes. Raises Unavailable."""
        with mapped_errors(), self._engine.begin() as connection:
            lists = connection.execute(select(NODES.c.numbers).where(NODES.c.name != name)).scalars()
            return frozenset(number for numbers in lists for number in numbers)

    def shared_value(self, name: str, proposal: str) -> str:
        """The value that all nodes know by `name`; `proposal`, if there was none. Raises Unavailable."""
        insert = postgresql.insert if self._is_shared else sqlite.insert
        with mapped_errors(), self._engine.begin() as connection:
            connection.execute(
                insert(SHARED_VALUES).values(name=name, value=proposal).on_conflict_do_nothing()
            )
            value: str = connection.execute(
                select(SHARED_VALUES.c.value).where(SHARED_VALUES.c.name == name)
            ).scalar_one()
            return value

    def _take_turn(self, connection: Connection) -> None:
        if self._is_shared:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})

    def _without_heartbeats(self, query: Any) -> Any:
        """`query` of rows whose nodes can make no heartbeat until the transaction is over; they can still write."""
        return query.with_for_update(key_share=True) if self._is_shared else query

    @staticmethod
    def _shut_out(connection: Connection, dead: NodeEntry) -> None:
        """Lock the row of `dead` against its writes too; the heartbeats are locked out already.

        A connection that was cut within a message is not idle for the server, which keeps its locks until the
        connection is found to be gone, hours later. So what is not over after `_GRACE_MS` is ended.
        """
        locking = select(NODES.c.name).where(NODES.c.name == dead.name).with_for_update()
        try:
            with connection.begin_nested():
                connection.execute(text(f"SET LOCAL lock_timeout = {_GRACE_MS}"))
                connection.execute(locking)
                connection.execute(text("SET LOCAL lock_timeout TO DEFAULT"))
        except exc.OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
            connection.execute(_END_SESSIONS, {"name": session_name(dead.name, dead.epoch)})
            connection.execute(locking)

    @staticmethod
    def _require(connection: Connection, name: str, epoch: int) -> None:
        mine = select(NODES.c.name).where(NODES.c.name == name, NODES.c.epoch == epoch)
        if not connection.execute(mine.with_for_update(read=True, key_share=True)).all():
            raise Fenced(name, epoch)

    def _entry(self, name: str) -> NodeEntry | None:
        with mapped_errors(), self._engine.begin() as connection:
            rows = connection.execute(select(NODES).where(NODES.c.name == name)).all()
        return self._as_entry(rows[0]) if rows else None

    def _entries(self, connection: Connection) -> tuple[NodeEntry, ...]:
        now = func.clock_timestamp() if self._is_shared else literal(utc_now(), NODES.c.seen_at.type)
        rows = connection.execute(select(NODES, now.label("now")).order_by(NODES.c.name)).all()
        return tuple(self._as_entry(row, row.now) for row in rows)

    @staticmethod
    def _as_entry(row: Any, now: Any = None) -> NodeEntry:
        return NodeEntry(
            name=row.name,
            identity=row.identity,
            epoch=row.epoch,
            beat=row.beat,
            state=NodeState(row.state),
            sip=row.sip,
            http=row.http,
            version=row.version,
            live_calls=row.live_calls,
            seconds_since_seen=(now - row.seen_at).total_seconds() if now else 0.0,
        )
