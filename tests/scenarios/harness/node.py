"""The product as its users run it: `callapi serve --config X.toml`, judged by its exits alone."""

import asyncio
import contextlib
import json
import re
import secrets
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import aiohttp

from callapi.sip.transport import TlsFiles
from tests.scenarios.harness.forked_process import ForkingParent
from tests.scenarios.harness.ports import free_port, free_rtp_range
from tests.scenarios.harness.process import ManagedProcess
from tests.scenarios.harness.waiting import WAIT_S

START_S = 60.0
"""For a node to start; a second, on a machine that has nothing else to do."""
PROGRAM = Path(sys.executable).with_name("callapi")
Settings = Mapping[str, Mapping[str, Any]]
FAR_AWAY = "Asia/Kathmandu"
"""Where nodes believe to be, 5:45 h from UTC: a local time where UTC is due is seen by every test of an instant."""


def toml(settings: Settings, numbers: Sequence[Mapping[str, Any]] = ()) -> str:
    """Settings as a TOML file (JSON's scalars and lists are TOML's)."""
    lines: list[str] = []
    for section, keys in settings.items():
        lines += [f"[{section}]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items()), ""]
    for number in numbers:
        lines += ["[[numbers]]", *(f"{key} = {json.dumps(value)}" for key, value in number.items()), ""]
    return "\n".join(lines)


_KEPT_S: Final = 5.0
"""Shorter than a node keeps a connection (`http.request_timeout_s`), so that no request meets one that is closing."""
_LISTEN: Final = "0A"
"""A listening socket's state in /proc/net/tcp."""


@dataclass(frozen=True, slots=True)
class Census:
    """What a process holds: to be the same before and after."""

    descriptors: int
    threads: int
    udp_sockets: int
    connections: int
    """Of TCP, in either direction."""
    kept_open: int
    """Descriptors but for TCP connections and files of the database, of which more or fewer are kept for a while."""
    memory_kb: int
    cpu_s: float


class Node:
    """One node: `async with Node(folder, numbers=[...]) as node`."""

    parent: ClassVar[ForkingParent | None] = None
    """What forks nodes, where that is the same as to execute their program; None: each is executed."""
    migrated: ClassVar[Path | None] = None
    """A database of SQLite, its tables empty, of which each node gets a copy; None: each makes its own."""

    def __init__(
        self,
        folder: Path,
        *,
        numbers: Sequence[Mapping[str, Any]] = (),
        settings: Settings | None = None,
        tls: TlsFiles | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        """`tls`: what it shows on a `tls://` listener, and whom it believes."""
        self.folder = folder
        self.host = host
        self.sip_port = free_port()
        self.tls_port = free_port()
        self._tls = tls
        self.http_port = free_port()
        self.rtp_ports = free_rtp_range(4000)
        self.account_sid = "AC" + secrets.token_hex(16)
        self.auth_token = secrets.token_hex(16)
        self.config = folder / "callapi.toml"
        self._numbers = numbers
        self._settings = settings or {}
        self.prefix: tuple[str, ...] = ()
        """What its command line begins with, to run it elsewhere or otherwise."""
        self.environ: dict[str, str] = {}
        """More of its environment."""
        self.process = self._new_process()

    def _new_process(self) -> ManagedProcess:
        environ = {
            "CALLAPI_ACCOUNT_SID": self.account_sid,
            "CALLAPI_AUTH_TOKEN": self.auth_token,
            "TZ": FAR_AWAY,
            **self.environ,
        }
        arguments = [*self.prefix, str(PROGRAM), "serve", "--config", str(self.config)]
        return ManagedProcess("callapi", arguments, self.folder / "node.log", environ, parent=self.parent)

    def _write_config(self) -> None:
        standard: dict[str, dict[str, Any]] = {
            "node": {"name": "scenario", "data_dir": str(self.folder / "data"), "drain_timeout_s": 5},
            "sip": {"listen": [f"udp://{self.host}:{self.sip_port}", f"tcp://{self.host}:{self.sip_port}"]},
            "media": {"address": self.host, "rtp_ports": f"{self.rtp_ports[0]}-{self.rtp_ports[1]}"},
            "http": {"listen": f"{self.host}:{self.http_port}", "public_url": self.http_url},
            # Other suites may have the cores.
            "speech": {"timeout_s": 60, "patience_s": 60},
            "limits": {"max_lag_s": 10},
        }
        if self._tls is not None:
            standard["sip"]["listen"].append(f"tls://{self.host}:{self.tls_port}")
            standard["sip"] |= {
                "tls_certificate": str(self._tls.certificate),
                "tls_private_key": str(self._tls.private_key),
                "tls_ca": str(self._tls.ca),
            }
        for section, keys in self._settings.items():
            standard.setdefault(section, {}).update(keys)
        self.config.write_text(toml(standard, self._numbers), encoding="utf-8")

    def _put_database(self) -> None:
        data = self.folder / "data"
        if self.migrated is not None and "database" not in self._settings and not data.exists():
            data.mkdir()
            shutil.copyfile(self.migrated, data / "callapi.db")

    async def __aenter__(self) -> Self:
        self._write_config()
        self._put_database()
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(keepalive_timeout=_KEPT_S),
            headers={"Authorization": aiohttp.encode_basic_auth(self.account_sid, self.auth_token)},
            timeout=aiohttp.ClientTimeout(total=10),
        )
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()
        if self.process.returncode is None:
            await self.process.stop()

    async def start(self) -> None:
        """Start it and wait until it says that it is healthy."""
        self.process = self._new_process()
        await self.process.start()
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self.process.returncode is not None:
                raise self.process.failure("ended while it started")
            if await self.health() == 200:
                return
            await asyncio.sleep(0.05)
        raise self.process.failure("did not get healthy in time")

    async def fails_to_start(self, timeout: float = 40) -> int:
        """The exit status of a start that must not succeed."""
        self._write_config()
        self.process = self._new_process()
        await self.process.start()
        return await self.process.wait(timeout)

    async def health(self) -> int:
        """The status of GET /health; 0 while the port is closed."""
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with self._http.get(f"{self.http_url}/health") as answer:
                return answer.status
        return 0

    # ---- addresses

    @property
    def name(self) -> str:
        """Its `node.name`."""
        return str(self._settings.get("node", {}).get("name", "scenario"))

    @property
    def http_url(self) -> str:
        """The base of its REST interface."""
        return f"http://{self.host}:{self.http_port}"

    @property
    def sip_address(self) -> tuple[str, int]:
        """Host and port of its SIP listeners."""
        return self.host, self.sip_port

    def uri(self, number: str, *, transport: str = "udp") -> str:
        """The SIP URI of a number on this node."""
        suffix = "" if transport == "udp" else f";transport={transport}"
        return f"sip:{number}@{self.host}:{self.sip_port}{suffix}"

    # ---- REST

    async def rest(self, method: str, path: str, **form: str) -> tuple[int, Any]:
        """Ask `/2010-04-01/Accounts/{sid}/{path}`; status and JSON (None where there is none)."""
        url = f"{self.http_url}/2010-04-01/Accounts/{self.account_sid}/{path}"
        arguments: dict[str, Any] = {"params": form} if method == "GET" else {"data": form}
        async with self._http.request(method, url, **arguments) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else None

    async def call(self, call_sid: str) -> dict[str, Any]:
        """The record of one call."""
        status, record = await self.rest("GET", f"Calls/{call_sid}.json")
        assert status == 200, (status, record)
        return dict(record)

    async def final(self, call_sid: str, timeout: float = WAIT_S) -> dict[str, Any]:
        """The record of a call once it has reached its end."""
        deadline = time.monotonic() + timeout
        record = await self.call(call_sid)
        while record["status"] in {"queued", "initiated", "ringing", "in-progress"}:
            assert time.monotonic() < deadline, f"{call_sid} is still {record['status']} after {timeout:g}s"
            await asyncio.sleep(0.05)
            record = await self.call(call_sid)
        return record

    async def calls(self, **filters: str) -> list[dict[str, Any]]:
        """The first page of the list of calls."""
        status, page = await self.rest("GET", "Calls.json", **filters)
        assert status == 200, (status, page)
        return list(page["calls"])

    async def download(self, url: str) -> bytes:
        """A recording, or whatever is behind a URL of this node."""
        async with self._http.get(url) as answer:
            assert answer.status == 200, (url, answer.status)
            return await answer.read()

    # ---- from outside

    def census(self) -> Census:
        """What the process holds now, as the kernel sees it."""
        proc = Path("/proc") / str(self.process.pid)
        links = []
        for each in (proc / "fd").iterdir():
            with contextlib.suppress(OSError):
                links.append(str(each.readlink()))
        inodes = {link[8:-1] for link in links if link.startswith("socket:[")}
        datagrams, streams = (
            [line.split() for line in (proc / "net" / kind).read_text(encoding="ascii").splitlines()[1:]]
            for kind in ("udp", "tcp")
        )
        status = (proc / "status").read_text(encoding="ascii")
        memory = re.search(r"^VmRSS:\s+(\d+)", status, re.MULTILINE)
        threads = re.search(r"^Threads:\s+(\d+)", status, re.MULTILINE)
        ticks = (proc / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
        connections = sum(line[9] in inodes and line[3] != _LISTEN for line in streams)
        return Census(
            descriptors=len(links),
            threads=int(threads[1]) if threads else 0,
            udp_sockets=sum(line[9] in inodes for line in datagrams),
            connections=connections,
            kept_open=sum("callapi.db" not in link for link in links) - connections,
            memory_kb=int(memory[1]) if memory else 0,
            cpu_s=(int(ticks[11]) + int(ticks[12])) / 100,
        )

    def waited_s(self) -> float:
        """How long its event loop has waited for a core that others had (proc(5), schedstat), since its start."""
        waited_ns = (
            (Path("/proc") / str(self.process.pid) / "schedstat").read_text(encoding="ascii").split()[1]
        )
        return int(waited_ns) / 1e9

    async def settles(self, before: Census, timeout: float = WAIT_S) -> Census:
        """Wait until it holds no more sockets and files than `before`; the last census either way."""
        deadline = time.monotonic() + timeout
        now = self.census()
        while time.monotonic() < deadline and (
            now.udp_sockets > before.udp_sockets or now.kept_open > before.kept_open
        ):
            await asyncio.sleep(0.2)
            now = self.census()
        return now
