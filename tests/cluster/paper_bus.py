"""The commands between nodes on paper: what `store.Bus` does, without a database."""

import asyncio
from collections.abc import Callable, Iterable

from callapi.store import Command, News, NodeEntry, NodeState, Report, Roll


class PaperTable:
    """A table of nodes that run; `has_commands` is what a heartbeat brings back."""

    def __init__(self, *names: str) -> None:
        self.nodes = tuple(
            NodeEntry(
                each, each, 1, 1, NodeState.UP, "udp://127.0.0.1:5060", "http://127.0.0.1:1", "1", 0, 0.0
            )
            for each in names
        )
        self.has_commands = False

    async def beat(self, report: Report) -> Roll:
        """All live."""
        return Roll(self.nodes, is_drain_wanted=False, has_commands=self.has_commands)


class PaperServer:
    """Where the commands are."""

    def __init__(self) -> None:
        self.waiting: list[tuple[str, Command]] = []
        self.answered: dict[str, str] = {}
        self.listeners: list[Callable[[News], None]] = []
        self.is_silent = False
        """Notifications are lost."""

    def notify(self, news: News) -> None:
        """As NOTIFY."""
        if not self.is_silent:
            for heard in self.listeners:
                heard(news)


class PaperBus:
    """`Bus` of the node `name`."""

    def __init__(self, server: PaperServer, name: str) -> None:
        self._server = server
        self._name = name

    async def send(self, node: str, epoch: int, request: str) -> str:
        """As `Bus`."""
        made = f"{self._name}-{len(self._server.waiting) + len(self._server.answered)}"
        self._server.waiting.append((node, Command(made, self._name, request)))
        self._server.notify(News("command", node))
        return made

    async def take(self) -> list[Command]:
        """As `Bus`."""
        taken = [command for node, command in self._server.waiting if node == self._name]
        self._server.waiting = [each for each in self._server.waiting if each[0] != self._name]
        return taken

    async def answer(self, command: Command, answer: str) -> None:
        """As `Bus`."""
        self._server.answered[command.id] = answer
        self._server.notify(News("answer", command.asker, command.id))

    async def answers(self, ids: Iterable[str]) -> dict[str, str]:
        """As `Bus`."""
        return {each: self._server.answered.pop(each) for each in list(ids) if each in self._server.answered}

    async def sweep(self) -> None:
        """As `Bus`."""

    async def listen(self, heard: Callable[[News], None]) -> None:
        """As `Bus`."""
        self._server.listeners.append(heard)
        await asyncio.Event().wait()
