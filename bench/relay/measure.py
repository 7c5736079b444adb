"""CPU per forwarded packet, of a plain forwarder and of our media plane in turn.

    python bench/relay/measure.py [--calls 500] [--seconds 5] [--rounds 5]

The load tool has the first core, what is measured the second one alone. CPU time is that of /proc/PID/stat
(user and system). Prints one line for each run, then medians and their ratio to the forwarder of the same round.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "native/target/release/bench-relay"
PORT, PARTIES = 61_000, 63_100  # above the ephemeral ports
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Run:
    """One run of one subject."""

    cpu_us: float
    lost: int
    p50_us: int
    p99_us: int


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def measure(command: list[str], legs: int, seconds: int) -> Run:
    subject = subprocess.Popen(["taskset", "-c", "1", *command], stdout=subprocess.PIPE, text=True)
    try:
        assert subject.stdout is not None
        assert subject.stdout.readline().strip() == "ready"
        # The first second latches and connects; only what follows is counted.
        generate(legs, 1)
        time.sleep(0.3)
        before = cpu_seconds(subject.pid)
        sent, received, p50, p99 = generate(legs, seconds)
        used = cpu_seconds(subject.pid) - before
    finally:
        subject.terminate()
        subject.wait()
    return Run(used / received * 1e6, sent - received, p50, p99)


def generate(legs: int, seconds: int) -> tuple[int, int, int, int]:
    command = ["taskset", "-c", "0", str(TOOL), "generate", *map(str, (legs, PARTIES, PORT, seconds))]
    sent, received, p50, p99 = map(int, subprocess.check_output(command, text=True).split())
    return sent, received, p50, p99


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    legs = 2 * options.calls
    subprocess.run(
        ["cargo", "build", "--quiet", "--release", "--package", "bench-relay"],
        cwd=ROOT / "native",
        check=True,
    )
    ours = [sys.executable, str(Path(__file__).with_name("engine.py")), *map(str, (legs, PORT, PARTIES))]
    runs: dict[str, list[Run]] = {}
    for number in range(options.rounds):
        with tempfile.TemporaryDirectory() as directory:
            subjects = {
                "plain forwarder": [str(TOOL), "forward", str(legs), str(PORT)],
                "callapi": ours,
                "callapi, recorded": [*ours, directory],
            }
            for name, command in subjects.items():
                run = measure(command, legs, options.seconds)
                runs.setdefault(name, []).append(run)
                print(
                    f"{number + 1} {name:18} {run.cpu_us:6.2f} us/packet  lost {run.lost}"
                    f"  delay p50 {run.p50_us} us  p99 {run.p99_us} us",
                    flush=True,
                )
    print(f"\n| {options.calls} bridged calls | us per packet | ratio |\n| --- | --- | --- |")
    for name, each in runs.items():
        ratios = [run.cpu_us / plain.cpu_us for run, plain in zip(each, runs["plain forwarder"], strict=True)]
        print(
            f"| {name} | {statistics.median(run.cpu_us for run in each):.2f} | {statistics.median(ratios):.2f} |"
        )


if __name__ == "__main__":
    main()
