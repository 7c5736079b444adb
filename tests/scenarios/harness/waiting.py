"""Waiting for what must come true soon, with a bound and a sentence for when it does not."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

WAIT_S: Final = 20.0
"""How long the harness waits for what must come soon: it costs nothing where it comes, and others may use the cores."""


async def eventually(what: str, condition: Callable[[], object], timeout: float = WAIT_S) -> None:
    """Wait until `condition()` holds; AssertionError that names `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout:g}s in vain for: {what}"
        await asyncio.sleep(0.02)
