"""Places in queues of callers, as every node sees them. Each method is one transaction, and blocks.

A row says that a call of its node waits: a caller in the line of a queue, or an agent for a caller. Each node writes
what its own calls do, whole, as often as that changes; rows of a process that is over count no more.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Connection, Engine, and_, delete, exists, insert, select, text

from callapi.base.ids import CallSid
from callapi.store.records import QueueRecord
from callapi.store.shared.bus import CHANNEL
from callapi.store.shared.tables import NODES, QUEUE_PLACES, SHARED_VALUES
from callapi.store.sql.database import mapped_errors
from callapi.store.sql.tables import TABLES

QUEUE_NEWS: Final = "queue"
"""The kind of the news that the places of a queue have changed; the detail is its sid."""
_QUEUES: Final = TABLES[QueueRecord]
_COLUMNS: Final = tuple(
    QUEUE_PLACES.c[name] for name in ("call_sid", "node", "is_agent", "priority", "number")
)
_RUNNING: Final = ("up", "draining")
_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:queue, 0))")
_NOTIFY: Final = text(f"SELECT pg_notify('{CHANNEL}', :payload)")


class QueuePlace(Struct, frozen=True):
    """A call that waits in a queue. A lower `priority` is served first, then a lower `number`.

    `number` is the instant of the arrival: microseconds since the epoch, by the clock of the database.
    """

    call_sid: CallSid
    node: str
    is_agent: bool
    priority: int
    number: int


class QueueState(Struct, frozen=True):
    """A queue as all nodes know it."""

    places: tuple[QueuePlace, ...]
    refused: frozenset[CallSid]
    """Callers of this node for whom there was no room."""
    friendly_name: str | None
    """None: its record is not written yet, or is deleted."""
    max_size: int


class PlaceTable:
    """The places as `node` at `epoch` writes and sees them. Methods raise Unavailable."""

    def __init__(self, engine: Engine, node: str, epoch: int) -> None:
        self._engine = engine
        self._node = node
        self._epoch = epoch

    def keep(self, queue: str, own: Sequence[QueuePlace], limits: Mapping[CallSid, int]) -> QueueState:
        """Let `own` be the places of this node in `queue`; how it stands then.

        `limits`: callers who arrive, each with the number of callers at which it is refused.
        """
        with mapped_errors(), self._engine.begin() as connection:
            connection.execute(_LOCK, {"queue": queue})
            known = _places(connection, (queue,))[queue]
            mine = {each.call_sid: each for each in known if each.node == self._node}
            size = sum(not each.is_agent for each in known)
            wanted = {each.call_sid: each for each in own}
            gone = [sid for sid in mine if sid not in wanted]
            size -= sum(not mine[sid].is_agent for sid in gone)
            new, refused = [], set()
            for each in own:
                if each.call_sid in mine:
                    continue
                if not each.is_agent and size >= limits.get(each.call_sid, size + 1):
                    refused.add(each.call_sid)
                    continue
                size += not each.is_agent
                new.append(each)
            if gone or new:
                self._write(connection, queue, gone, new)
            name, max_size = _shape(connection, queue)
            places = [each for each in known if each.node != self._node]
            places += [each for each in own if each.call_sid not in refused]
            return QueueState(tuple(places), frozenset(refused), name, max_size)

    def _write(
        self, connection: Connection, queue: str, gone: Collection[CallSid], new: Sequence[QueuePlace]
    ) -> None:
        is_over = ~exists().where(NODES.c.name == QUEUE_PLACES.c.node, NODES.c.epoch == QUEUE_PLACES.c.epoch)
        of_this = QUEUE_PLACES.c.queue_sid == queue
        replaced = [*gone, *(each.call_sid for each in new)]
        connection.execute(
            delete(QUEUE_PLACES).where(of_this, QUEUE_PLACES.c.call_sid.in_(replaced) | is_over)
        )
        if new:
            rows = [{"queue_sid": queue, "epoch": self._epoch, **_row(each)} for each in new]
            connection.execute(insert(QUEUE_PLACES), rows)
        connection.execute(_NOTIFY, {"payload": f"{QUEUE_NEWS}\t{self._node}\t{queue}"})

    def look(self, queues: Sequence[str]) -> dict[str, tuple[QueuePlace, ...]]:
        """Who waits in each of `queues`."""
        with mapped_errors(), self._engine.begin() as connection:
            return {queue: tuple(places) for queue, places in _places(connection, queues).items()}

    def agreed_sid(self, account: str, name: str, proposal: str) -> str:
        """The sid under which every node makes the queue of that name: `proposal`, if this is the first."""
        key = _key(account, name)
        with mapped_errors(), self._engine.begin() as connection:
            connection.execute(_LOCK, {"queue": key})
            found = connection.execute(
                select(SHARED_VALUES.c.value).where(SHARED_VALUES.c.name == key)
            ).scalar()
            if found is not None:
                return str(found)
            connection.execute(insert(SHARED_VALUES).values(name=key, value=proposal))
            return proposal

    def forget(self, account: str, name: str) -> None:
        """No queue has that name any more: the next one is another."""
        with mapped_errors(), self._engine.begin() as connection:
            connection.execute(delete(SHARED_VALUES).where(SHARED_VALUES.c.name == _key(account, name)))

    def announce(self, queue: str) -> None:
        """Let the other nodes read the record of a queue again."""
        with mapped_errors(), self._engine.begin() as connection:
            connection.execute(_NOTIFY, {"payload": f"{QUEUE_NEWS}\t{self._node}\t{queue}"})


def _places(connection: Connection, queues: Sequence[str]) -> dict[str, list[QueuePlace]]:
    is_running = and_(
        NODES.c.name == QUEUE_PLACES.c.node,
        NODES.c.epoch == QUEUE_PLACES.c.epoch,
        NODES.c.state.in_(_RUNNING),
    )
    chosen = select(QUEUE_PLACES.c.queue_sid, *_COLUMNS).join(NODES, is_running)
    found: dict[str, list[QueuePlace]] = {queue: [] for queue in queues}
    for row in connection.execute(chosen.where(QUEUE_PLACES.c.queue_sid.in_(queues))):
        found[row[0]].append(QueuePlace(*row[1:]))
    return found


def _shape(connection: Connection, queue: str) -> tuple[str | None, int]:
    row = connection.execute(
        select(_QUEUES.c.friendly_name, _QUEUES.c.max_size).where(_QUEUES.c.sid == queue)
    ).first()
    return (None, 0) if row is None else (row.friendly_name, row.max_size)


def _row(place: QueuePlace) -> dict[str, Any]:
    return {column.name: getattr(place, column.name) for column in _COLUMNS}


def _key(account: str, name: str) -> str:
    return f"queue:{account}:{name}"
