"""The store as the `OutboxStore` of the durable outbox."""

from datetime import UTC, datetime
from typing import Final

from callapi.base.clock import utc_now
from callapi.base.ids import AccountSid, CallSid, EventId
from callapi.calls.events import EventBus, ProblemRaised
from callapi.calls.problem import Problem
from callapi.store import (
    CallbackAttempted,
    CallbackRecord,
    Remove,
    Store,
)
from callapi.webhooks import (
    Callback,
    DuePage,
    WebRequest,
    without_credentials,
)

CALLBACK_LOST: Final = 15_003


def as_callback(record: CallbackRecord) -> Callback:
    """A row of the outbox as the deliverer sees it."""
    return Callback(
        event_id=record.event_id,
        stream=record.stream,
        url=record.url,
        method="GET" if record.method == "GET" else "POST",
        parameters=record.parameters,
        account_sid=record.account_sid,
        created_at=record.created_at.timestamp(),
        attempts=record.attempts,
        next_at=record.next_at.timestamp(),
    )


class OutboxRows:
    """The store as the outbox's `OutboxStore`."""

    def __init__(self, store: Store, bus: EventBus) -> None:
        self._store = store
        self._bus = bus

    async def hosts(self, limit: int) -> list[str]:
        """As `OutboxStore`."""
        await self._store.settle()
        return list(await self._store.callbacks.hosts(limit))

    async def due(self, host: str, now: float, limit: int) -> DuePage:
        """As `OutboxStore`."""
        await self._store.settle()
        records, next_at = await self._store.callbacks.due(host, datetime.fromtimestamp(now, UTC), limit)
        return DuePage(tuple(map(as_callback, records)), next_at.timestamp() if next_at else None)

    def delivered(self, event_id: str) -> None:
        """As `OutboxStore`."""
        self._store.write(Remove(CallbackRecord, (event_id,)))
        if self._store.is_shared:
            # Should this process die before the row is gone, another node delivers it a second time.
            self._store.hurry()

    def given_up(self, callback: Callback, error: str) -> None:
        """As `OutboxStore`; a notification names the lost callback."""
        self._store.write(Remove(CallbackRecord, (callback.event_id,)))
        facts = dict(callback.parameters)
        url = without_credentials(callback.url)
        problem = Problem(
            CALLBACK_LOST,
            f"a status callback to {url} was given up: {error}",
            is_warning=True,
            request=WebRequest(callback.url, callback.method, callback.parameters),
        )
        sid = CallSid(facts.get("CallSid", callback.stream))
        self._bus.publish(ProblemRaised(problem, AccountSid(callback.account_sid), utc_now(), sid))

    def attempted(self, event_id: str, attempts: int, next_at: float) -> None:
        """As `OutboxStore`."""
        self._store.write(
            CallbackAttempted(EventId(event_id), attempts, datetime.fromtimestamp(next_at, UTC))
        )
