"""How evenly the node plays to hundreds of callers at once: the gaps between the packets of each.

    .venv/bin/python -m bench.pacing [--calls 500] [--seconds 20] [--rounds 3] [--output docs/benchmarks/pacing.md]

Each caller gets `<Play loop="0">` of a WAV file at 16 kHz as G.711. Node, callers and application share two cores.
Arrivals are the kernel's (`bench/harness/listeners.py`), so only the node's own unevenness counts, and that of the
cores it runs on. First the callers say nothing, then each says 50 packets a second.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bench.calls import machine
from bench.harness.listeners import STEP
from bench.harness.processes import HERE, ROOT, Bench, free_port_of_datagrams, last_row, sipp

CORES: Final = "0,1"
FIRST_PORT: Final = 11_000
"""SIPp's own, which it does not use; those of the parties follow. Below the node's, and those that the kernel gives."""
CALLS_PER_SECOND: Final = 50
MAX_OFF_MS: Final = 5.0
LEEWAY_S: Final = 10.0
"""For calls that take their time to begin."""


class Pacing:
    """Rounds of playing on one node."""

    def __init__(self, bench: Bench, calls: int, seconds: float) -> None:
        self._bench = bench
        self._calls = calls
        self._seconds = seconds
        scenario = (HERE / "caller.xml").read_text().replace("[media_port]", f"[auto_media_port+{STEP}]")
        self._scenario = bench.directory / "listening.xml"
        self._scenario.write_text(scenario)

    def round(self, manner: str) -> dict[str, Any]:
        """Everybody calls, listens, hangs up; the figures of all of them."""
        with self._listeners(manner) as listeners:
            statistics = self._bench.directory / "listening.csv"
            talk_ms = round((self._seconds + self._calls / CALLS_PER_SECOND + LEEWAY_S) * 1000)
            command = [
                *sipp(self._scenario, free_port_of_datagrams()),
                *("-s", "listening", "-m", str(self._calls), "-r", str(CALLS_PER_SECOND), "-d", str(talk_ms)),
                *("-l", str(self._calls), "-mp", str(FIRST_PORT), "-trace_stat", "-stf", str(statistics)),
                f"127.0.0.1:{self._bench.ports.sip}",
            ]
            with (self._bench.directory / "listening.log").open("wb") as out:
                callers = subprocess.Popen(command, cwd=self._bench.directory, stdout=out, stderr=out)
                try:
                    figures: dict[str, Any] = json.loads(listeners.communicate()[0])
                    callers.wait(talk_ms / 1000 + LEEWAY_S)
                finally:
                    callers.terminate()
        return figures | {"failed": int(last_row(statistics)["FailedCall(C)"])}

    @contextmanager
    def _listeners(self, manner: str) -> Iterator["subprocess.Popen[str]"]:
        command = [sys.executable, "-m", "bench.harness.listeners"]
        timeout_s = self._calls / CALLS_PER_SECOND + LEEWAY_S / 2
        command += map(str, (FIRST_PORT + STEP, self._calls, timeout_s, self._seconds, manner))
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as listeners:
            try:
                if listeners.stdout is None or listeners.stdout.readline().strip() != "ready":
                    raise SystemExit("the listeners do not start")
                yield listeners
            finally:
                listeners.terminate()


def table(rounds: list[tuple[str, dict[str, Any]]]) -> str:
    """Markdown; times in milliseconds."""
    columns = (
        "callers",
        "packets",
        "missing",
        "failed calls",
        "median",
        "p0.1",
        "p99.9",
        "shortest",
        "longest",
    )
    lines = [
        "| " + " | ".join((*columns, "within 20 ± 5", "99.9 % are off by at most")) + " |",
        "| --- " * (len(columns) + 2) + "|",
    ]
    for manner, each in rounds:
        names = ("median", "p0_1", "p99_9", "shortest", "longest")
        cells = [
            f"{each['parties']} {manner}",
            f"{each['packets']:,}",
            str(each["missing"]),
            str(each["failed"]),
        ]
        cells += [f"{each[name]:.2f}" for name in names]
        cells += [f"{each['within']:.3%}", f"{each['off_p99_9']:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, show, keep; 1 if the gaps are not what they should be in every round."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--calls", type=int, default=500)
    arguments.add_argument("--seconds", type=float, default=20)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--output", type=Path, help="file for the table")
    given = arguments.parse_args()
    head = machine()
    rounds = []
    with tempfile.TemporaryDirectory(prefix="callapi-pacing-") as name, Bench(Path(name), CORES) as bench:
        pacing = Pacing(bench, given.calls, given.seconds)
        for manner in ("silent", "talking"):
            for _ in range(given.rounds):
                rounds.append((manner, pacing.round(manner)))
                print(f"{manner}: 99.9 % of gaps within 20 ± {rounds[-1][1]['off_p99_9']:.2f} ms", flush=True)
    text = f"{head}; {given.seconds:g} s each, times in ms\n\n{table(rounds)}"
    print(text)
    if given.output is not None:
        given.output.parent.mkdir(parents=True, exist_ok=True)
        intro = (
            "`make pacing`; what is measured: `bench/pacing.py`. The goal: 99.9 % of gaps within 20 ± 5 ms."
        )
        given.output.write_text(f"# Pacing\n\n{intro}\n\n{text}")
    is_even = all(each["off_p99_9"] <= MAX_OFF_MS and each["parties"] == given.calls for _, each in rounds)
    return 0 if is_even else 1


if __name__ == "__main__":
    sys.exit(main())
