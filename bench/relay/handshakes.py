"""Browsers that call all together: how soon their legs are keyed, and what it does to calls that are up (a minute).

    .venv/bin/python -m bench.relay.handshakes [--legs 500] [--rate 60] [--output docs/benchmarks/handshakes.md]

The whole node on the last core. SIPp calls it by UDP with descriptions of browsers (ICE, DTLS-SRTP); `bench-relay
handshake` checks the node's candidate, shakes hands, and waits for the first packet of SRTP that it can open.
Meanwhile calls that are up relay packets of `bench-relay generate`, stamped when they are sent. A packet is late if it
takes longer than 20 ms, the time until the next one.
"""

import argparse
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.calls import machine
from bench.harness.processes import (
    HERE,
    TICKS,
    TOOLS_CORE,
    Bench,
    Process,
    free_port_of_datagrams,
    pinned,
    sipp,
)
from bench.relay.product import fields, joined, node_for
from bench.relay.subjects import FIRST_PORT, TOOL, WARM_S, prepare

GOAL_S: Final = 10.0
_UP: Final = 20
"""Calls that are up."""
_SETTLE_S: Final = 6


@dataclass(frozen=True)
class Run:
    """One run. Delays of relayed packets in microseconds, of the legs in milliseconds from their 200 on."""

    keyed: int
    heard: int
    last_s: float
    leg_ms: tuple[float, float, float]
    cpu_s: float
    handshake_ms: float
    sent: int
    received: int
    p50_us: int
    p99_us: int
    max_us: int
    behind_us: int
    late: int


def measure(legs: int, rate: int) -> Run:
    """One run: `legs` browsers at `rate` a second; 0: what the calls that are up see by themselves."""
    seconds = round(max(legs, 300) / rate) + _SETTLE_S
    ports = range(FIRST_PORT, FIRST_PORT + 4 * _UP, 2)
    with (
        tempfile.TemporaryDirectory(prefix="callapi-bench-") as directory,
        node_for(ports, Path(directory)) as bench,
        joined(bench, ports, WARM_S + seconds + _SETTLE_S) as up,
        _tool("generate", str(WARM_S), str(seconds), "PCMU") as generator,
    ):
        assert generator.stdin is not None
        assert generator.stdout is not None
        generator.stdin.write("".join(f"{own} {target}\n" for own, target in up))
        generator.stdin.close()
        assert generator.stdout.readline() == "warm\n"
        before, threads = bench.node.cpu_s(), handshake_s(bench.node)
        figures = _browsers(bench, legs, rate) if legs else (0, 0, 0.0, (0.0, 0.0, 0.0))
        cpu_s, shaking_s = bench.node.cpu_s() - before, handshake_s(bench.node) - threads
        times = list(map(int, generator.stdout.readline().split()))
    return Run(*figures, cpu_s, shaking_s * 1e3 / max(1, legs), *times)


def handshake_s(node: Process) -> float:
    """Processor seconds of the node's thread of handshakes so far."""
    for task in Path(f"/proc/{node.pid}/task").iterdir():
        if (task / "comm").read_text().strip() == "handshakes":
            words = (task / "stat").read_text().rpartition(") ")[2].split()
            return (int(words[11]) + int(words[12])) / TICKS
    raise AssertionError("the node has no thread of handshakes")


def _browsers(bench: Bench, legs: int, rate: int) -> tuple[int, int, float, tuple[float, float, float]]:
    """Let them call; how many were keyed and heard, how long it took from the first INVITE to the last leg's sound."""
    first = FIRST_PORT + 4 * _UP
    log = bench.directory / "browsers_messages.log"
    with _tool("handshake", str(legs)) as browsers:
        assert browsers.stdin is not None
        assert browsers.stdout is not None
        fingerprint = browsers.stdout.readline().strip()
        command = [
            *sipp(HERE / "browser_caller.xml", free_port_of_datagrams()),
            *("-inf", str(fields(bench.directory / "browsers.csv", range(first, first + 2 * legs, 2)))),
            *("-key", "fingerprint", fingerprint, "-trace_logs", "-log_file", str(log)),
            *("-s", "listening", "-m", str(legs), "-r", str(rate), "-l", "100000", "-d", "60000"),
            f"127.0.0.1:{bench.ports.sip}",
        ]
        began = time.time()
        with (bench.directory / "browsers.log").open("wb") as out:
            calling = subprocess.Popen(
                pinned(TOOLS_CORE, *command), cwd=bench.directory, stdout=out, stderr=out
            )
        try:
            named = 0
            while browsers.poll() is None and named < legs:
                whole = log.read_text().rpartition("\n")[0].splitlines() if log.exists() else []
                browsers.stdin.write("".join(f"{line}\n" for line in whole[named:]))
                browsers.stdin.flush()
                named = len(whole)
                time.sleep(0.02)
            words = list(map(int, browsers.stdout.readline().split()))
        finally:
            calling.kill()
            calling.wait()
    keyed, heard, p50, p99, longest, last_ms = words
    return keyed, heard, last_ms / 1000 - began, (p50 / 1000, p99 / 1000, longest / 1000)


@contextmanager
def _tool(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`bench-relay` with these arguments, stopped when the block ends."""
    command = pinned(TOOLS_CORE, str(TOOL), *arguments)
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def main() -> None:
    """Measure, show, keep."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--legs", type=int, default=500)
    arguments.add_argument("--rate", type=int, default=60, help="of calls in a second")
    arguments.add_argument("--rounds", type=int, default=2)
    arguments.add_argument("--output", type=Path, help="file for the table")
    given = arguments.parse_args()
    head = machine()
    prepare()
    titles = ["browsers' legs", "keyed, heard", "first INVITE to last sound", "goal"]
    titles += ["a leg's 200 to its sound, p50, p99, longest", "node's CPU", "handshake thread, a leg"]
    titles += ["relayed packets lost", "late", "delay p50, p99, longest"]
    rows = [f"| {' | '.join(titles)} |", f"|{' --- |' * len(titles)}"]
    for legs in [0, *[given.legs] * given.rounds]:
        run = measure(legs, given.rate)
        print(run, flush=True)
        cells = ["none", *[""] * 6]
        if legs:
            leg = ", ".join(f"{each:.0f}" for each in run.leg_ms)
            cells = [f"{legs} at {given.rate}/s", f"{run.keyed}, {run.heard}", f"{run.last_s:.1f} s"]
            cells += [
                f"at most {GOAL_S:.0f} s",
                f"{leg} ms",
                f"{run.cpu_s:.1f} s",
                f"{run.handshake_ms:.2f} ms",
            ]
        delays = ", ".join(f"{each / 1000:.2f}" for each in (run.p50_us, run.p99_us, run.max_us))
        cells += [f"{run.sent - run.received} of {run.sent}", str(run.late), f"{delays} ms"]
        rows.append(f"| {' | '.join(cells)} |")
    how = f"`make bench-handshakes`; {_UP} calls are up, without late packets as the goal. {head}"
    text = f"# Browsers that call together\n\n{how}\n\n" + "\n".join(rows) + "\n"
    print(f"\n{text}")
    if given.output is not None:
        given.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
