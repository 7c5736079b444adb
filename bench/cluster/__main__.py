"""Calls over one node and over three: CPU of each part, commands at a foreign node, and the arithmetic beyond.

    .venv/bin/python -m bench.cluster [--seconds 6] [--rounds 2] [--rate 60] [--output docs/benchmarks/cluster.md]

A call is that of `bench.calls`: document, `<Dial><Sip>`, a second of talk, action, one status callback. All shapes of
the service are up at once and loaded in turn, so that a slow minute of the machine meets them alike. CPU is that of
all processes of a part, from `/proc`.
"""

import argparse
import asyncio
import contextlib
import socket
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from bench.calls import machine
from bench.cluster.model import Measured, breaks_first, cores
from bench.cluster.rig import Cost, Rig, parts
from bench.harness.processes import (
    HERE,
    Process,
    free_port,
    free_port_of_datagrams,
    last_row,
    percentile,
    sipp,
)
from tests.store.cluster import postgres_server

COMMANDS: Final = 400
HELD: Final = 12
CLIMB_S: Final = 4
PER_CORE: Final = "calls a second for a core of nodes (a second by the CPU of a call)"
STEPS: Final = (60, 90, 120, 150, 180, 210, 240)
"""Calls a second over all nodes, tried one after the other until a call fails."""
SHAPES: Final = (
    ("one node, SQLite", False, 1, False),
    ("one node, PostgreSQL, cluster on", True, 1, False),
    ("one node behind Kamailio", True, 1, True),
    ("three nodes behind Kamailio", True, 3, True),
)


@dataclass(frozen=True)
class Load:
    """What a stretch of load has given, in milliseconds of CPU for each call."""

    nodes: float
    edge: float
    database: float
    failed: int
    calls: int


async def load(rig: Rig, folder: Path, rate: int, seconds: float, talk_ms: int = 1000) -> Load:
    """Callers at `rate` a second for each node, for so long."""
    rate *= rig.count
    calls = round(rate * seconds)
    name = folder / f"callers_{time.monotonic_ns()}"
    host, port = rig.target
    command = [
        *sipp(HERE / "caller.xml", free_port_of_datagrams()),
        *("-s", "bob", "-m", str(calls), "-r", str(rate), "-d", str(talk_ms), "-l", "100000"),
        *("-timeout", str(round(seconds) + 40), "-trace_stat", "-stf", f"{name}.csv", "-fd", "1"),
        f"{host}:{port}",
    ]
    before = rig.cost()
    with Path(f"{name}.log").open("wb") as out:  # noqa: ASYNC230 - a moment
        caller = await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=out, stderr=out)
        await caller.wait()
    await asyncio.sleep(1.0)
    spent = parts(rig.cost().since(before), calls)
    failed = int(last_row(Path(f"{name}.csv"))["FailedCall(C)"])
    return Load(spent["nodes"], spent["edge"], spent["database"], failed, calls)


async def climb(rig: Rig, folder: Path, seconds: float) -> dict[int, Load]:
    """What the service costs at calls a second over all nodes, as far as it carries them without a failed one."""
    held: dict[int, Load] = {}
    for total in STEPS:
        each = await load(rig, folder, total // rig.count, seconds)
        print(rig.name, total, each, flush=True)
        if each.failed:
            break
        held[total] = each
    return held


async def idle(rig: Rig, seconds: float) -> Cost:
    """CPU a second of a service that has nothing to do."""
    before = rig.cost()
    await asyncio.sleep(seconds)
    spent = rig.cost().since(before)
    return Cost(spent.nodes / seconds, spent.edge / seconds, spent.database / seconds)


async def commands(rig: Rig, folder: Path) -> tuple[list[float], list[float]]:
    """Milliseconds of a REST command for a live call: at its own node, and at another."""
    holding = asyncio.create_task(load(rig, folder, 10, HELD / 30, 60_000))
    first, second = rig.nodes[0], rig.nodes[1]
    own: dict[bool, list[float]] = {True: [], False: []}
    try:
        await asyncio.sleep(2.5)
        sids = [
            each["sid"] for each in await first.calls(Status="in-progress") if each["direction"] == "inbound"
        ]
        mine = {sid for sid in sids if (await _owner(rig, sid)) == first.name}
        if not mine:
            raise SystemExit("no call is up at the first node")
        for at in range(COMMANDS):
            sid = sorted(mine)[at % len(mine)]
            for is_own, node in ((True, first), (False, second)):
                began = time.perf_counter()
                status, answer = await node.rest(
                    "POST", f"Calls/{sid}.json", Mute="true" if at % 2 else "false"
                )
                own[is_own].append((time.perf_counter() - began) * 1e3)
                if status != 200:
                    raise SystemExit(f"a command was answered {status}: {answer}")
    finally:
        for node in rig.nodes:
            for each in await node.calls(Status="in-progress"):
                await node.rest("POST", f"Calls/{each['sid']}.json", Status="completed")
        holding.cancel()
        await asyncio.gather(holding, return_exceptions=True)
    return own[True], own[False]


async def _owner(rig: Rig, sid: str) -> str:
    """The node whose own timeline has SIP messages of the call: asked of the database."""
    with psycopg.connect(rig.database_url) as connection:
        rows = connection.execute("SELECT node FROM calls WHERE sid = %s", (sid,)).fetchall()
    return str(rows[0][0]) if rows else ""


def delay(values: list[float]) -> str:
    """Percentiles."""
    return f"p50 {percentile(values, 0.5):.1f} ms, p99 {percentile(values, 0.99):.1f} ms"


def median(loads: list[Load], part: str) -> float:
    """Of the rounds."""
    return float(statistics.median(getattr(each, part) for each in loads))


FIXED: Final = (
    "A node on PostgreSQL has work that calls do not add to (heartbeats, looks for commands): the fewer calls, the "
    "more of it falls on each. So one node is to be compared with three at the same rate for each node."
)
BOUNDS: Final = (
    "Bounds taken: a core of signalling and four of media for a node, 8 cores of Kamailio, 16 cores and 500 "
    "connections of PostgreSQL."
)


def per_core(loads: list[Load]) -> str:
    """Calls a second that one core of nodes carries."""
    return f"{1000 / median(loads, 'nodes'):.0f}"


def shares(cost: Cost) -> str:
    """Of a core, in percent."""
    return ", ".join(f"{each * 100:.1f} %" for each in (cost.nodes, cost.edge, cost.database))


def report(
    runs: dict[str, list[Load]],
    resting: Cost,
    own: list[float],
    foreign: list[float],
    rate: int,
    held: dict[str, dict[int, Load]],
) -> str:
    """The tables."""
    names = [name for name, *_ in SHAPES]
    lines = ["| service | nodes | Kamailio | PostgreSQL | failed |", "| --- | --- | --- | --- | --- |"]
    for name in names:
        loads = runs[name]
        spread = [each.nodes for each in loads]
        lines.append(
            f"| {name} | {median(loads, 'nodes'):.2f} ms ({min(spread):.2f} to {max(spread):.2f}) | "
            f"{median(loads, 'edge'):.2f} ms | {median(loads, 'database'):.2f} ms | "
            f"{sum(each.failed for each in loads)} of {sum(each.calls for each in loads)} |"
        )
    sqlite, alone, behind, three = (runs[name] for name in names)

    def ratio(one: list[Load], other: list[Load]) -> float:
        return statistics.median(a.nodes / b.nodes for a, b in zip(one, other, strict=True))

    beat_ms = resting.database * 1e3 / 3
    measured = Measured(
        median(three, "nodes"), median(three, "edge"), median(three, "database"), beat_ms, rows_of_beat=3
    )
    needs = cores(measured, 100, 100_000, 180)
    carried = ", ".join(str(max(held[name], default=0)) for name in names[2:])
    steps = ["| calls a second over all nodes | one node | three nodes |", "| --- | --- | --- |"]
    for total in STEPS:
        costs = [f"{held[n][total].nodes:.2f} ms" if total in held[n] else "calls fail" for n in names[2:]]
        steps.append(f"| {total} | {' | '.join(costs)} |")
    goals = [
        "| figure | measured | goal |",
        "| --- | --- | --- |",
        f"| node's CPU of a call, PostgreSQL and cluster to SQLite | {ratio(alone, sqlite):.2f} | at most 1.10 |",
        f"| nodes' CPU of a call, three nodes to one | {ratio(three, behind):.2f} | flat, within noise |",
        f"| {PER_CORE} | {per_core(behind)}; with three {per_core(three)} | the same |",
        f"| calls a second that all parts carry on these cores, none failed: one node, three nodes | {carried} | |",
        f"| REST command for a live call at its own node | {delay(own)} | |",
        f"| the same at another node | {delay(foreign)} | p99 under 20 ms |",
        f"| three nodes, Kamailio, PostgreSQL at rest | {shares(resting)} of a core | |",
    ]
    table = ["| part | need | |", "| --- | --- | --- |"]
    table += [f"| {each.name} | {each.need:.2f} {each.unit} | {each.note} |" for each in needs]
    return "\n".join(
        [
            f"CPU for each call at {rate}/s for each node, medians of {len(three)} rounds in turn:",
            "",
            *lines,
            "",
            *goals,
            "",
            f"{FIXED} Nodes' CPU for each call behind Kamailio, {CLIMB_S} s at each rate:",
            "",
            *steps,
            "",
            "## 100 nodes and 100,000 live calls, on paper",
            "",
            "Calls of three minutes, by the figures above (`bench/cluster/model.py`):",
            "",
            *table,
            "",
            f"First to break, by these figures: **{breaks_first(needs)}**. {BOUNDS}",
            "",
        ]
    )


async def measured(seconds: float, rounds: int, rate: int) -> str:
    """All of it."""
    head = machine()
    runs: dict[str, list[Load]] = {name: [] for name, *_ in SHAPES}
    with contextlib.ExitStack() as outer:
        folder = Path(outer.enter_context(tempfile.TemporaryDirectory(prefix="callapi-bench-")))
        folder.chmod(0o755)  # noqa: ASYNC240 - before anything runs
        server = outer.enter_context(postgres_server())
        callee, busy, ringing = (free_port_of_datagrams() for _ in range(3))
        port = free_port(socket.SOCK_STREAM)
        served = [
            sys.executable,
            "-m",
            "bench.harness.application",
            str(port),
            str(callee),
            str(busy),
            str(ringing),
        ]
        outer.enter_context(Process(served, folder / "application.log"))
        outer.enter_context(Process(sipp(HERE / "callee.xml", callee), folder / "callee.log"))
        async with AsyncExitStack() as stack:
            rigs = []
            for at, (name, is_shared, count, has_edge) in enumerate(SHAPES):
                voice = f"http://127.0.0.1:{port}/voice"
                rig = Rig(
                    name,
                    folder / f"rig-{at}",
                    voice,
                    server if is_shared else None,
                    count,
                    has_edge,
                    10 + 10 * at,
                )
                rigs.append(await stack.enter_async_context(rig))
            for rig in rigs:
                await load(rig, folder, rate, 2)  # warm
            for _ in range(rounds):
                for rig in rigs:
                    runs[rig.name].append(await load(rig, folder, rate, seconds))
                    print(rig.name, runs[rig.name][-1], flush=True)
            resting = await idle(rigs[-1], min(10.0, seconds))
            own, foreign = await commands(rigs[-1], folder)
            held = {rig.name: await climb(rig, folder, CLIMB_S) for rig in rigs[2:]}
    return f"{head}\n\n{report(runs, resting, own, foreign, rate, held)}"


def main() -> None:
    """Measure, show, keep."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=8, help="of each stretch of load")
    arguments.add_argument("--rounds", type=int, default=3, help="of each shape")
    arguments.add_argument("--rate", type=int, default=40, help="calls a second for each node")
    arguments.add_argument("--output", type=Path, help="file for the tables")
    given = arguments.parse_args()
    text = asyncio.run(measured(given.seconds, given.rounds, given.rate))
    print(text)
    if given.output is not None:
        given.output.write_text(
            "# Several nodes\n\n`make bench-cluster`; what is measured: `bench/cluster`. Two cores carry nodes, "
            f"Kamailio, PostgreSQL, callers and application together.\n\n{text}"
        )


if __name__ == "__main__":
    main()
