"""Commands from node to node: found without a notification, and taken back when the asker is gone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from callapi.cluster import Commands, Member
from tests.cluster.paper_bus import PaperBus, PaperServer, PaperTable
from tests.virtual_time import run


class Served:
    """A node that carries out what it is asked once `may_answer` is set."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.has_some = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def __call__(self, request: str) -> str:
        self.requests.append(request)
        self.has_some.set()
        await self.may_answer.wait()
        return f"done {request}"


@asynccontextmanager
async def node(server: PaperServer, table: PaperTable, name: str) -> AsyncIterator[Commands]:
    """The commands of a node that hears no news but of commands."""
    async with Member(table, name, asyncio.get_running_loop().time) as member:
        bus = PaperBus(server, name)
        commands = Commands(bus, member, name, {"changed": lambda _node, _detail: None})  # type: ignore[arg-type]
        async with commands:
            yield commands


@asynccontextmanager
async def two_nodes(server: PaperServer, table: PaperTable) -> AsyncIterator[tuple[Commands, Served]]:
    """Node one, and what node two does."""
    served = Served()
    async with node(server, table, "one") as asking, node(server, table, "two") as answering:
        serving = asyncio.create_task(answering.serve(served))
        try:
            yield asking, served
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


def test_a_command_of_which_no_notification_came_is_found_by_a_heartbeat() -> None:
    async def story() -> None:
        server, table = PaperServer(), PaperTable("one", "two")
        async with two_nodes(server, table) as (asking, served):
            server.is_silent = table.has_commands = True
            served.may_answer.set()
            began = asyncio.get_running_loop().time()
            assert await asking.ask("two", "mute") == "done mute"
            assert asyncio.get_running_loop().time() - began <= 2

    run(story())


def test_what_an_asker_that_is_gone_has_asked_is_taken_back() -> None:
    async def story() -> None:
        server = PaperServer()
        async with two_nodes(server, PaperTable("one", "two")) as (asking, served):
            ask = asyncio.create_task(asking.ask("two", "take", undo=lambda answer: f"undo {answer}"))
            await served.has_some.wait()
            ask.cancel()
            with suppress(asyncio.CancelledError):
                await ask
            assert ask.cancelled()
            served.may_answer.set()
            await asyncio.sleep(0.1)
            assert served.requests == ["take", "undo done take"]

    run(story())


def test_what_was_answered_is_not_taken_back() -> None:
    async def story() -> None:
        async with two_nodes(PaperServer(), PaperTable("one", "two")) as (asking, served):
            served.may_answer.set()
            assert await asking.ask("two", "take", undo=lambda answer: f"undo {answer}") == "done take"
            await asyncio.sleep(0.1)
            assert served.requests == ["take"]

    run(story())
