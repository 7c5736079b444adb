"""How long a node may act on its own belief that it owns what it owns.

Others take over `DEAD_AFTER_S` after its last heartbeat; a node that was suspended, or is cut off from the database,
must have stopped sending callbacks by then. It judges by a clock that goes on while the process is suspended.
"""

import asyncio
from collections.abc import Callable
from typing import Final

LEASE_S: Final = 3.0


class Lease:
    """Held for `LEASE_S` after each renewal."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until = float("-inf")
        self._renewed = asyncio.Event()

    @property
    def is_held(self) -> bool:
        """Whether this node still owns what it believes to own."""
        return self._clock() < self._until

    def renew(self, asked_at: float) -> None:
        """A heartbeat that was begun at `asked_at` has succeeded."""
        self._until = asked_at + LEASE_S
        self._renewed.set()

    def end(self) -> None:
        """Another node has taken over."""
        self._until = float("-inf")
        self._renewed.clear()

    async def held(self) -> None:
        """Return at once while the lease is held, else when it is renewed."""
        while not self.is_held:
            self._renewed.clear()
            await self._renewed.wait()
