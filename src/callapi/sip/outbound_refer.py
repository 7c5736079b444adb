"""A REFER that was sent, as the application sees it: its response and its NOTIFYs as events, with bounded waits."""

import asyncio
from collections import deque

from callapi.sip.subscription.events import ReferEnded, ReferEvent, ReferProgress, ReferRefused

MAX_UNREAD_EVENTS = 64


class OutboundRefer:
    """One REFER of ours; `ReferRefused` or `ReferEnded` is the last event, which comes within bounded time.

    The bounds: timer F for the response, 32 s for the first NOTIFY, 180 s between two of them.
    """

    __slots__ = ("_events", "_last", "_waiter")

    def __init__(self) -> None:
        self._events: deque[ReferEvent] = deque()
        self._last: ReferEvent | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def is_over(self) -> bool:
        """Whether the last event has come, though it may be unread."""
        return self._last is not None

    async def next_event(self) -> ReferEvent:
        """The next event; after the last it is the last again. Cancelling the wait loses nothing."""
        while not self._events:
            if self._last is not None:
                return self._last
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._events.popleft()

    def put(self, event: ReferEvent) -> None:
        """For the endpoint: queue an event; of the progress that a peer may report at will, 64 are kept."""
        if self._last is not None:
            return
        if isinstance(event, ReferProgress) and len(self._events) >= MAX_UNREAD_EVENTS:
            return
        if isinstance(event, ReferEnded | ReferRefused):
            self._last = event
        self._events.append(event)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
