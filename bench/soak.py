"""Mixed calls for as long as one likes: nothing may fail, and nothing may grow.

    .venv/bin/python -m bench.soak [--minutes 30] [--rate 25] [--output docs/benchmarks/soak.md]

Eight kinds of call at once, each at its share of the rate: answered, answered after screening, busy, not answered in
time, hung up by the caller while it rings, recorded, in a room with others, alone in a room. Memory, descriptors and
threads of the node are read every five seconds; growth is the median of the last quarter against that of the second.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.calls import machine
from bench.harness.processes import HERE, TOOLS_CORE, Bench, free_port_of_datagrams, last_row, pinned, sipp

KINDS: Final = {
    "answered": ("caller", "bob", 2000),
    "screened": ("caller", "screened", 2000),
    "busy": ("waiting", "busy", 0),
    "unanswered": ("waiting", "unanswered", 0),
    "cancelled": ("caller", "cancelled", 700),
    "recorded": ("caller", "recorded", 2000),
    "in one room": ("caller", "room", 2000),
    "alone in a room": ("caller", "alone", 1000),
}
EVERY_S: Final = 5.0
LINGER_S: Final = 40.0
"""After the last call: what waits for late messages has gone then."""
MAX_GROWTH: Final = 0.05


@dataclass(frozen=True)
class Sample:
    """The node at one moment."""

    rss_kb: int
    descriptors: int


class Soak:
    """Callers of every kind, and what they do to the node."""

    def __init__(self, bench: Bench, directory: Path) -> None:
        self._bench = bench
        self._directory = directory
        self.samples: list[Sample] = []

    def run(self, minutes: float, rate: int) -> dict[str, tuple[int, int]]:
        """Calls and failures of each kind."""
        share = max(1, rate // len(KINDS))
        calls = round(share * minutes * 60)
        callers = {kind: self._call(kind, calls, share) for kind in KINDS}
        while any(each.poll() is None for each in callers.values()):
            time.sleep(EVERY_S)
            self.samples.append(self._sample())
        time.sleep(LINGER_S)
        self.samples.append(self._sample())
        return {kind: (calls, self._failed(kind, calls)) for kind in KINDS}

    def _call(self, kind: str, calls: int, rate: int) -> "subprocess.Popen[bytes]":
        scenario, user, talk_ms = KINDS[kind]
        command = [
            *sipp(HERE / f"{scenario}.xml", free_port_of_datagrams()),
            *("-s", user, "-m", str(calls), "-r", str(rate), "-d", str(talk_ms), "-l", "10000"),
            *("-trace_stat", "-stf", str(self._statistics(kind)), "-fd", "5", "-trace_err"),
            f"127.0.0.1:{self._bench.ports.sip}",
        ]
        with (self._directory / f"{kind.replace(' ', '_')}_callers.log").open("wb") as out:
            return subprocess.Popen(pinned(TOOLS_CORE, *command), cwd=self._directory, stdout=out, stderr=out)

    def _statistics(self, kind: str) -> Path:
        return self._directory / f"{kind.replace(' ', '_')}.csv"

    def _failed(self, kind: str, calls: int) -> int:
        return calls - int(last_row(self._statistics(kind))["SuccessfulCall(C)"])

    def _sample(self) -> Sample:
        node = self._bench.node
        return Sample(node.rss_kb(), node.descriptors())

    def growth(self, values: list[int]) -> float:
        """Of the last quarter over the second."""
        quarter = max(1, len(values) // 4)
        return statistics.median(values[-quarter:]) / statistics.median(values[quarter : 2 * quarter]) - 1


def report(soak: Soak, calls: dict[str, tuple[int, int]], asked: dict[str, int]) -> tuple[str, bool]:
    """The table, and whether all is as it should be."""
    running = soak.samples[:-1]
    memory = [each.rss_kb for each in running]
    descriptors = [each.descriptors for each in running]
    whole = sum(number for number, _ in calls.values())
    failed = sum(each for _, each in calls.values())
    reported = asked.get("/action", 0), asked.get("/status", 0)
    rows = [(kind, f"{number} calls, {bad} failed") for kind, (number, bad) in calls.items()]
    rows += [
        ("actions and status callbacks", f"{reported[0]} and {reported[1]} of {whole}"),
        (
            "memory",
            f"{memory[len(memory) // 4] // 1000} to {memory[-1] // 1000} MB ({soak.growth(memory):+.1%})",
        ),
        (
            "descriptors",
            f"{min(descriptors)} to {max(descriptors)}, {soak.samples[-1].descriptors} at the end",
        ),
    ]
    is_flat = soak.growth(memory) < MAX_GROWTH and soak.samples[-1].descriptors <= min(descriptors)
    text = "\n".join(["| what | measured |", "| --- | --- |", *(f"| {a} | {b} |" for a, b in rows)])
    return text + "\n", failed == 0 and reported == (whole, whole) and is_flat


def main() -> int:
    """Soak, show, keep; 1 if anything failed or grew."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--minutes", type=float, default=30)
    arguments.add_argument("--rate", type=int, default=25, help="calls a second, all kinds together")
    arguments.add_argument("--output", type=Path, help="file for the table")
    given = arguments.parse_args()
    head = machine()
    with tempfile.TemporaryDirectory(prefix="callapi-soak-") as name, Bench(Path(name)) as bench:
        soak = Soak(bench, Path(name))
        calls = soak.run(given.minutes, given.rate)
        text, is_good = report(soak, calls, bench.figures()["asked"])
    text = f"{head}; {given.minutes:g} minutes at {given.rate} calls/s\n\n{text}"
    print(text)
    if given.output is not None:
        given.output.parent.mkdir(parents=True, exist_ok=True)
        given.output.write_text(f"# Soak\n\n`make soak`; what it does: `bench/soak.py`.\n\n{text}")
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
