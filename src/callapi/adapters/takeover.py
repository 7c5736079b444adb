"""The rooms of a node as the `Heir` of nodes that are dead."""

from callapi.base.clock import utc_now
from callapi.calls.events import EventBus
from callapi.calls.records.reconciliation import close
from callapi.store import CallRecord, Store
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
        await self._store.settle()
