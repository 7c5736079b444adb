"""The rooms of a node as the `Heir` of nodes that are dead."""

from contextlib import suppress

from callapi.base.clock import utc_now
from callapi.calls.events import EventBus
from callapi.calls.records.reconciliation import close, close_conferences_a_crash_left
from callapi.store import CallRecord, Store, Unavailable
from callapi.webhooks import Outbox


class Inheritance:
    """Delivers the callbacks of dead nodes, and ends the records of their calls."""

    def __init__(self, store: Store, bus: EventBus, outbox: Outbox) -> None:
        self._store = store
        self._bus = bus
        self._outbox = outbox

    async def inherit(self, node: str, calls: tuple[CallRecord, ...]) -> None:
        """As `Heir`. The outbox first: what it already has of a call goes out before the call's last callback."""
        self._outbox.adopt()
        for record in calls:
            close(record, self._bus, utc_now(), f"node {node} broke off")
        with suppress(Unavailable):  # their records are closed at the next start of their node then
            await close_conferences_a_crash_left(self._store.conferences, self._bus, node)
        await self._store.settle()
