"""Several nodes as one service: PostgreSQL, nodes on loopback addresses of their own, Kamailio in front."""

import asyncio
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from callapi.sip.transport import TlsFiles
from tests.scenarios.harness.node import PROGRAM, Node
from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.process import ManagedProcess
from tests.scenarios.harness.waiting import eventually
from tests.store.cluster import PostgresServer

KAMAILIO = shutil.which("kamailio") or shutil.which("kamailio", path="/usr/sbin:/usr/local/sbin")
RENDER = Path(__file__).parents[3] / "deploy" / "kamailio" / "render"
EDGE_HOST = "127.0.0.10"
DOMAIN = "sip.example.test"
Sections = Mapping[str, Mapping[str, Any]]


class Edge:
    """Kamailio as `render` configures it, on `host`."""

    def __init__(self, folder: Path, host: str = EDGE_HOST) -> None:
        self.folder = folder
        self.host = host
        self.tls: TlsFiles | None = None
        """With a certificate it listens for TLS and secure WebSockets too."""
        self.port, self.ws_port = free_port(), free_port()
        self.tls_port, self.wss_port = free_port(), free_port()
        self.process: ManagedProcess | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where phones send."""
        return self.host, self.port

    @property
    def inside(self) -> str:
        """What `cluster.edge` names."""
        return f"udp://{self.host}:{self.port}"

    @property
    def ws_url(self) -> str:
        """Where browsers connect."""
        return f"ws://{self.host}:{self.ws_port}"

    @property
    def wss_url(self) -> str:
        """Where browsers connect that want to be sure."""
        return f"wss://{self.host}:{self.wss_port}"

    def render(self, nodes: Mapping[str, tuple[str, int]]) -> Path:
        """Write the configuration for these nodes; kamailio.cfg."""
        out = self.folder / "kamailio"
        arguments = [sys.executable, str(RENDER), "--out", str(out)]
        if self.tls is not None:
            arguments += ["--edge", f"tls://{self.host}:{self.tls_port}", "--edge", self.wss_url]
            arguments += ["--tls-certificate", str(self.tls.certificate)]
            arguments += ["--tls-private-key", str(self.tls.private_key)]
        for url in (self.inside, f"tcp://{self.host}:{self.port}", self.ws_url):
            arguments += ["--edge", url]
        for name, (host, port) in nodes.items():
            arguments += ["--node", f"{name}=udp://{host}:{port}"]
        subprocess.run(arguments, check=True, capture_output=True)
        return out / "kamailio.cfg"

    async def start(self, nodes: Mapping[str, tuple[str, int]]) -> None:
        """Start it, and wait until it answers."""
        configuration = self.render(nodes)
        log = self.folder / "kamailio.log"
        runtime = self.folder / "run"
        runtime.mkdir(exist_ok=True)
        arguments = [
            str(KAMAILIO),
            "-DD",
            "-E",
            "-f",
            str(configuration),
            "-m",
            "64",
            "-M",
            "8",
            "-Y",
            str(runtime),
        ]
        self.process = ManagedProcess("kamailio", arguments, log)
        await self.process.start()

    async def stop(self) -> None:
        """Stop it."""
        if self.process is not None and self.process.returncode is None:
            await self.process.stop()


class Service:
    """`async with Service(folder, server, numbers) as service`: nodes `node-1`, ... behind an edge."""

    def __init__(
        self,
        folder: Path,
        server: PostgresServer,
        numbers: list[dict[str, Any]],
        *,
        count: int = 3,
        settings: Sections | None = None,
        url: str = "",
        hosts: Sequence[str] = (),
        edge_host: str = EDGE_HOST,
        has_edge: bool = True,
    ) -> None:
        """`url`: the database as the nodes reach it, where that is not `server` itself; `hosts`: their addresses.

        Without an edge phones call the nodes themselves.
        """
        self.folder = folder
        self.url = url or server.create(f"service_{secrets.token_hex(4)}")
        self.edge = Edge(folder, edge_host)
        self.account_sid = "AC" + secrets.token_hex(16)
        self.auth_token = secrets.token_hex(16)
        self._has_edge = has_edge
        self._numbers = numbers
        self._settings = settings or {}
        hosts = hosts or [f"127.0.0.{10 + number}" for number in range(1, count + 1)]
        self.nodes = [self.new_node(f"node-{number}", host) for number, host in enumerate(hosts, 1)]

    def new_node(self, name: str, host: str, folder: str = "", url: str = "") -> Node:
        """A node of this service, not started; `url`: its way to the database."""
        where = self.folder / (folder or name)
        where.mkdir()
        sections: dict[str, dict[str, Any]] = {
            "node": {"name": name},
            "database": {"url": url or self.url},
            "cluster": {"enabled": True, "edge": [self.edge.inside]},
        }
        for section, keys in self._settings.items():
            sections.setdefault(section, {}).update(keys)
        sections.setdefault("sip", {}).setdefault("domain", DOMAIN)
        node = Node(where, numbers=self._numbers, settings=sections, host=host)
        node.account_sid, node.auth_token = self.account_sid, self.auth_token
        return node

    async def __aenter__(self) -> Self:
        self.folder.chmod(0o755)
        await asyncio.gather(*(each.__aenter__() for each in self.nodes))
        if self._has_edge:
            await self.edge.start({each.name: each.sip_address for each in self.nodes})
            await self.edge_is_ready()
        return self

    async def restart_edge(self) -> None:
        """Stop Kamailio, start it again, and wait until it knows the nodes."""
        await self.edge.stop()
        await self.edge.start({each.name: each.sip_address for each in self.nodes})
        await self.edge_is_ready()

    async def edge_is_ready(self) -> None:
        """Wait until the edge gives calls to every node."""
        await eventually("the edge to know its nodes", self._edge_is_ready, 15)

    async def __aexit__(self, *arguments: object) -> None:
        await self.edge.stop()
        await asyncio.gather(*(each.__aexit__() for each in self.nodes), return_exceptions=True)

    async def run(self, command: str, *arguments: str) -> int:
        """The exit status of `callapi COMMAND --config (that of the first node)`."""
        return (await self._run(command, *arguments))[0]

    async def output(self, command: str, *arguments: str) -> str:
        """What it prints."""
        return (await self._run(command, *arguments))[1]

    async def _run(self, command: str, *arguments: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            str(PROGRAM),
            command,
            *arguments,
            "--config",
            str(self.nodes[0].config),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode()

    def _edge_is_ready(self) -> bool:
        process = self.edge.process
        assert process is not None
        assert process.returncode is None, process.failure("ended")
        return self.edge_states().count("AP") == len(self.nodes)

    def edge_states(self) -> list[str]:
        """The flags of the nodes in the dispatcher: `AP` active and probed, `IP` inactive."""
        socket = self.folder / "kamailio" / "kamailio_ctl"
        if not socket.exists():
            return []
        found = subprocess.run(
            ["kamcmd", "-s", f"unix:{socket}", "dispatcher.list"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"},
        )
        return [line.split(":")[1].strip() for line in found.stdout.splitlines() if "FLAGS" in line]
