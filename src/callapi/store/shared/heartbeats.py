"""The heartbeat of a node: one statement says that it lives, and brings back who else does.

A hundred nodes each read the table every second. So what does not change while a process lives (addresses, version) is
read once for each process, and looks for work that waits in tables are part of the statement: a node at rest asks
nothing else of the database.
"""

import time
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Connection, Engine, exc

from callapi.store.errors import Fenced
from callapi.store.shared.values import NodeEntry, NodeState, Report, Roll
from callapi.store.sql.database import mapped_errors

_BEAT: Final = """
WITH mine AS (
  UPDATE nodes SET beat = beat + 1, state = %(state)s, live_calls = %(live_calls)s, seen_at = clock_timestamp()
  WHERE name = %(name)s AND epoch = %(epoch)s
  RETURNING is_drain_wanted, seen_at
)
SELECT nodes.name, nodes.epoch, nodes.beat, nodes.state, nodes.live_calls,
  EXTRACT(EPOCH FROM clock_timestamp() - nodes.seen_at)::float8,
  mine.is_drain_wanted, EXTRACT(EPOCH FROM mine.seen_at)::float8,
  EXISTS (SELECT FROM commands WHERE node = %(name)s AND NOT is_taken AND epoch = %(epoch)s),
  EXISTS (SELECT FROM queued_calls WHERE node = '')
FROM mine CROSS JOIN nodes ORDER BY nodes.name
"""
_FACTS: Final = "SELECT name, epoch, identity, sip, http, version FROM nodes"


class _Facts(Struct, frozen=True):
    """What is the same as long as a process of a node lives."""

    identity: str
    sip: str
    http: str
    version: str


class Heartbeats:
    """Those of the process that claimed `name` at `epoch`, on PostgreSQL; `engine` keeps one connection for them."""

    def __init__(self, engine: Engine, name: str, epoch: int) -> None:
        self._engine = engine
        self._name = name
        self._epoch = epoch
        self._facts: dict[tuple[str, int], _Facts] = {}

    def beat(self, report: Report) -> Roll:
        """Say that the node lives; who else does. Blocks. Raises Fenced, Unavailable."""
        with mapped_errors():
            try:
                return self._beat(report)
            except exc.DBAPIError as error:
                if not error.connection_invalidated:
                    raise
            return self._beat(report)  # the server was restarted since the last one

    def _beat(self, report: Report) -> Roll:
        with self._engine.connect() as connection:
            before = time.time()
            rows = connection.exec_driver_sql(
                _BEAT,
                {
                    "state": report.state.value,
                    "live_calls": report.live_calls,
                    "name": self._name,
                    "epoch": self._epoch,
                },
            ).all()
            here = (before + time.time()) / 2
            if not rows:
                raise Fenced(self._name, self._epoch)
            self._learn(connection, rows)
        *_, is_drain_wanted, there, has_commands, has_free_calls = rows[0]
        return Roll(
            tuple(self._entry(row) for row in rows),
            is_drain_wanted,
            there - here,
            has_commands=has_commands,
            has_free_calls=has_free_calls,
        )

    def _learn(self, connection: Connection, rows: Any) -> None:
        """Read of processes that are new what does not change; forget those that are over."""
        known = {(row[0], row[1]) for row in rows}
        if not known <= self._facts.keys():
            self._facts = {(row[0], row[1]): _Facts(*row[2:]) for row in connection.exec_driver_sql(_FACTS)}
        elif len(self._facts) > len(known):
            self._facts = {each: self._facts[each] for each in known}

    def _entry(self, row: Any) -> NodeEntry:
        name, epoch, beat, state, live_calls, seconds, *_ = row
        # One that has started between the two readings is known at the next beat.
        facts = self._facts.get((name, epoch), _Facts("", "", "", ""))
        return NodeEntry(
            name=name,
            identity=facts.identity,
            epoch=epoch,
            beat=beat,
            state=NodeState(state),
            sip=facts.sip,
            http=facts.http,
            version=facts.version,
            live_calls=live_calls,
            seconds_since_seen=seconds,
        )
