"""Commands to the node that has a call: asked here, carried out there, answered within moments or not at all."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from callapi.base.errors import CallApiError
from callapi.base.retrying import every
from callapi.cluster.member import Member
from callapi.store import Bus, Command, News, Unavailable

log = logging.getLogger(__name__)

ANSWER_S: Final = 3.0
SWEEP_EVERY_S: Final = 60.0
MAX_ASKED: Final = 1000
MAX_AT_ONCE: Final = 64

T = TypeVar("T")
Handler = Callable[[str], Awaitable[str]]


class NodeGone(CallApiError):
    """The node that has the call does not answer; it may be dead, and then its calls get their end within seconds."""


class Commands:
    """Asks other nodes for as long as its block lasts; `serve` carries out what they ask."""

    def __init__(
        self, bus: Bus, member: Member, name: str, listeners: Mapping[str, Callable[[str, str], None]]
    ) -> None:
        """`listeners` are called with the news of their kind that other nodes publish: who does, and what.

        `changed` is one of them; it is called with two empty texts when some may have been missed.
        """
        self._bus = bus
        self._member = member
        self._name = name
        self._listeners = listeners
        self._asked: dict[str, asyncio.Future[str]] = {}
        self._answered = asyncio.Event()
        self._has_commands = asyncio.Event()
        self._at_once = asyncio.Semaphore(MAX_AT_ONCE)
        self._tasks = asyncio.TaskGroup()
        self._services: set[asyncio.Task[Any]] = set()
        self._is_leaving = False

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        for service in (self._bus.listen(self._heard), self._collect(), self._look_again(), self._sweep()):
            self._start(service)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_leaving = True
        for each in self._services:
            each.cancel()
        await self._tasks.__aexit__(kind, error, traceback)

    def _start(self, story: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run `story`, which does not fail, until the block is left."""
        task = self._tasks.create_task(story)
        self._services.add(task)
        task.add_done_callback(self._services.discard)
        return task

    async def ask(self, node: str, request: str, *, undo: Callable[[str], str] | None = None) -> str:
        """The answer of `node`. Raises NodeGone, Unavailable.

        `undo` makes of the answer the request that takes back what `request` has done: it is sent once the answer is
        there if the caller is cancelled before it has it.
        """
        if undo is None:
            return await self._ask(node, request)
        asking = self._start(self._outcome(node, request))
        try:
            outcome = await asyncio.shield(asking)
        except asyncio.CancelledError:
            if not self._is_leaving:
                self._start(self._take_back(node, asking, undo))
            raise
        if isinstance(outcome, str):
            return outcome
        raise outcome

    async def _outcome(self, node: str, request: str) -> str | NodeGone | Unavailable:
        try:
            return await self._ask(node, request)
        except (NodeGone, Unavailable) as error:
            return error

    async def _take_back(
        self, node: str, asking: "asyncio.Task[str | NodeGone | Unavailable]", undo: Callable[[str], str]
    ) -> None:
        outcome = await asking
        if isinstance(outcome, str) and outcome:
            await self._outcome(node, undo(outcome))

    async def _ask(self, node: str, request: str) -> str:
        entry = await self._member.running(node)
        if entry is None or len(self._asked) >= MAX_ASKED:
            raise NodeGone(f"the node {node} that has this call does not answer")
        made = await self._bus.send(node, entry.epoch, request)
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._asked[made] = future
        self._answered.set()  # the answer may have come before its place was made
        try:
            async with asyncio.timeout(ANSWER_S):
                return await future
        except TimeoutError:
            raise NodeGone(
                f"the node {node} that has this call did not answer within {ANSWER_S:g} s"
            ) from None
        finally:
            del self._asked[made]

    def _heard(self, news: News) -> None:
        match news.kind:
            case "command" if news.node == self._name:
                self._has_commands.set()
            case "answer" if news.node == self._name:
                self._answered.set()
            case "connected":
                self._has_commands.set()
                self._answered.set()
                self._listeners["changed"]("", "")
            case kind if news.node != self._name and kind in self._listeners:
                self._listeners[kind](news.node, news.detail)

    async def _collect(self) -> None:
        """Hand answers to those who asked."""
        while True:
            await self._answered.wait()
            self._answered.clear()
            if not self._asked:
                continue
            with suppress(Unavailable):
                for made, answer in (await self._bus.answers(self._asked)).items():
                    future = self._asked.get(made)
                    if future is not None and not future.done():
                        future.set_result(answer)

    async def serve(self, handler: Handler) -> None:
        """Carry out what other nodes ask, until cancelled: `handler` gives the answer to a request."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._serve_once(handler, tasks)

    async def _serve_once(self, handler: Handler, tasks: asyncio.TaskGroup) -> None:
        await self._has_commands.wait()
        self._has_commands.clear()
        with suppress(Unavailable):
            while taken := await self._bus.take():
                for command in taken:
                    await self._at_once.acquire()
                    tasks.create_task(self._carry_out(handler, command))

    async def _carry_out(self, handler: Handler, command: Command) -> None:
        try:
            answer = await handler(command.request)
            with suppress(Unavailable):
                await self._bus.answer(command, answer)
        except Exception:
            log.exception("a command of node %s cannot be carried out", command.asker)
        finally:
            self._at_once.release()

    async def _look_again(self) -> None:
        """With each heartbeat look for what was not heard: a notification may have been lost with its connection."""
        while True:
            await self._member.readings.wait()
            if self._member.has_commands:
                self._has_commands.set()
            if self._asked:
                self._answered.set()

    async def _sweep(self) -> None:
        await every(SWEEP_EVERY_S, self._sweep_once)

    async def _sweep_once(self) -> None:
        with suppress(Unavailable):
            await self._bus.sweep()
