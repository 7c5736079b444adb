"""The processes of a measurement: started, pinned to their core, read from outside, stopped."""

import csv
import json
import os
import shlex
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent.parent
TICKS: Final = os.sysconf("SC_CLK_TCK")
NODE_CORE: Final = (os.cpu_count() or 1) - 1
TOOLS_CORE: Final = 0
_TIMEOUT_S: Final = 20.0

CONFIGURATION: Final = """\
[node]
data_dir = "{directory}/data"
[sip]
listen = ["udp://127.0.0.1:{sip}"]
[http]
listen = "127.0.0.1:{http}"
[[numbers]]
number = "*"
voice_url = "http://127.0.0.1:{application}/voice"
"""


def free_port(kind: socket.SocketKind) -> int:
    """A port of the loopback address that is free at the moment."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def free_port_of_datagrams() -> int:
    """A UDP port that is free at the moment."""
    return free_port(socket.SOCK_DGRAM)


def last_row(file: Path) -> dict[str, str]:
    """The last line of SIPp's statistics."""
    with file.open() as rows:
        return list(csv.DictReader(rows, delimiter=";"))[-1]


def pinned(core: int | str, *command: str) -> list[str]:
    """The command, on one core alone, or on those of a list as `taskset` takes it."""
    return ["taskset", "-c", str(core), *command]


class Process:
    """A child that is stopped when its block ends."""

    def __init__(self, command: list[str], output: Path) -> None:
        self._command = command
        self._output = output

    def __enter__(self) -> Self:
        with self._output.open("wb") as out:
            self._child = subprocess.Popen(self._command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
            try:
                self._child.wait(_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()

    @property
    def pid(self) -> int:
        """Of the child itself: `taskset` becomes what it starts."""
        return self._child.pid

    def cpu_s(self) -> float:
        """Processor seconds so far, in user and kernel, all threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def rss_kb(self) -> int:
        """Resident memory."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    def descriptors(self) -> int:
        """Open files and sockets."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))


@dataclass(frozen=True)
class Ports:
    """Where everybody is."""

    sip: int = field(default_factory=free_port_of_datagrams)
    callee: int = field(default_factory=free_port_of_datagrams)
    busy: int = field(default_factory=free_port_of_datagrams)
    ringing: int = field(default_factory=free_port_of_datagrams)
    http: int = field(default_factory=lambda: free_port(socket.SOCK_STREAM))
    application: int = field(default_factory=lambda: free_port(socket.SOCK_STREAM))


class Bench:
    """A node on one core (or those of `node_cores`); its application and its called phones on the other.

    `callee` names the scenario of the phone that answers, SIPp's `options` are for that phone alone. `more` are
    further sections of the node's configuration. `server` writes the configuration of another server in the place of
    the node, and gives its command. `python` is the command that runs the node, an
    interpreter that has what it imports: another version, say, or one with settings (`env NAME=VALUE python`).
    """

    def __init__(
        self,
        directory: Path,
        node_cores: int | str = NODE_CORE,
        callee: str = "callee",
        options: Sequence[str] = (),
        more: str = "",
        server: Callable[[Path, Ports], list[str]] | None = None,
        *,
        python: str = sys.executable,
    ) -> None:
        self.directory = directory
        self.ports = Ports()
        config = directory / "node.toml"
        ports = self.ports
        written = CONFIGURATION.format(
            directory=directory, sip=ports.sip, http=ports.http, application=ports.application
        )
        config.write_text(more + written)
        self._gc = directory / "gc.json"
        node = [
            *shlex.split(python),
            "-m",
            "bench.harness.node",
            str(self._gc),
            "serve",
            "--config",
            str(config),
        ]
        if server is not None:
            node = server(directory, ports)
        self.node = Process(pinned(node_cores, *node), directory / "node.log")
        served = [sys.executable, "-m", "bench.harness.application", str(ports.application)]
        served += map(str, (ports.callee, ports.busy, ports.ringing))
        self._application = Process(pinned(TOOLS_CORE, *served), directory / "application.log")
        self.log = directory / "callee_messages.log"
        logged = ("-trace_logs", "-log_file", str(self.log))
        self._phones = [
            Process(
                pinned(TOOLS_CORE, *sipp(HERE / f"{name}.xml", port), *further), directory / f"{name}.log"
            )
            for name, port, further in (
                (callee, ports.callee, (*logged, *options)),
                ("busy", ports.busy, ()),
                ("ringing", ports.ringing, ()),
            )
        ]

    def __enter__(self) -> Self:
        with ExitStack() as started:
            for each in (self._application, *self._phones, self.node):
                started.enter_context(each)
            self._wait_for_node()
            self._started = started.pop_all()
        return self

    def _wait_for_node(self) -> None:
        end = time.monotonic() + _TIMEOUT_S
        while time.monotonic() < end:
            with socket.socket() as sock:
                if sock.connect_ex(("127.0.0.1", self.ports.http)) == 0:
                    time.sleep(0.5)
                    return
            time.sleep(0.1)
        raise SystemExit(f"the node does not start: see {self.directory}/node.log")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._started.close()

    @property
    def tool_pids(self) -> list[int]:
        """Of the application and the phones."""
        return [each.pid for each in (self._application, *self._phones)]

    def figures(self) -> dict[str, Any]:
        """What the application was asked since the last time."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports.application}/figures") as answer:
            return dict(json.loads(answer.read()))

    def collections(self) -> dict[str, dict[str, float]]:
        """The collector's figures, once the node has stopped."""
        return dict(json.loads(self._gc.read_text()))

    def invites_seen(self) -> dict[str, float]:
        """When the callee saw the first INVITE of each caller, seconds since the epoch."""
        seen: dict[str, float] = {}
        for line in self.log.read_text().splitlines():
            user, _, instant = line.partition(" ")
            seen.setdefault(user, float(instant.split("\t")[-1]))
        return seen

    def load(self, rate: int, seconds: float, talk_ms: int = 1000) -> "Load":
        """Callers at `rate` a second for so long; what became of them."""
        calls = round(rate * seconds)
        name = self.directory / f"callers_{time.monotonic_ns()}"
        command = [
            *sipp(HERE / "caller.xml", free_port_of_datagrams()),
            *("-s", "bob", "-m", str(calls), "-r", str(rate), "-d", str(talk_ms), "-l", "100000"),
            *("-timeout", str(round(seconds) + 40), "-trace_stat", "-stf", f"{name}.csv", "-fd", "1"),
            *("-trace_rtt", "-rtt_freq", "1", "-timer_resol", "1", f"127.0.0.1:{self.ports.sip}"),
        ]
        self.figures()
        before, began = self.node.cpu_s(), time.monotonic()
        with Path(f"{name}.log").open("wb") as out:
            caller = subprocess.Popen(
                pinned(TOOLS_CORE, *command), cwd=self.directory, stdout=out, stderr=out
            )
            peak_kb = self.node.rss_kb()
            while caller.poll() is None:
                time.sleep(0.2)
                peak_kb = max(peak_kb, self.node.rss_kb())
        took = time.monotonic() - began
        time.sleep(1.0)
        cpu_ms = (self.node.cpu_s() - before) * 1e3 / calls
        asked = self.figures()
        last = last_row(Path(f"{name}.csv"))
        answered, refused = _response_times(self.directory / f"caller_{caller.pid}_rtt.csv")
        return Load(
            rate=rate,
            calls=calls,
            took_s=took,
            cpu_ms=cpu_ms,
            peak_kb=peak_kb,
            failed=int(last["FailedCall(C)"]),
            retransmitted=int(last["Retransmissions(C)"]),
            refused=len(refused),
            answered_ms=answered,
            refused_ms=refused,
            asked=asked["asked"],
            documents=asked["documents"],
        )


@dataclass(frozen=True)
class Load:
    """What a stretch of load has given."""

    rate: int
    calls: int
    took_s: float
    cpu_ms: float
    peak_kb: int
    failed: int
    retransmitted: int
    refused: int
    answered_ms: list[float]
    refused_ms: list[float]
    asked: dict[str, int]
    documents: dict[str, float]

    @property
    def goodput(self) -> float:
        """Whole calls for each second of the load: those whose action was requested."""
        return self.asked.get("/action", 0) / self.calls * self.rate

    @property
    def is_whole(self) -> bool:
        """Fewer than 0.1 % failed or refused, and every action and callback came."""
        limit = self.calls / 1000
        owed = min(self.asked.get("/action", 0), self.asked.get("/status", 0))
        return self.failed + self.refused <= limit and owed >= self.calls - limit


def sipp(scenario: Path, port: int) -> list[str]:
    """SIPp with `scenario` on the loopback address."""
    return ["sipp", "-sf", str(scenario), "-i", "127.0.0.1", "-p", str(port), "-nostdin", "-skip_rlimit"]


def percentile(values: list[float], share: float) -> float:
    """Of unordered values; 0 if there are none."""
    if len(values) < 2:
        return values[0] if values else 0.0
    return statistics.quantiles(values, n=1000, method="inclusive")[round(share * 1000) - 1]


def _response_times(file: Path) -> tuple[list[float], list[float]]:
    answered: list[float] = []
    refused: list[float] = []
    if file.exists():
        for line in file.read_text().splitlines()[1:]:
            _, took, name = line.split(";")[:3]
            (answered if name.strip() == "1" else refused).append(float(took))
    return answered, refused
