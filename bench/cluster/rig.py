"""One shape of the service, up on this machine: nodes, their database, perhaps Kamailio in front; what each costs."""

import asyncio
import secrets
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from bench.harness.processes import TICKS
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.service import DOMAIN, Edge, Service
from tests.store.cluster import PostgresServer

QUIET: Final = {"level": "warning"}


def cpu_s(pid: int) -> float:
    """Processor seconds of a process and of all that it has started, those that have ended included."""
    total, waiting = 0.0, [pid]
    while waiting:
        each = waiting.pop()
        try:
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        # Its own, in user and kernel, and what it has waited for.
        total += sum(map(int, fields[11:15])) / TICKS
        waiting += _children(each)
    return total


def run_s(pid: int) -> float:
    """The same to the nanosecond, of threads that live: of many processes each does too little for a tick."""
    total = 0.0
    for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with suppress(OSError):
            total += int(task.read_text().split()[0]) / 1e9
    return total + sum(map(run_s, _children(pid)))


def _children(pid: int) -> Iterable[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return map(int, text.split())


@dataclass
class Cost:
    """Processor seconds of each part."""

    nodes: float = 0.0
    edge: float = 0.0
    database: float = 0.0

    def since(self, before: "Cost") -> "Cost":
        """What was spent between two readings."""
        return Cost(self.nodes - before.nodes, self.edge - before.edge, self.database - before.database)


@dataclass
class Rig:
    """`async with Rig("three nodes", folder, url, server, nodes=3, is_clustered=True, has_edge=True) as rig`."""

    name: str
    folder: Path
    voice_url: str
    server: PostgresServer | None
    """None: one node on SQLite."""
    count: int = 1
    has_edge: bool = False
    octet: int = 10
    """The last number of the first address that it uses."""
    nodes: list[Node] = field(default_factory=list)
    edge: Edge | None = None
    database_url: str = ""

    async def __aenter__(self) -> Self:
        self.folder.mkdir()
        numbers = [{"number": "*", "voice_url": self.voice_url}]
        self._stack = AsyncExitStack()
        if self.server is None:
            node = Node(self.folder, numbers=numbers, settings={"log": QUIET}, host=f"127.0.0.{self.octet}")
            self.nodes = [await self._stack.enter_async_context(node)]
            return self
        service = Service(
            self.folder,
            self.server,
            numbers,
            settings={"log": QUIET, "sip": {"domain": DOMAIN}},
            hosts=[f"127.0.0.{self.octet + each}" for each in range(1, self.count + 1)],
            edge_host=f"127.0.0.{self.octet}",
        )
        self.folder.chmod(0o755)
        self.nodes, self.database_url = service.nodes, service.url
        await asyncio.gather(*(self._stack.enter_async_context(each) for each in self.nodes))
        if self.has_edge:
            self.edge = service.edge
            self._stack.push_async_callback(self.edge.stop)
            await self.edge.start({each.name: each.sip_address for each in self.nodes})
            await service.edge_is_ready()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def target(self) -> tuple[str, int]:
        """Where callers send."""
        return self.edge.address if self.edge is not None else self.nodes[0].sip_address

    def cost(self, seconds_of: Callable[[int], float] = cpu_s) -> Cost:
        """Processor seconds so far. The database's are those of every rig that uses it: one is loaded at a time."""
        edge = self.edge.process if self.edge is not None else None
        database = self.server.process if self.server is not None else None
        return Cost(
            sum(seconds_of(each.process.pid) for each in self.nodes),
            seconds_of(edge.pid) if edge is not None else 0.0,
            seconds_of(database.pid) if database is not None else 0.0,
        )

    def memory_kb(self) -> int:
        """Resident memory of the nodes."""
        return sum(each.census().memory_kb for each in self.nodes)


def fresh_name() -> str:
    """For a folder."""
    return f"rig-{secrets.token_hex(3)}"


def parts(cost: Cost, calls: float) -> dict[str, float]:
    """Milliseconds for each call."""
    return {name: getattr(cost, name) * 1e3 / calls for name in ("nodes", "edge", "database")}
