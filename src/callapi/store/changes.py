"""What may be written: a closed union of values. Those of one `Store.write` are kept together or not at all."""

from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from callapi.base.ids import CallSid, EventId
from callapi.store.records import EventRecord, Record


class Put(Struct, frozen=True, gc=False):
    """Keep `record`, in place of the one with the same key if there is one.

    `Put(call)` writes a call's record, `Put(callback)` adds a row to the outbox.
    """

    record: Record


class AddEvents(Struct, frozen=True, gc=False):
    """Append `events` to the call's own: not empty, sequences rising and beyond those written before.

    Those from `events.MAX_EVENTS` on are not kept. Many at a time cost little more than one.
    """

    call_sid: CallSid
    events: tuple[EventRecord, ...]


class Remove(Struct, frozen=True, gc=False):
    """Forget the records of `kind` whose primary key begins with `key`.

    `Remove(CallbackRecord, (event_id,))` once delivered or given up; `Remove(EventBlock, (call_sid,))` takes
    all events of a call; `Remove(BindingRecord, (login,))` all bindings of a client, `(login, contact)` one.
    """

    kind: type[Record]
    key: tuple[str, ...]


class CallbackAttempted(Struct, frozen=True, gc=False):
    """A delivery failed; the row stays and is due again at `next_at`."""

    event_id: EventId
    attempts: int
    next_at: datetime


Change: TypeAlias = Put | AddEvents | Remove | CallbackAttempted
