"""What happened on a call, in order."""

from callapi.store.keys import MAX_EVENTS
from callapi.store.pages import Page, PageRequest
from callapi.store.query import Equals, Query
from callapi.store.reading.reader import Reader
from callapi.store.records import EventBlock, EventRecord

__all__ = ["MAX_EVENTS", "EventRepository"]


class EventRepository:
    """Events of calls."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def page(self, call_sid: str, request: PageRequest) -> Page[EventRecord]:
        """A page of what happened on the call, the first things first; `after` is not used."""
        events = await self._of(call_sid)
        start = request.page * request.size
        end = start + request.size
        return Page(tuple(events[start:end]), request, has_next=len(events) > end)

    async def next_sequence(self, call_sid: str) -> int:
        """The sequence with which events of the call may go on."""
        events = await self._of(call_sid)
        return events[-1].sequence + 1 if events else 0

    async def _of(self, call_sid: str) -> list[EventRecord]:
        query = Query(EventBlock, (Equals("call_sid", call_sid),))
        blocks = await self._reader.run(self._reader.backend.select, query)
        return [event for block in blocks for event in block.events]
