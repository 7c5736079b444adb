"""Waiting for what must come true soon, with a bound and a sentence for when it does not."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from typing import Final

WAIT_S: Final = 20.0
"""How long the harness waits for what must come soon: it costs nothing where it comes, and others may use the cores."""

MAX_SHOWN: Final = 12
"""How many of those that are missing a failure names."""


async def eventually(
    what: str,
    condition: Callable[[], object],
    timeout: float = WAIT_S,
    *,
    seen: Callable[[], object] = lambda: "",
) -> None:
    """Wait until `condition()` holds; AssertionError that names `what`, and shows what is `seen`, after `timeout` s."""
    deadline = time.monotonic() + timeout
    while True:
        looked_at = time.monotonic()
        if condition():
            return
        if looked_at >= deadline:
            raise AssertionError(f"waited {timeout:g}s in vain for: {what} {seen()}".rstrip())
        await _before_the_next_look(looked_at)


async def nothing_left(what: str, left: Callable[[], Collection[object]], timeout: float = WAIT_S) -> None:
    """Wait until `left()` is empty; AssertionError that shows what is left after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        looked_at = time.monotonic()
        if not (rest := left()):
            return
        if looked_at >= deadline:
            raise AssertionError(
                f"waited {timeout:g}s in vain for: {what}; {len(rest)} left:\n{_listed(rest)}"
            )
        await _before_the_next_look(looked_at)


async def _before_the_next_look(looked_at: float) -> None:
    """Leave most of the time to the applications, phones and relays that live on the same loop as the test."""
    await asyncio.sleep(min(max(0.02, 4 * (time.monotonic() - looked_at)), 1.0))


def _listed(rest: Collection[object]) -> str:
    lines = [f"{key}: {value}" for key, value in rest.items()] if isinstance(rest, Mapping) else rest
    return "\n".join(f"  {each}" for each in list(lines)[:MAX_SHOWN])
