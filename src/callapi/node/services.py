"""Tasks that run for as long as the node does."""

import asyncio
from collections.abc import Coroutine, Iterable
from contextlib import AsyncExitStack
from typing import Any


async def run_services(services: Iterable[Coroutine[Any, Any, None]], stack: AsyncExitStack) -> None:
    """Start what runs for as long as the node does; it is cancelled before what it uses is closed."""
    tasks = await stack.enter_async_context(asyncio.TaskGroup())
    for service in services:
        stack.callback(tasks.create_task(service).cancel)
