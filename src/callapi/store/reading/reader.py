"""Reading off the event loop, in a few threads."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from callapi.store.backend import Backend
from callapi.store.errors import StoreError, Unavailable

T = TypeVar("T")

THREADS: Final = 4
_TIMEOUT_S: Final = 10


class Reader:
    """Runs what blocks; `settle` waits until what was written before can be read, unless the database is away."""

    def __init__(self, backend: Backend, settle: Callable[[], Awaitable[None]]) -> None:
        self.backend = backend
        self.settle = settle
        self._pool = ThreadPoolExecutor(THREADS, "store-reader")

    def close(self) -> None:
        """Wait for what is being read; the rest is not begun. Blocks."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def start(self, read: Callable[..., T], *arguments: Any) -> "asyncio.Future[T]":
        """Begin to `read`."""
        loop = asyncio.get_running_loop()
        if not self.backend.answers_at_once:
            return loop.run_in_executor(self._pool, read, *arguments)
        answer: asyncio.Future[T] = loop.create_future()
        try:
            answer.set_result(read(*arguments))
        except StoreError as error:
            answer.set_exception(error)
        return answer

    async def run(self, read: Callable[..., T], *arguments: Any) -> T:
        """What `read` returns. Raises Unavailable, also when it takes too long."""
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                return await self.start(read, *arguments)
        except TimeoutError as error:
            raise Unavailable(f"it did not answer within {_TIMEOUT_S} s") from error
