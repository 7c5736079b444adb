"""The stories of one call: what runs on it now, and what must run to its end whatever happens to the story.

A story (a document, run by the `Script`) is a task beside the call's own. It ends early by cancellation: when the leg
ends, or when a REST command puts another story in its place. A detached task is bounded work that outlives its story:
the request for the `action` of a Dial whose caller is gone, the closing of a recording.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from callapi.base.errors import CallApiError

log = logging.getLogger(__name__)

T = TypeVar("T")
Story = Callable[[], Coroutine[Any, Any, None]]
"""What happens on a call, one thing after another; a function, so that one that never runs leaves nothing behind."""


class Stories:
    """Runs stories inside the task group of the call's own task, from `open` to `close`."""

    __slots__ = ("_after", "_failed", "_first", "_running", "_tasks")

    def __init__(self) -> None:
        self._after: Callable[[], None] | None = None
        self._failed: Callable[[BaseException], None] | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._running: asyncio.Task[None] | None = None
        self._first: Story | None = None
        """Given before the call's task began: a REST command can be that early."""

    def open(
        self, tasks: asyncio.TaskGroup, after: Callable[[], None], failed: Callable[[BaseException], None]
    ) -> None:
        """The call's task has begun: run the story that was given so far.

        `after` is called when a story has come to its end, `failed` when it raised.
        """
        self._tasks, self._after, self._failed = tasks, after, failed
        first, self._first = self._first, None
        if first is not None:
            self.run(first)

    @property
    def has_first(self) -> bool:
        """Whether a story was given before the call's task began."""
        return self._first is not None

    def run(self, story: Story) -> None:
        """Run `story` in place of the present one; afterwards the call ends."""
        if self._tasks is None:
            self._first = story
            return
        self.stop()
        self._running = self._tasks.create_task(self._run(story))

    def stop(self) -> None:
        """Cancel the present story."""
        if self._running is not None:
            self._running.cancel()
            self._running = None

    def close(self) -> None:
        """The call's task is over: nothing runs any more, and nothing refers back to the call (no cycle)."""
        self._tasks = self._after = self._failed = self._first = None

    def run_detached(self, task: Story) -> None:
        """Run bounded work beside the story, even if that is cancelled; the call's task waits for it."""
        if self._tasks is None:
            return
        running = self._run_detached(task)
        try:
            self._tasks.create_task(running)
        except RuntimeError:  # the group is being torn down with the whole node
            running.close()

    async def shielded(self, task: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of `task`, which runs to its end even if the story that waits for it is cancelled."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        async def run() -> None:
            try:
                result = await task()
            except CallApiError as error:
                if not done.done():
                    done.set_exception(error)
            else:
                if not done.done():
                    done.set_result(result)

        self.run_detached(run)
        return await done

    async def _run(self, story: Story) -> None:
        try:
            await story()
        except Exception as error:
            if self._failed is not None:
                self._failed(error)
        else:
            if self._after is not None:
                self._after()

    async def _run_detached(self, task: Story) -> None:
        try:
            await task()
        except Exception:
            log.exception("detached work of a call failed")
