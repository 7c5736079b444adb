"""The queue of calls over REST, as rows that any node may claim. Each method is one transaction, and blocks."""

from collections.abc import Collection
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Engine, and_, delete, func, insert, or_, select, update

from callapi.store.records import CallRecord
from callapi.store.shared.tables import QUEUED_CALLS
from callapi.store.sql.database import mapped_errors
from callapi.store.sql.tables import TABLES

_CALLS: Final = TABLES[CallRecord]
NO_NODE: Final = ""
MAX_CLAIMED: Final = 20
"""Calls that a node claims at once, so that what a dead node left is shared by all."""


class KeptCall(Struct, frozen=True):
    """A call that waits: its record, and the command as its keeper wrote it."""

    record: CallRecord
    command: str


class QueueTable:
    """The queue as `node` uses it."""

    def __init__(self, engine: Engine, node: str) -> None:
        self._engine = engine
        self._node = node

    def keep(self, sid: str, account: str, command: str, max_waiting: int) -> bool:
        """Add a call; False: the account has `max_waiting` calls waiting over all nodes."""
        waiting = select(func.count()).select_from(QUEUED_CALLS).where(QUEUED_CALLS.c.account_sid == account)
        last = select(func.coalesce(func.max(QUEUED_CALLS.c.position), 0) + 1).scalar_subquery()
        row = {
            "call_sid": sid,
            "account_sid": account,
            "node": self._node,
            "command": command,
            "position": last,
        }
        with mapped_errors(), self._engine.begin() as connection:
            if connection.execute(waiting).scalar_one() >= max_waiting:
                return False
            connection.execute(insert(QUEUED_CALLS).values(row))
            return True

    def remove(self, sid: str) -> bool:
        """Take a call of this node out; whether it was this node's."""
        mine = and_(QUEUED_CALLS.c.call_sid == sid, QUEUED_CALLS.c.node == self._node)
        with mapped_errors(), self._engine.begin() as connection:
            return connection.execute(delete(QUEUED_CALLS).where(mine)).rowcount > 0

    def own(self) -> frozenset[str]:
        """The calls that wait at this node."""
        mine = select(QUEUED_CALLS.c.call_sid).where(QUEUED_CALLS.c.node == self._node)
        with mapped_errors(), self._engine.begin() as connection:
            return frozenset(connection.execute(mine).scalars())

    def release(self) -> None:
        """This node places no more calls: what waits here is any node's."""
        mine = select(QUEUED_CALLS.c.call_sid).where(QUEUED_CALLS.c.node == self._node)
        with mapped_errors(), self._engine.begin() as connection:
            connection.execute(
                update(_CALLS)
                .where(_CALLS.c.sid.in_(mine), _CALLS.c.status == "queued", _CALLS.c.end_time.is_(None))
                .values(node=NO_NODE)
            )
            connection.execute(
                update(QUEUED_CALLS).where(QUEUED_CALLS.c.node == self._node).values(node=NO_NODE)
            )

    def claim(self, known: Collection[str] | None = None) -> list[KeptCall]:
        """Make calls that no node has this node's, the oldest first; others that claim meanwhile get others.

        `known`: those of this node that it knows of; it gets what it has beside them, too.
        """
        is_free = QUEUED_CALLS.c.node == NO_NODE
        if known is not None:
            is_lost = and_(QUEUED_CALLS.c.node == self._node, QUEUED_CALLS.c.call_sid.not_in(known))
            is_free = or_(is_free, is_lost)
        free = (
            select(QUEUED_CALLS.c.call_sid)
            .where(is_free)
            .order_by(QUEUED_CALLS.c.position)
            .limit(MAX_CLAIMED)
            .with_for_update(skip_locked=True)
        )
        claiming = (
            update(QUEUED_CALLS)
            .where(QUEUED_CALLS.c.call_sid.in_(free))
            .values(node=self._node)
            .returning(QUEUED_CALLS.c.call_sid, QUEUED_CALLS.c.position, QUEUED_CALLS.c.command)
        )
        columns = [_CALLS.c[name] for name in CallRecord.__struct_fields__]
        with mapped_errors(), self._engine.begin() as connection:
            rows = sorted(connection.execute(claiming).all(), key=lambda row: row.position)
            if not rows:
                return []
            owned: dict[str, Any] = {
                row[0]: CallRecord(*row)
                for row in connection.execute(
                    update(_CALLS)
                    .where(_CALLS.c.sid.in_([row.call_sid for row in rows]), _CALLS.c.end_time.is_(None))
                    .values(node=self._node)
                    .returning(*columns)
                )
            }
            gone = [row.call_sid for row in rows if row.call_sid not in owned]
            if gone:
                connection.execute(delete(QUEUED_CALLS).where(QUEUED_CALLS.c.call_sid.in_(gone)))
            return [KeptCall(owned[row.call_sid], row.command) for row in rows if row.call_sid in owned]
