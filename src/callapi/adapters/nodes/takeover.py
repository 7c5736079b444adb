"""The rooms of a node as the `Heir` of nodes that are dead."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from callapi.base.clock import utc_now
from callapi.base.ids import CallSid
from callapi.calls.events import EventBus
from callapi.calls.records.reconciliation import close, close_conferences_a_crash_left
from callapi.store import CallRecord, QueueTable, Store, Unavailable
from callapi.webhooks import Outbox

_WRITTEN_S: Final = 5


class Inheritance:
    """Delivers the callbacks of dead nodes, and ends the records of their calls."""

    def __init__(
        self, store: Store, name: str, bus: EventBus, outbox: Outbox, has_call: Callable[[CallSid], bool]
    ) -> None:
        """`has_call`: whether a call of this node (`name`) is live or waits here."""
        self._store = store
        self._name = name
        self._bus = bus
        self._outbox = outbox
        self._has_call = has_call

    async def inherit(self, node: str, calls: tuple[CallRecord, ...]) -> None:
        """As `Heir`. The outbox first: what it already has of a call goes out before the call's last callback."""
        self._outbox.adopt()
        for record in calls:
            close(record, self._bus, utc_now(), f"node {node} broke off")
        with suppress(Unavailable):  # their records are closed at the next start of their node then
            await close_conferences_a_crash_left(self._store.conferences, self._bus, node)
        await self._store.settle()

    async def find(self, node: str) -> None:
        """As `Heir`: calls that the database gives to this node without an end, and that it does not have."""
        seen = {record.sid for record in await self._unknown()}
        # One that has just ended here is over in the second look, which comes after all that was written before it.
        calls = tuple(each for each in await self._unknown() if each.sid in seen) if seen else ()
        await self.inherit(node, calls)

    async def _unknown(self) -> list[CallRecord]:
        try:
            async with asyncio.timeout(_WRITTEN_S):
                await self._store.flush()
        except TimeoutError as error:
            raise Unavailable(f"what was to be written is not, after {_WRITTEN_S} s") from error
        records = await self._store.calls.live_ones(self._name)
        # Read after them: what was claimed from the queue a moment ago, and is on its way here, is there.
        waiting = await self._waiting() if records else frozenset()
        return [each for each in records if each.sid not in waiting and not self._has_call(each.sid)]

    async def _waiting(self) -> frozenset[str]:
        """Calls of this node that are in the table of the queue: they are placed, and not ended."""
        nodes = self._store.nodes
        if nodes is None:
            return frozenset()
        return await nodes.run(QueueTable(nodes.engine, self._name).own)
