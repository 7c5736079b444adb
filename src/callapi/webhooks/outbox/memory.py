"""The outbox's store in memory: for tests, and the plainest statement of what `OutboxStore` means."""

from collections.abc import Iterable

from msgspec.structs import replace

from callapi.webhooks.outbox.callback import Callback, DuePage


class MemoryOutboxStore:
    """An `OutboxStore` without durability. `rows` are the pending ones, oldest first; verdicts are kept."""

    def __init__(self) -> None:
        self.rows: dict[str, Callback] = {}
        self.delivered_ids: list[str] = []
        self.given_up_errors: dict[str, str] = {}

    def add(self, callbacks: Iterable[Callback]) -> None:
        """Make `callbacks` pending, in order; then offer them."""
        self.rows.update((each.event_id, each) for each in callbacks)

    async def hosts(self, limit: int) -> list[str]:
        """As `OutboxStore.hosts`."""
        return list(dict.fromkeys(each.host for each in self.rows.values()))[:limit]

    async def due(self, host: str, now: float, limit: int) -> DuePage:
        """As `OutboxStore.due`."""
        found: list[Callback] = []
        held_up: set[str] = set()
        later: list[float] = []
        for row in self.rows.values():
            if row.host != host:
                continue
            if row.next_at > now:
                held_up.add(row.stream)
                later.append(row.next_at)
            elif row.stream not in held_up and len(found) < limit:
                found.append(row)
        return DuePage(tuple(found), min(later, default=None))

    def delivered(self, event_id: str) -> None:
        """As `OutboxStore.delivered`."""
        self.rows.pop(event_id, None)
        self.delivered_ids.append(event_id)

    def given_up(self, callback: Callback, error: str) -> None:
        """As `OutboxStore.given_up`."""
        self.rows.pop(callback.event_id, None)
        self.given_up_errors[callback.event_id] = error

    def attempted(self, event_id: str, attempts: int, next_at: float) -> None:
        """As `OutboxStore.attempted`."""
        if event_id in self.rows:
            self.rows[event_id] = replace(self.rows[event_id], attempts=attempts, next_at=next_at)
