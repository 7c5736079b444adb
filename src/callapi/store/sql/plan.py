"""Changes of one transaction, arranged so that each kind of record is written with few statements.

The tables do not refer to one another, so within a transaction only the order of the changes to the same record
matters, and of those that concern the whole record only the last one shows. A call that rings and is answered
between two commits is written once.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TypeAlias, assert_never

from callapi.base.ids import CallSid
from callapi.store.changes import AddEvents, CallbackAttempted, Change, Put, Remove
from callapi.store.keys import KEYS, MAX_EVENTS
from callapi.store.records import CallbackRecord, EventBlock, EventRecord, Record

Key: TypeAlias = object

_KEY_OF = {kind: attrgetter(*names) for kind, names in KEYS.items()}


@dataclass(slots=True)
class Rewrite:
    """For each primary key the record to keep under it, or None where it is to be removed."""

    kind: type[Record]
    last: dict[Key, Record | None] = field(default_factory=dict)


@dataclass(slots=True)
class RemoveAll:
    """Remove every record whose primary key begins with `prefix`."""

    kind: type[Record]
    prefix: tuple[str, ...]


@dataclass(slots=True)
class Reschedule:
    """Move a row of the outbox to another time."""

    attempt: CallbackAttempted


Step: TypeAlias = Rewrite | RemoveAll | Reschedule


def plan(changes: Iterable[Change]) -> list[Step]:
    """The steps that have the same effect as `changes` one after another."""
    steps: list[Step] = []
    open_steps: dict[type[Record], Rewrite] = {}
    for change in changes:
        match change:
            case Put(record):
                _rewrite(steps, open_steps, type(record)).last[_KEY_OF[type(record)](record)] = record
            case AddEvents(call_sid, events):
                kept = _within_bound(call_sid, events)
                if kept is not None:
                    _rewrite(steps, open_steps, EventBlock).last[call_sid, kept.sequence] = kept
            case Remove(kind, key) if len(key) == len(KEYS[kind]):
                _rewrite(steps, open_steps, kind).last[key[0] if len(key) == 1 else key] = None
            case Remove(kind, key):
                open_steps.pop(kind, None)
                steps.append(RemoveAll(kind, key))
            case CallbackAttempted():
                open_steps.pop(CallbackRecord, None)
                steps.append(Reschedule(change))
            case _:
                assert_never(change)
    return steps


def _rewrite(steps: list[Step], open_steps: dict[type[Record], Rewrite], kind: type[Record]) -> Rewrite:
    step = open_steps.get(kind)
    if step is None:
        step = open_steps[kind] = Rewrite(kind)
        steps.append(step)
    return step


def _within_bound(call_sid: CallSid, events: tuple[EventRecord, ...]) -> EventBlock | None:
    if not events or events[0].sequence >= MAX_EVENTS:
        return None
    if events[-1].sequence >= MAX_EVENTS:
        events = tuple(each for each in events if each.sequence < MAX_EVENTS)
    return EventBlock(call_sid, events[0].sequence, events)
