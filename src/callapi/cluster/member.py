"""One node as a member of the cluster: it makes its heartbeats, and learns from them who else is up."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Final, Protocol, Self

from callapi.base.notifier import Notifier
from callapi.cluster.lease import Lease
from callapi.cluster.membership import Membership
from callapi.store import BEAT_EVERY_S, STARTING, Fenced, NodeEntry, Report, Roll, Unavailable

log = logging.getLogger(__name__)

_NEXT_READING_S: Final = 2 * BEAT_EVERY_S


class Heartbeats(Protocol):
    """`store.Nodes`, as far as a member uses it."""

    async def beat(self, report: Report) -> Roll:
        """Say that this node lives; who else does. Raises Fenced, Unavailable."""
        ...


class Member:
    """Makes heartbeats for as long as its block lasts, so it is entered right after the store and left right before.

    `clock` goes on while the process is suspended, and is never set (`boot_time`).
    """

    def __init__(self, nodes: Heartbeats, name: str, clock: Callable[[], float]) -> None:
        self._nodes = nodes
        self._clock = clock
        self._report: Callable[[], Report] = lambda: STARTING
        self.membership = Membership(name)
        self.lease = Lease(clock)
        self.fenced = asyncio.Event()
        """Another node has taken over: this process must end its calls, and may start anew."""
        self.drain_changed = asyncio.Event()
        self.readings = Notifier()
        """Rings each time this node has read who else is up."""
        self.is_drain_wanted = False
        self.clock_offset_s = 0.0
        """How far the database's clock is ahead of this machine's."""
        self.has_commands = False
        """Whether commands of other nodes waited for this one when it last read."""
        self.has_free_calls = False
        """Whether calls waited to be placed that no node had."""
        self._is_away = False
        self._dead: dict[str, NodeEntry] = {}
        self._has_dead = asyncio.Event()
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        """Make the first heartbeat. Raises Fenced, Unavailable."""
        await self._beat()
        await self._tasks.__aenter__()
        self._beating = self._tasks.create_task(self._serve())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._beating.cancel()
        await self._tasks.__aexit__(kind, error, traceback)

    def report_from(self, report: Callable[[], Report]) -> None:
        """Say with each heartbeat what `report` does; before that, that the node is up and has no calls."""
        self._report = report

    async def running(self, name: str) -> NodeEntry | None:
        """The node of that name, if it runs. One that did not when this node last looked may just have started."""
        found = self.membership.running(name)
        if found is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_NEXT_READING_S):
                    await self.readings.wait()
            found = self.membership.running(name)
        return found

    async def next_dead(self) -> NodeEntry:
        """The next node to take over from. One that is taken over from meanwhile, or lives, is not given again."""
        while not self._dead:
            self._has_dead.clear()
            await self._has_dead.wait()
        return self._dead.pop(next(iter(self._dead)))

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + BEAT_EVERY_S, loop.time())
            await asyncio.sleep(due - loop.time())
            try:
                await self._beat()
            except Fenced as error:
                log.error("%s", error)  # noqa: TRY400 - its text says everything
                self.lease.end()
                self.fenced.set()
                return
            except Unavailable as error:
                if not self._is_away:  # an outage is one line in the log
                    log.warning("no heartbeats: %s", error)
                self._is_away = True
                self.membership.missed()
            else:
                if self._is_away:
                    log.warning("heartbeats again")
                self._is_away = False

    async def _beat(self) -> None:
        asked_at = self._clock()
        roll = await self._nodes.beat(self._report())
        self.lease.renew(asked_at)
        self.clock_offset_s = roll.clock_offset_s
        self.has_commands, self.has_free_calls = roll.has_commands, roll.has_free_calls
        if roll.is_drain_wanted != self.is_drain_wanted:
            self.is_drain_wanted = roll.is_drain_wanted
            self.drain_changed.set()
        self._dead = {each.name: each for each in self.membership.read(roll.nodes, self._clock())}
        self.readings.ring()
        if self._dead:
            self._has_dead.set()
