"""Uses of digest nonces, from node to node: who has read a request in the clear must not repeat it at another node.

What was used goes out in one piece of news for all uses of the same moment. While the database is away it waits, and
the oldest are left out when too many do.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final

from callapi.base.retrying import retried
from callapi.store import Bus, Unavailable

USED: Final = "used"
"""The kind of such news; its detail is a list of uses."""
MAX_PENDING: Final = 10_000
AT_ONCE: Final = 200
"""Uses in one piece of news: below its 7,900 octets."""


class UsedNonces:
    """Between the `DigestServer` of this node and those of others."""

    def __init__(self) -> None:
        self._pending: deque[str] = deque(maxlen=MAX_PENDING)
        self._has_pending = asyncio.Event()
        self._take: Callable[[str], None] | None = None

    def note(self, use: str) -> None:
        """A nonce was used at this node."""
        self._pending.append(use)
        self._has_pending.set()

    def give_to(self, take: Callable[[str], None]) -> None:
        """Let `take` know of each use at another node."""
        self._take = take

    def heard(self, _node: str, uses: str) -> None:
        """News of another node."""
        if self._take is not None:
            for use in uses.split(" "):
                self._take(use)

    async def serve(self, bus: Bus) -> None:
        """Let the others know, until cancelled."""
        while True:
            await self._has_pending.wait()
            self._has_pending.clear()
            while self._pending:
                uses = [self._pending.popleft() for _ in range(min(AT_ONCE, len(self._pending)))]
                await retried(partial(bus.publish, USED, (" ".join(uses),)), Unavailable)
