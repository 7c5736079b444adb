"""Attempts and rounds with pauses between them: the one place where a task waits before it tries again.

What waits for an event waits for the event. These are for a database that is away, where no event says that it is
back, and for work that is due at intervals.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, TypeVar

T = TypeVar("T")
FIRST_S: Final = 0.25
MAX_S: Final = 5.0


def pauses(first_s: float = FIRST_S, max_s: float = MAX_S) -> Iterator[float]:
    """Seconds to wait after each failure: each pause twice the one before, up to `max_s`."""
    pause = first_s
    while True:
        yield pause
        pause = min(2 * pause, max_s)


async def retried(
    attempt: Callable[[], Awaitable[T]],
    failure: type[Exception],
    *,
    on_failure: Callable[[Exception], object] | None = None,
) -> T:
    """The result of `attempt`, which is made again after each `failure`, until it succeeds or the task is cancelled.

    `on_failure` gets the first failure alone: an outage is one line in the log.
    """
    for pause in pauses():
        try:
            return await attempt()
        except failure as error:
            if on_failure is not None:
                on_failure(error)
                on_failure = None
        await asyncio.sleep(pause)
    raise AssertionError("`pauses` does not end")


async def looked_up(look: Callable[[], Awaitable[T | None]], looks: int, pause_s: float) -> T | None:
    """What `look` finds, which another process may be about to write; None after so many looks."""
    for number in range(looks):
        if number:
            await asyncio.sleep(pause_s)
        if (found := await look()) is not None:
            return found
    return None


async def every(seconds: float, act: Callable[[], Awaitable[object]]) -> None:
    """`act`, and again `seconds` after each end of it, until cancelled; what `act` raises ends the task."""
    while True:
        await act()
        await asyncio.sleep(seconds)
