"""Markup calls: what one costs, how many one core sustains, what the node adds, what twice the load does to it.

    .venv/bin/python -m bench.calls [--seconds 20] [--rounds 3] [--only SECTION] [--output docs/benchmarks/calls.md]

A call: INVITE, document fetched over HTTP, `<Dial><Sip>`, joined, a second of talk, BYE, the Dial's action requested
and one status callback delivered. The node has one core to itself, all the tools share the other; nothing is sent
as audio. CPU is the node's own, in user and kernel, all threads, from `/proc/PID/stat`. The delay from document to
INVITE is seen from outside: when the application wrote the document, when the called phone read the INVITE.
`--only interpreters --python PYTHON [--python …]` runs the node by each of these in turn; PYTHON is an interpreter that
has what the node imports, or `env NAME=VALUE… PYTHON` for one with settings.
"""

import argparse
import contextlib
import datetime
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.harness.asterisk import configure, missing_modules, program
from bench.harness.processes import Bench, Load, Ports, percentile

FIRST_RATE: Final = 150
STEP: Final = 1.12
HELD_CALLS: Final = 400
Row = tuple[str, str, str]
_COLUMNS: Final = (
    "| CPU for each call | document sent to INVITE seen | INVITE to 200 | not whole | sent again |"
)
_RULE: Final = "| --- | --- | --- | --- | --- | --- |"


@dataclass(frozen=True)
class Plan:
    """How long each stretch of load lasts, and how often it is repeated."""

    seconds: float
    rounds: int


def cost(bench: Bench, plan: Plan) -> list[Row]:
    """CPU and delays well below the limit."""
    rows: list[Row] = []
    runs: dict[int, list[Load]] = {100: [], 200: []}
    for _ in range(plan.rounds):
        for rate, loads in runs.items():
            loads.append(bench.load(rate, plan.seconds))
            print(f"{rate}/s: {loads[-1].cpu_ms:.2f} ms of CPU for each call", flush=True)
    for rate, loads in runs.items():
        cpu = [each.cpu_ms for each in loads]
        figure = f"{statistics.median(cpu):.2f} ms ({min(cpu):.2f} to {max(cpu):.2f})"
        rows.append((f"CPU of the node for each call at {rate}/s", figure, "at most 2.5 ms"))
    delays = document_to_invite(bench, runs[200])
    figure = f"p50 {percentile(delays, 0.5):.2f} ms, p99 {percentile(delays, 0.99):.2f} ms"
    rows.append(("document sent to INVITE seen at 200/s", figure, "p50 under 1 ms, p99 under 5 ms"))
    answered = [took for each in runs[200] for took in each.answered_ms]
    figure = f"p50 {percentile(answered, 0.5):.0f} ms, p99 {percentile(answered, 0.99):.0f} ms"
    rows.append(("caller's INVITE to its 200 at 200/s", figure, ""))
    return rows


def document_to_invite(bench: Bench, loads: list[Load]) -> list[float]:
    """Milliseconds, for each call of `loads`."""
    seen = bench.invites_seen()
    sent = {user: at for each in loads for user, at in each.documents.items()}
    return [(seen[user] - at) * 1e3 for user, at in sent.items() if user in seen]


def sustained(bench: Bench, plan: Plan) -> tuple[int, float]:
    """The highest rate that was held in every round with fewer than 0.1 % failures; the CPU of a call there."""
    rate = float(FIRST_RATE)
    # Twice: a shared machine stumbles now and then.
    while any(bench.load(round(rate * STEP), plan.seconds / 2).is_whole for _ in range(2)):
        rate *= STEP
        print(f"{rate:.0f}/s held for {plan.seconds / 2:g} s", flush=True)
    while True:
        loads = []
        for _ in range(plan.rounds):
            loads.append(bench.load(round(rate), plan.seconds))
            if not loads[-1].is_whole:
                break
        else:
            return round(rate), statistics.median(each.cpu_ms for each in loads)
        print(f"{rate:.0f}/s not held for {plan.rounds} x {plan.seconds:g} s", flush=True)
        rate /= 1.06


def overload(bench: Bench, plan: Plan, rate: int) -> list[Row]:
    """Twice what was sustained."""
    load = bench.load(2 * rate, plan.seconds)
    share = load.goodput / rate * 100
    answered = load.answered_ms
    figure = (
        f"{load.goodput:.0f}/s whole ({share:.0f} %), {load.refused} of {load.calls} refused by 503, "
        f"{load.failed} failed"
    )
    set_up = f"p50 {percentile(answered, 0.5):.0f} ms, p99 {percentile(answered, 0.99):.0f} ms"
    return [
        (f"at twice the load ({2 * rate}/s)", figure, "goodput above 90 % of the best"),
        ("set-up of those let in", set_up, ""),
    ]


def memory(bench: Bench) -> Row:
    """What a bridged call takes while it is held; both legs, their streams and their timelines."""
    before = bench.node.rss_kb()
    load = bench.load(80, HELD_CALLS / 80, talk_ms=8000)
    each_kb = (load.peak_kb - before) / HELD_CALLS
    return f"memory for each of {HELD_CALLS} bridged calls", f"{each_kb:.0f} kB", "under 45 kB"


def collector(bench: Bench) -> Row:
    """The collector's longest pause by the clock, other processes' turns on the core included."""
    reported = [
        f"generation {name}: {each['collections']:.0f} collections, longest {each['longest_ms']:.0f} ms"
        for name, each in bench.collections().items()
    ]
    return "cyclic garbage collector", "; ".join(reported), "longest pause shown"


def beside_asterisk(directory: Path, plan: Plan) -> str:
    """The same work by both servers in turn: markdown, or why there is nothing to compare with."""
    asterisk = program()
    if asterisk is None:
        return "Not compared with Asterisk: none is on the path or named by ASTERISK.\n"
    if missing := missing_modules(asterisk):
        return f"Not compared with Asterisk: it lacks {', '.join(missing)}.\n"

    def server(folder: Path, ports: Ports) -> list[str]:
        where = folder / "asterisk"
        return configure(asterisk, where, sip=ports.sip, http=ports.http, application=ports.application)

    version = subprocess.run([asterisk, "-V"], capture_output=True, text=True, check=True).stdout.strip()
    folders = {name: directory / name for name in ("CallAPI", version)}
    for folder in folders.values():
        folder.mkdir()
    with Bench(folders["CallAPI"]) as ours, Bench(folders[version], server=server) as theirs:
        benches = {"CallAPI": ours, version: theirs}
        loads: dict[tuple[int, str], list[Load]] = {}
        for bench in benches.values():
            bench.load(50, 3)  # warm
        for number in range(plan.rounds):
            for rate in (100, 200):
                for name in list(benches)[:: 1 if number % 2 == 0 else -1]:
                    load = benches[name].load(rate, plan.seconds)
                    loads.setdefault((rate, name), []).append(load)
                    print(f"{name}, {rate}/s: {load.cpu_ms:.2f} ms, whole: {load.is_whole}", flush=True)
        lines = [f"| server {_COLUMNS}", _RULE]
        for (rate, name), several in sorted(loads.items()):
            lines.append(_beside(f"{name}, {rate}/s", benches[name], several))
    return "\n".join(lines) + "\n"


def _beside(title: str, bench: Bench, loads: list[Load]) -> str:
    """One server at one rate, as a row."""
    cpu = [each.cpu_ms for each in loads]
    delays = document_to_invite(bench, loads)
    answered = [took for each in loads for took in each.answered_ms]
    calls = sum(each.calls for each in loads)
    whole = sum(min(each.asked.get("/action", 0), each.asked.get("/status", 0)) for each in loads)
    figures = (
        f"{statistics.median(cpu):.2f} ms ({min(cpu):.2f} to {max(cpu):.2f})",
        f"p50 {percentile(delays, 0.5):.2f} ms, p99 {percentile(delays, 0.99):.2f} ms",
        f"p50 {percentile(answered, 0.5):.0f} ms, p99 {percentile(answered, 0.99):.0f} ms",
        f"{calls - whole} of {calls}",
        str(sum(each.retransmitted for each in loads)),
    )
    return f"| {title} | {' | '.join(figures)} |"


def table(rows: list[Row]) -> str:
    """Markdown."""
    lines = ["| figure | measured | goal |", "| --- | --- | --- |"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows]) + "\n"


def machine(python: str = sys.executable) -> str:
    """What it ran on; `python`: the node's interpreter."""
    asked = [*shlex.split(python), "-c", "import platform; print(platform.python_version())"]
    version = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    cpu = Path("/proc/cpuinfo").read_text().partition("model name")[2].partition("\n")[0].strip(" \t:")
    cores = Path("/proc/cpuinfo").read_text().count("processor\t")
    load = Path("/proc/loadavg").read_text().split()[0]
    return (
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC, {cpu}, {cores} cores, Linux "
        f"{platform.release()}, Python {version}; load average before: {load}"
    )


def measured(plan: Plan, python: str, only: str | None = None) -> str:
    """The node alone: all of it or one section, as a table with its head."""
    head = machine(python)
    with tempfile.TemporaryDirectory(prefix="callapi-bench-") as directory:
        bench = Bench(Path(directory), python=python)
        with bench:
            rows = [("memory when idle", f"{bench.node.rss_kb() / 1000:.0f} MB", "under 100 MB")]
            bench.load(60, 8)  # warm: bounded caches are filled by the first hundreds of calls
            if only in {None, "memory"}:
                rows.append(memory(bench))
            if only in {None, "cost"}:
                rows += cost(bench, plan)
            if only in {None, "limit"}:
                rate, cpu_ms = sustained(bench, plan)
                held = f"{rate}/s ({plan.rounds} x {plan.seconds:g} s), {cpu_ms:.2f} ms of CPU each"
                rows.append(("sustained on one core", held, "at least 400/s"))
                rows += overload(bench, plan, rate)
        rows.append(collector(bench))
    return f"{head}\n\n{table(rows)}"


def compared(plan: Plan) -> str:
    """The section beside Asterisk."""
    head = f"## Beside Asterisk, in turn\n\n{machine()}; rounds: {plan.rounds}, {plan.seconds:g} s each\n"
    with tempfile.TemporaryDirectory(prefix="callapi-bench-") as directory:
        return f"{head}\n{beside_asterisk(Path(directory), plan)}"


def interpreters(plan: Plan, pythons: list[str]) -> str:
    """The section of interpreters: the same node run by each of them, in turn."""
    head, loads = machine(), dict[tuple[int, str], list[Load]]()
    with contextlib.ExitStack() as stack:
        benches = {}
        for python in pythons:
            version = machine(python).rpartition(", ")[2].partition(";")[0]
            name = " ".join((version, *(word for word in shlex.split(python) if "=" in word)))
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="callapi-bench-"))
            benches[name] = stack.enter_context(Bench(Path(directory), python=python))
            benches[name].load(60, 4)  # warm
        for number in range(plan.rounds):
            for rate in (100, 200):
                for name in list(benches)[:: 1 if number % 2 == 0 else -1]:
                    loads.setdefault((rate, name), []).append(benches[name].load(rate, plan.seconds))
                    print(f"{name}, {rate}/s: {loads[rate, name][-1].cpu_ms:.2f} ms", flush=True)
        idle = ", ".join(f"{name}: {bench.node.rss_kb() / 1000:.0f} MB" for name, bench in benches.items())
        lines = [f"| interpreter {_COLUMNS}", _RULE]
        lines += [
            _beside(f"{name}, {rate}/s", benches[name], each) for (rate, name), each in sorted(loads.items())
        ]
    title = f"## By interpreter, in turn\n\n{head}; rounds: {plan.rounds}, {plan.seconds:g} s each"
    return f"{title}\n\n" + "\n".join(lines) + f"\n\nMemory after all of it: {idle}.\n"


def main() -> None:
    """Measure, show, keep."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=20, help="of each stretch of load")
    arguments.add_argument("--rounds", type=int, default=3, help="of each stretch of load")
    sections = ("memory", "cost", "limit", "beside", "interpreters")
    arguments.add_argument("--only", choices=sections, help="this section alone")
    arguments.add_argument(
        "--python", action="append", help="what runs the node; several: for --only interpreters"
    )
    arguments.add_argument("--output", type=Path, help="file for the table")
    given = arguments.parse_args()
    plan = Plan(given.seconds, given.rounds)
    pythons = given.python or [sys.executable]
    parts = []
    if given.only not in {"beside", "interpreters"}:
        parts.append(measured(plan, pythons[0], given.only))
    if given.only in {None, "beside"}:
        parts.append(compared(plan))
    if given.only == "interpreters":
        parts.append(interpreters(plan, pythons))
    text = "\n".join(parts)
    print(text)
    if given.output is not None:
        given.output.parent.mkdir(parents=True, exist_ok=True)
        given.output.write_text(
            f"# Markup calls\n\n`make bench`; what is measured: `bench/calls.py`.\n\n{text}"
        )


if __name__ == "__main__":
    main()
