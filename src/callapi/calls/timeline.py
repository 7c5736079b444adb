"""Everything that happened on one call, in order: SIP messages, HTTP exchanges, verbs, media figures.

Kept in memory while the call lives and written in one piece when it ends: a line for each message in the database
would cost more than the call itself.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from callapi.base.clock import utc_now
from callapi.base.ids import CallSid
from callapi.store import AddEvents, EventRecord, Json

MOST_EVENTS: Final = 1000


class Timeline:
    """The events of one call, at most `MOST_EVENTS`; `dropped` counts those beyond."""

    __slots__ = ("_events", "dropped")

    def __init__(self) -> None:
        self._events: list[EventRecord] = []
        self.dropped = 0

    @property
    def events(self) -> tuple[EventRecord, ...]:
        """What happened so far."""
        return tuple(self._events)

    def add(self, kind: str, data: Mapping[str, Json], at: datetime | None = None) -> None:
        """Note that `kind` happened (now, if `at` does not say otherwise)."""
        if len(self._events) >= MOST_EVENTS:
            self.dropped += 1
            return
        self._events.append(EventRecord(len(self._events), at or utc_now(), kind, data))

    def as_change(self, sid: CallSid) -> AddEvents | None:
        """What the store is to keep, None if nothing happened."""
        return AddEvents(sid, self.events) if self._events else None
