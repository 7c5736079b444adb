"""A task group that leaves no cycle of references when it is cancelled."""

import asyncio
from types import TracebackType


class TaskGroup(asyncio.TaskGroup):
    """As asyncio's, for what runs once for each call.

    In Python 3.11 and 3.12 a group keeps the task that runs it; the task, once cancelled, keeps its CancelledError,
    whose traceback keeps the group's frame, and that frame the error itself. All that the cancelled story refers to,
    the call too, then waits for a full collection, which does not come while calls are up (`node.gc_policy`). So the
    group parts with its task, as that of Python 3.13 does, and the error goes on without the frames below.
    """

    async def __aexit__(
        self, et: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Wait for the tasks; raises what asyncio's group raises."""
        try:
            await super().__aexit__(et, exc, tb)
        except asyncio.CancelledError as error:
            raise error.with_traceback(None) from error.__cause__
        finally:
            self._parent_task = None
            del exc, tb
