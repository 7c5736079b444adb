"""The store's backend in memory: for tests, and the plainest statement of what a backend means."""

from collections.abc import Callable, Sequence
from datetime import datetime
from operator import attrgetter
from threading import Lock
from typing import Any, TypeAlias, assert_never

from msgspec.structs import replace

from callapi.store.changes import AddEvents, CallbackAttempted, Change, Put, Remove
from callapi.store.errors import Conflict
from callapi.store.keys import KEYS, MAX_EVENTS, UNIQUE
from callapi.store.query import AtLeast, Below, Beyond, Condition, Contains, Equals, Missing, Query, RecordT
from callapi.store.records import CallbackRecord, EventBlock, Record
from callapi.store.shared.values import Owner

Key: TypeAlias = tuple[Any, ...]


class MemoryBackend:
    """`Backend` of dictionaries, which keep the order of writing."""

    answers_at_once = True

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: dict[type[Any], dict[Key, Any]] = {kind: {} for kind in KEYS}

    def open(self) -> None:
        """There is nothing to open."""

    def claim(self, owner: Owner) -> int:  # noqa: ARG002 - nothing is shared
        """The first and only epoch."""
        return 1

    def nodes(self, owner: Owner, epoch: int) -> None:  # noqa: ARG002 - nothing is shared
        """No others."""
        return

    def close(self) -> None:
        """What was written stays, as a file would."""

    def probe(self) -> None:
        """It can always be written."""

    def apply(self, changes: Sequence[Change]) -> None:
        """One change after another. Raises Conflict."""
        with self._lock:
            self._check(changes)
            for change in changes:
                _make(self._kept[_kind_of(change)], change)

    def _check(self, changes: Sequence[Change]) -> None:
        """Try out what could break a rule, so that all is made or nothing."""
        for kind, field in UNIQUE.items():
            risky = [change for change in changes if _kind_of(change) is kind]
            if not risky:
                continue
            rows = dict(self._kept[kind])
            for change in risky:
                _make(rows, change)
            values = [getattr(record, field) for record in rows.values()]
            if len(set(values)) < len(values):
                raise Conflict(f"{field} of {kind.__name__} must be unique")

    def select(self, query: Query[RecordT]) -> list[RecordT]:
        """The records, picked and sorted."""
        with self._lock:
            found = self._found(query)
        if query.newest_by:
            found.sort(key=attrgetter(*query.newest_by), reverse=not query.is_rising)
        else:
            found.sort(key=attrgetter(*KEYS[query.kind]))
        end = None if query.limit is None else query.offset + query.limit
        return found[query.offset : end]

    def count(self, query: Query[RecordT]) -> int:
        """How many are found."""
        with self._lock:
            return len(self._found(query))

    def _found(self, query: Query[RecordT]) -> list[RecordT]:
        tests = [_test(each) for each in query.where]
        return [record for record in self._kept[query.kind].values() if all(test(record) for test in tests)]

    def callback_hosts(self, limit: int) -> list[str]:
        """In the order of their first rows."""
        with self._lock:
            return list(dict.fromkeys(row.host for row in self._kept[CallbackRecord].values()))[:limit]

    def due_callbacks(
        self, host: str, now: datetime, limit: int
    ) -> tuple[list[CallbackRecord], datetime | None]:
        """In the order of writing."""
        with self._lock:
            rows = [row for row in self._kept[CallbackRecord].values() if row.host == host]
        due: list[CallbackRecord] = []
        held_up: set[str] = set()
        for row in rows:
            if row.next_at > now:
                held_up.add(row.stream)
            elif row.stream not in held_up:
                due.append(row)
        return due[:limit], min((row.next_at for row in rows if row.next_at > now), default=None)


def _make(rows: dict[Key, Any], change: Change) -> None:
    match change:
        case Put(record):
            rows[_key_of(record)] = record
        case AddEvents(call_sid, events):
            kept = tuple(each for each in events if each.sequence < MAX_EVENTS)
            if kept:
                block = EventBlock(call_sid, kept[0].sequence, kept)
                rows[_key_of(block)] = block
        case Remove(_, prefix):
            for key in [each for each in rows if each[: len(prefix)] == prefix]:
                del rows[key]
        case CallbackAttempted(event_id, attempts, next_at):
            if (row := rows.get((event_id,))) is not None:
                rows[event_id,] = replace(row, attempts=attempts, next_at=next_at)
        case _:
            assert_never(change)


def _kind_of(change: Change) -> type[Record]:
    match change:
        case Put(record):
            return type(record)
        case Remove(kind, _):
            return kind
        case AddEvents():
            return EventBlock
        case CallbackAttempted():
            return CallbackRecord
        case _:
            assert_never(change)


def _key_of(record: Record) -> Key:
    return tuple(getattr(record, name) for name in KEYS[type(record)])


def _test(condition: Condition) -> Callable[[Record], bool]:
    match condition:
        case Equals(field, value):
            return lambda record: getattr(record, field) == value
        case AtLeast(field, value):
            return lambda record: getattr(record, field) is not None and getattr(record, field) >= value
        case Below(field, value):
            return lambda record: getattr(record, field) is not None and getattr(record, field) < value
        case Missing(field):
            return lambda record: getattr(record, field) is None
        case Contains(field, part):
            return lambda record: part in getattr(record, field)
        case Beyond(names, values, is_rising):
            key = attrgetter(*names)
            return lambda record: key(record) > values if is_rising else key(record) < values
        case _:
            assert_never(condition)
