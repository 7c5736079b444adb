"""The digits that a party has pressed and nobody has read yet.

Digits typed ahead of a `<Gather>` are kept, up to a bound; past it the oldest are forgotten.
"""

import asyncio
from typing import Final

TYPE_AHEAD: Final = 128


class DigitBuffer:
    """A bounded queue of single digits (`0`-`9`, `*`, `#`, `A`-`D`)."""

    __slots__ = ("_queue",)

    def __init__(self) -> None:
        self._queue: asyncio.Queue[str] = asyncio.Queue(TYPE_AHEAD)

    def put(self, digit: str) -> None:
        """Add what was just pressed."""
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(digit)

    async def get(self) -> str:
        """The next digit, waiting for it without a bound: the caller of this sets one. Safe to cancel."""
        return await self._queue.get()

    def clear(self) -> None:
        """Forget what was typed ahead."""
        while not self._queue.empty():
            self._queue.get_nowait()
