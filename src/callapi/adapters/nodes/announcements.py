"""What this node has changed that others keep in memory, announced; and what they announce, forgotten here."""

import asyncio
import logging
from functools import partial
from typing import Final

from callapi.adapters.registrations import Registrations
from callapi.base.retrying import retried
from callapi.store import Bus, Store, Unavailable

log = logging.getLogger(__name__)

REGISTERED: Final = "registered:"
MAX_PENDING: Final = 10_000
EVERYTHING: Final = ""


class Announcements:
    """Kinds of cached records, and logins that have registered. What is announced goes out once the bus takes it."""

    def __init__(self, store: Store) -> None:
        self._pending: set[str] = set()
        self._has_pending = asyncio.Event()
        store.on_commit(self._changed)

    def registered(self, login: str) -> None:
        """A client has registered with this node."""
        self._put(REGISTERED + login)

    def _changed(self, kinds: frozenset[str]) -> None:
        for kind in kinds:
            self._put(kind)

    def _put(self, change: str) -> None:
        if len(self._pending) < MAX_PENDING:
            self._pending.add(change)
            self._has_pending.set()

    async def serve(self, bus: Bus) -> None:
        """Announce until cancelled."""
        while True:
            await self._has_pending.wait()
            self._has_pending.clear()
            pending, self._pending = self._pending, set()
            await retried(partial(bus.announce, pending), Unavailable, on_failure=_not_yet)


class Hearing:
    """What other nodes announce, applied here."""

    def __init__(self, store: Store, registrations: Registrations) -> None:
        self._store = store
        self._registrations = registrations
        self._missed = asyncio.Event()

    def heard(self, _node: str, change: str) -> None:
        """As `Commands.changed`: an empty text says that some may have been missed."""
        if change.startswith(REGISTERED):
            self._registrations.registered_elsewhere(change.removeprefix(REGISTERED))
            return
        self._store.forget(change)
        if change == EVERYTHING:
            self._missed.set()

    async def serve(self) -> None:
        """Read who has registered whenever some of it may have been missed, until cancelled."""
        while True:
            await self._missed.wait()
            self._missed.clear()
            await retried(self._registrations.read_again, Unavailable)


def _not_yet(error: Exception) -> None:
    log.warning("changes are not announced to other nodes yet: %s", error)
