"""Waiting for what happens once, and for the first of several things."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from callapi.base.task_group import TaskGroup

T = TypeVar("T")


class OneShot(Generic[T]):
    """A value that is set once and may be awaited by any number of tasks; each wait may be cancelled."""

    __slots__ = ("_act", "_waiters", "is_set", "value")

    value: T
    """Only once it is set."""

    def __init__(self) -> None:
        self._act: Callable[[T], None] | None = None
        self._waiters: tuple[asyncio.Future[None], ...] = ()  # mostly none: a list takes 56 bytes
        self.is_set = False
        """Whether it has happened."""

    def set(self, value: T) -> None:
        """It has happened; later values are ignored."""
        if self.is_set:
            return
        self.is_set = True
        self.value = value
        act, self._act = self._act, None
        if act is not None:
            act(value)
        waiters, self._waiters = self._waiters, ()
        for waiter in waiters:
            _wake(waiter)

    def then(self, act: Callable[[T], None]) -> None:
        """Call `act` with the value when it comes (at most one `act`); nothing if it is there already."""
        self._act = act

    def forget(self) -> None:
        """It will not happen any more: drop `act`, which may refer back to the owner (breaks a cycle)."""
        self._act = None

    async def wait(self, timeout_s: float | None = None) -> T:
        """The value, at once or when it comes. Raises TimeoutError if it did not come within `timeout_s`."""
        if not self.is_set:
            loop = asyncio.get_running_loop()
            waiter = loop.create_future()
            self._waiters = (*self._waiters, waiter)
            timer = loop.call_later(timeout_s, _wake, waiter) if timeout_s is not None else None
            try:
                await waiter
            finally:
                if timer is not None:
                    timer.cancel()
                self._waiters = tuple([each for each in self._waiters if each is not waiter])
            if not self.is_set:
                raise TimeoutError
        return self.value


def _wake(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)


async def first_of(*waits: Coroutine[Any, Any, T]) -> T:
    """The result of the first of `waits` to finish; the others are cancelled and have unwound when this returns."""
    async with TaskGroup() as group:
        tasks = [group.create_task(each) for each in waits]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        winner = next(task for task in tasks if task.done())
        for task in tasks:
            task.cancel()
    return winner.result()
