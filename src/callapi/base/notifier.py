"""Waiting until something has changed.

Each leg has several waiting tasks, seldom woken: an `asyncio.Event` keeps a deque of 760 bytes for that, a queue
four of them.
"""

import asyncio


class Notifier:
    """Wakes the tasks that wait at the moment, not later ones: check the condition, then wait."""

    __slots__ = ("_waiters",)

    def __init__(self) -> None:
        self._waiters: tuple[asyncio.Future[None], ...] = ()

    def ring(self) -> None:
        """Something has changed."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self) -> None:
        """Until the next `ring`. Safe to cancel."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters = (*self._waiters, waiter)
        try:
            await waiter
        finally:
            self._waiters = tuple([each for each in self._waiters if each is not waiter])
