"""What each part of the node costs a markup call: parts are switched off in turn while the node carries calls.

    .venv/bin/python -m bench.parts [--rounds 5] [--seconds 2] [--rate 150] [--parts http,store] [--output FILE]

One stretch of load runs for all of it, at a steady rate. Each round measures a window with everything on, then each
part in turn switched off, each between two windows with everything on; what a part costs is the difference to the mean
of its two neighbours, and the figure is the median over the rounds. After each switch a second passes unmeasured, in
which the calls that were set up before it end. CPU is that of the node alone, by thread, from
`/proc/PID/task/*/schedstat`; the other load of the machine (everything but the node and the tools) is noted.

A part that is off is not done at all (`bench/harness/parts_node.py`), so that a figure bounds what its best form can
bring. The parts overlap: without HTTP there is nothing of it in the timeline.
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.calls import machine
from bench.harness.parts_node import PARTS
from bench.harness.processes import (
    HERE,
    NODE_CORE,
    TICKS,
    TOOLS_CORE,
    Bench,
    Process,
    free_port_of_datagrams,
    pinned,
    sipp,
)

SETTLE_S: Final = 1.2
TALK_MS: Final = 1000
BUSY_SHARE: Final = 0.1
"""Windows in which other programs had more than this of the machine are counted in the table's head."""
ABOUT: Final = {
    "http": "requests to the application (three a call), answered from memory",
    "store": "records, outbox rows, timeline rows: the writer's thread and its door, the call log",
    "call-log": "the line on disk of each new leg (part of the store)",
    "timeline": "what happened, noted, made JSON and written",
    "sip-trace": "SIP messages reach no subscriber (timeline, counters)",
    "timeline-sip": "SIP messages in the timelines (part of the timeline)",
    "observers": "counters, log lines",
    "log-lines": "a line when a leg starts and ends (part of the observers)",
    "metrics": "counters and histograms (part of the observers)",
    "tone": "the ringing tone of the caller",
    "media": "streams with their sockets, packet threads, commands, bridge",
    "collector": "the cyclic garbage collector",
    "traces": "a span for each leg, verb and request, batched, encoded and sent by OTLP",
}
_MAIN, _WRITER, _MEDIA = "main", "others", "media"


@dataclass(frozen=True)
class Sample:
    """Processor milliseconds of the node's threads so far, and of the machine."""

    at: float
    threads: dict[str, float]
    machine_ms: float
    tools_ms: float


@dataclass(frozen=True)
class Window:
    """Milliseconds a call, by kind of thread; the share of the machine that others took."""

    ms: dict[str, float]
    others: float

    @property
    def total(self) -> float:
        """All threads."""
        return sum(self.ms.values())


class Probe:
    """Reads the figures of a node and of the tools that load it."""

    def __init__(self, node: int, tools: list[int]) -> None:
        self._node = node
        self._tools = tools

    def sample(self) -> Sample:
        """Now."""
        threads = dict.fromkeys((_MAIN, _WRITER, _MEDIA), 0.0)
        for task in Path(f"/proc/{self._node}/task").iterdir():
            name = (task / "comm").read_text()
            kind = _MAIN if task.name == str(self._node) else _MEDIA if name.startswith("media") else _WRITER
            threads[kind] += int((task / "schedstat").read_text().split()[0]) / 1e6
        busy = Path("/proc/stat").read_text().split("\n", 1)[0].split()
        ticks = sum(map(int, (*busy[1:4], *busy[6:9])))
        tools_ms = sum(_process_ms(pid) for pid in self._tools)
        return Sample(time.monotonic(), threads, ticks * 1e3 / TICKS, tools_ms)

    def window(self, seconds: float, rate: int) -> Window:
        """Wait for so long and measure it."""
        before = self.sample()
        time.sleep(seconds)
        after = self.sample()
        took_s = after.at - before.at
        calls = rate * took_s
        ms = {kind: (after.threads[kind] - before.threads[kind]) / calls for kind in after.threads}
        own_ms = sum(after.threads.values()) - sum(before.threads.values()) + after.tools_ms - before.tools_ms
        others_ms = after.machine_ms - before.machine_ms - own_ms
        return Window(ms, max(0.0, others_ms / (took_s * 1e3 * (os.cpu_count() or 1))))


def _process_ms(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1e3 / TICKS


@dataclass(frozen=True)
class Plan:
    """How the windows are laid out."""

    rounds: int
    seconds: float
    rate: int
    parts: tuple[str, ...]

    @property
    def load_s(self) -> float:
        """How long the load must last."""
        windows = self.rounds * 2 * len(self.parts) + 1
        return 4 + windows * (self.seconds + SETTLE_S + 0.2)


@dataclass
class Findings:
    """All windows: with everything on, and the neighbours of each part's own."""

    on: list[Window]
    off: dict[str, list[tuple[Window, Window, Window]]]

    @property
    def disturbed(self) -> int:
        """Windows in which the machine had other work."""
        every = [*self.on, *(each[1] for windows in self.off.values() for each in windows)]
        return sum(window.others > BUSY_SHARE for window in every)


def measure(plan: Plan, directory: Path, *, is_traced: bool = False) -> Findings:
    """Run the node, the load and all windows; `is_traced`: the node sends its spans to the application."""
    bench = Bench(directory)
    if is_traced:
        config = directory / "node.toml"
        endpoint = f'[telemetry]\notlp_endpoint = "http://127.0.0.1:{bench.ports.application}"\n\n'
        config.write_text(endpoint + config.read_text())
    port = free_port_of_datagrams()
    command = [sys.executable, "-m", "bench.harness.parts_node", str(port), "serve"]
    command += ["--config", str(directory / "node.toml")]
    bench.node = Process(pinned(NODE_CORE, *command), directory / "node.log")
    with bench, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as switch:
        bench.load(50, 3)
        switch.connect(("127.0.0.1", port))
        caller = _start_load(bench, plan)
        try:
            probe = Probe(bench.node.pid, [caller.pid, *bench.tool_pids])
            time.sleep(3)
            findings = _rounds(plan, probe, switch)
            if caller.poll() is not None:
                raise SystemExit("the load ended before the windows")
        finally:
            caller.terminate()
            caller.wait()
    return findings


def _rounds(plan: Plan, probe: Probe, switch: socket.socket) -> Findings:
    def window(part: str) -> Window:
        switch.send(part.encode())
        time.sleep(SETTLE_S)
        return probe.window(plan.seconds, plan.rate)

    findings = Findings([], {part: [] for part in plan.parts})
    before = window("")
    findings.on.append(before)
    for number in range(plan.rounds):
        for part in plan.parts:
            off, after = window(part), window("")
            findings.on.append(after)
            findings.off[part].append((before, off, after))
            before = after
        print(
            f"round {number + 1}: {statistics.median(each.total for each in findings.on):.2f} ms", flush=True
        )
    return findings


def _start_load(bench: Bench, plan: Plan) -> "subprocess.Popen[bytes]":
    calls = round(plan.load_s * plan.rate)
    command = [
        *sipp(HERE / "caller.xml", free_port_of_datagrams()),
        *("-s", "bob", "-m", str(calls), "-r", str(plan.rate), "-d", str(TALK_MS), "-l", "100000"),
        *("-timer_resol", "1", f"127.0.0.1:{bench.ports.sip}"),
    ]
    return subprocess.Popen(
        pinned(TOOLS_CORE, *command),
        cwd=bench.directory,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def table(plan: Plan, findings: Findings) -> str:
    """Markdown: the whole, then what each part costs."""
    whole = {kind: statistics.median(each.ms[kind] for each in findings.on) for kind in findings.on[0].ms}
    total = statistics.median(each.total for each in findings.on)
    span = f"{min(each.total for each in findings.on):.2f} to {max(each.total for each in findings.on):.2f}"
    lines = [
        (
            f"{machine()}; {plan.rate} calls/s, {plan.rounds} rounds, windows of {plan.seconds:g} s; in "
            f"{findings.disturbed} of {2 * len(findings.on) - 1} windows other programs took over "
            f"{BUSY_SHARE:.0%} of the machine"
        ),
        "",
        (
            f"Everything on: median {total:.2f} ms a call ({span}): main thread {whole[_MAIN]:.2f}, writer and other "
            f"threads {whole[_WRITER]:.2f}, packet threads {whole[_MEDIA]:.2f}."
        ),
        "",
        "| part switched off | saves, median (range) | of it main thread | what it is |",
        "| --- | --- | --- | --- |",
    ]
    for part, windows in findings.off.items():
        saved = [(one.total + other.total) / 2 - off.total for one, off, other in windows]
        main = [(one.ms[_MAIN] + other.ms[_MAIN]) / 2 - off.ms[_MAIN] for one, off, other in windows]
        lines.append(
            f"| {part} | {statistics.median(saved):.2f} ms ({min(saved):.2f} to {max(saved):.2f}) "
            f"| {statistics.median(main):.2f} ms | {ABOUT[part]} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, show, keep."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=2, help="of each window")
    arguments.add_argument("--rate", type=int, default=150, help="calls a second")
    arguments.add_argument(
        "--parts",
        default=",".join(each for each in PARTS if each != "traces"),
        help="names, separated by commas",
    )
    arguments.add_argument("--output", type=Path, help="file for the table")
    given = arguments.parse_args()
    parts = tuple(given.parts.split(","))
    if unknown := set(parts) - set(PARTS):
        arguments.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    plan = Plan(given.rounds, given.seconds, given.rate, parts)
    with tempfile.TemporaryDirectory(prefix="callapi-bench-") as directory:
        text = table(plan, measure(plan, Path(directory)))
    print(text)
    if given.output is not None:
        given.output.write_text(
            f"# Markup calls, part by part\n\n`make bench-parts`; what is measured: `bench/parts.py`.\n\n{text}"
        )


if __name__ == "__main__":
    main()
