"""The rooms of a node as the `Heir` of nodes that are dead."""

from contextlib import suppress
from typing import Final

from msgspec.structs import replace

from callapi.base.clock import utc_now
from callapi.calls.events import EventBus
from callapi.calls.records.reconciliation import close
from callapi.store import CallRecord, Put, Store, Unavailable
from callapi.webhooks import Outbox

LAST_PARTICIPANT_LEFT: Final = "last-participant-left"


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
            await close_conferences(self._store, node)
        await self._store.settle()


async def close_conferences(store: Store, node: str) -> None:
    """End the records of the conferences that `node` had: their participants' calls are over."""
    for conference in await store.conferences.live_ones(node):
        store.write(
            Put(
                replace(
                    conference,
                    status="completed",
                    date_updated=utc_now(),
                    reason_conference_ended=LAST_PARTICIPANT_LEFT,
                )
            )
        )
