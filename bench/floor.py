"""How much of a markup call is input and output: programs that do nothing else, beside the node, in turn.

    .venv/bin/python -m bench.floor [--rounds 5] [--seconds 4] [--rate 200] [--python PYTHON] [--output FILE]

`bench/harness/floor_server.py` takes the same calls by the same phones and the same application as the node, and
decides nothing: its first form passes the datagrams on, and each further one adds a part of the input and output of a
call. Each round loads all of them and the node one after the other, in an order that turns. CPU is that of the program
alone, all its threads, in user and kernel.
"""

import argparse
import contextlib
import shlex
import statistics
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Final

from bench.calls import machine
from bench.harness.floor_server import PARTS
from bench.harness.processes import Bench, Load, Ports

NODE: Final = "node"
ABOUT: Final = {
    "datagrams": "the SIP messages of both legs, by copied lines: six read, seven sent",
    "requests": "and three requests to the application over kept connections",
    "sockets": "and four media sockets: bound, watched, closed",
    "rows": "and two records, twice each, and the messages, in SQLite by a thread",
    NODE: "the node: what RFC 3261, RCML and the promises of the contract want",
}


def measured(directory: Path, rounds: int, seconds: float, rate: int, python: str) -> dict[str, list[Load]]:
    """The loads of each program."""
    loads: dict[str, list[Load]] = {name: [] for name in (*PARTS, NODE)}
    with contextlib.ExitStack() as stack:
        benches = {}
        for name in loads:
            folder = directory / name
            folder.mkdir()
            server = None if name == NODE else partial(_command, name, python)
            benches[name] = stack.enter_context(Bench(folder, server=server, python=python))
            benches[name].load(50, 3)  # warm
        for number in range(rounds):
            for name in list(loads)[:: 1 if number % 2 == 0 else -1]:
                loads[name].append(benches[name].load(rate, seconds))
                last = loads[name][-1]
                print(f"{name}: {last.cpu_ms:.3f} ms, {last.failed} failed", flush=True)
    return loads


def _command(part: str, python: str, folder: Path, ports: Ports) -> list[str]:
    numbers = (ports.sip, ports.http, ports.application, ports.callee)
    return [*shlex.split(python), "-m", "bench.harness.floor_server", part, *map(str, numbers), str(folder)]


def table(loads: dict[str, list[Load]]) -> str:
    """Markdown; each row says what it adds to the one before."""
    lines = [
        "| program | CPU for each call | adds | failed | what it does |",
        "| --- | --- | --- | --- | --- |",
    ]
    before = 0.0
    for name, several in loads.items():
        cpu = [each.cpu_ms for each in several]
        median = statistics.median(cpu)
        failed = f"{sum(each.failed for each in several)} of {sum(each.calls for each in several)}"
        figure = f"{median:.2f} ms ({min(cpu):.2f} to {max(cpu):.2f})"
        lines.append(f"| {name} | {figure} | {median - before:.2f} ms | {failed} | {ABOUT[name]} |")
        before = median
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, show, keep."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=4, help="of each stretch of load")
    arguments.add_argument("--rate", type=int, default=200, help="calls a second")
    arguments.add_argument("--python", default=sys.executable, help="the interpreter of what is measured")
    arguments.add_argument("--output", type=Path, help="file for the table")
    given = arguments.parse_args()
    head = machine(given.python)
    with tempfile.TemporaryDirectory(prefix="callapi-bench-") as directory:
        loads = measured(Path(directory), given.rounds, given.seconds, given.rate, given.python)
    text = f"{head}; {given.rate} calls/s, {given.rounds} rounds of {given.seconds:g} s\n\n{table(loads)}"
    print(text)
    if given.output is not None:
        title = "# Markup calls: input and output alone"
        given.output.write_text(
            f"{title}\n\n`make bench-floor`; what is measured: `bench/floor.py`.\n\n{text}"
        )


if __name__ == "__main__":
    main()
