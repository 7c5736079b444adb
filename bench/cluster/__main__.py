"""Calls over one node and over three: CPU of each part, commands at a foreign node, and the arithmetic beyond.

    .venv/bin/python -m bench.cluster [--seconds 8] [--rounds 5] [--rate 40] [--output docs/benchmarks/cluster.md]

On a machine that is quiet for minutes only, piece by piece: `--only costs --keep FILE`, then `rest steps`.

A call is that of `bench.calls`: document, `<Dial><Sip>`, a second of talk, action, one status callback. All shapes of
the service are up at once and loaded in turn, so that a slow minute of the machine meets them alike. CPU is that of
all processes of a part, from `/proc`.
"""

import argparse
import asyncio
import contextlib
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import psycopg
from bench.calls import machine
from bench.cluster.results import ALONE, BEHIND, FILE, STEPS, THREE, Load, Results, report
from bench.cluster.rig import Cost, Rig, cpu_s, parts, run_s
from bench.harness.processes import (
    HERE,
    Process,
    free_port,
    free_port_of_datagrams,
    last_row,
    sipp,
)
from tests.store.cluster import PostgresServer, postgres_server

from callapi.store import STARTING, Owner
from callapi.store.shared.heartbeats import Heartbeats
from callapi.store.shared.nodes import NodeTable
from callapi.store.sql.database import engines, heartbeat_engine
from callapi.store.sql.upgrade import upgrade

COMMANDS: Final = 400
HELD: Final = 12
CLIMB_S: Final = 4
REST_S: Final = 10.0
BEATING: Final = (3, 100)
BEATS: Final = 2000
PIECES: Final = ("costs", "rest", "steps")
SHAPES: Final = (
    (FILE, False, 1, False),
    (ALONE, True, 1, False),
    (BEHIND, True, 1, True),
    (THREE, True, 3, True),
)


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
    before = rig.cost(run_s)
    await asyncio.sleep(seconds)
    spent = rig.cost(run_s).since(before)
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


async def measured(results: Results, pieces: Sequence[str], seconds: float, rounds: int, rate: int) -> None:
    """Measure `pieces`, into `results`."""
    results.machines |= dict.fromkeys(pieces, machine())
    results.rate = rate
    with contextlib.ExitStack() as outer:
        folder = Path(outer.enter_context(tempfile.TemporaryDirectory(prefix="callapi-bench-")))
        folder.chmod(0o755)  # noqa: ASYNC240 - before anything runs
        server = outer.enter_context(postgres_server())
        callee, busy, ringing = (free_port_of_datagrams() for _ in range(3))
        port = free_port(socket.SOCK_STREAM)
        ports = [str(each) for each in (port, callee, busy, ringing)]
        served = [sys.executable, "-m", "bench.harness.application", *ports]
        outer.enter_context(Process(served, folder / "application.log"))
        outer.enter_context(Process(sipp(HERE / "callee.xml", callee), folder / "callee.log"))
        if "rest" in pieces:
            results.beat_ms = beats(server)
            print("heartbeats", results.beat_ms, flush=True)
        async with AsyncExitStack() as stack:
            rigs = []
            for at, (name, is_shared, count, has_edge) in enumerate(SHAPES):
                url, at_most = f"http://127.0.0.1:{port}/voice", server if is_shared else None
                rig = Rig(name, folder / f"rig-{at}", url, at_most, count, has_edge, 10 + 10 * at)
                rigs.append(await stack.enter_async_context(rig))
            for rig in rigs:
                await load(rig, folder, rate, 2)  # warm
            if "costs" in pieces:
                results.costs = await costs(rigs, folder, seconds, rounds, rate)
            if "rest" in pieces:
                await at_rest(results, rigs, folder)
            if "steps" in pieces:
                results.steps = {rig.name: await climb(rig, folder, CLIMB_S) for rig in rigs[2:]}


async def costs(
    rigs: Sequence[Rig], folder: Path, seconds: float, rounds: int, rate: int
) -> dict[str, list[Load]]:
    """What a call costs each shape, in turn."""
    runs: dict[str, list[Load]] = {rig.name: [] for rig in rigs}
    for _ in range(rounds):
        for rig in rigs:
            runs[rig.name].append(await load(rig, folder, rate, seconds))
            print(rig.name, runs[rig.name][-1], flush=True)
    return runs


async def at_rest(results: Results, rigs: Sequence[Rig], folder: Path) -> None:
    """What the shapes cost with nothing to do, how many connections they have, and what a command takes."""
    results.resting = {rig.name: await idle(rig, REST_S) for rig in (rigs[0], rigs[1], rigs[-1])}
    results.own, results.foreign = await commands(rigs[-1], folder)
    with psycopg.connect(rigs[-1].database_url) as connection:
        rows = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
    results.connections = rows[0][0] / rigs[-1].count


def beats(server: PostgresServer) -> dict[int, float]:
    """Milliseconds of the database's CPU for a heartbeat, by how many nodes make one in turn."""
    assert server.process is not None
    found = {}
    for count in BEATING:
        url = server.create(f"beats_{count}")
        writing, reading = engines(url)
        upgrade(writing)
        table = NodeTable(writing)
        owners = [
            Owner(f"node-{number}", f"{number:032x}", http="http://10.0.0.1:80") for number in range(count)
        ]
        epochs = [table.claim(each) for each in owners]
        engine = heartbeat_engine(url)
        nodes = [Heartbeats(engine, each.name, epoch) for each, epoch in zip(owners, epochs, strict=True)]
        for each in nodes:
            each.beat(STARTING)
        before = cpu_s(server.process.pid)
        for number in range(BEATS):
            nodes[number % count].beat(STARTING)
        found[count] = (cpu_s(server.process.pid) - before) * 1e3 / BEATS
        for pool in (engine, writing, reading):
            pool.dispose()
    return found


def main() -> None:
    """Measure, show, keep."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=8, help="of each stretch of load")
    arguments.add_argument("--rounds", type=int, default=5, help="of each shape")
    arguments.add_argument("--rate", type=int, default=40, help="calls a second for each node")
    arguments.add_argument(
        "--only", choices=PIECES, nargs="+", help="pieces; the others as `--keep` has them"
    )
    arguments.add_argument("--keep", type=Path, help="file for what was measured, to go on with")
    arguments.add_argument("--output", type=Path, help="file for the tables")
    given = arguments.parse_args()
    results = Results.read(given.keep)
    asyncio.run(measured(results, given.only or PIECES, given.seconds, given.rounds, given.rate))
    if given.keep is not None:
        results.write(given.keep)
    if not results.is_whole:
        return
    text = report(results, CLIMB_S)
    print(text)
    if given.output is not None:
        given.output.write_text(
            "# Several nodes\n\n`make bench-cluster`; what is measured: `bench/cluster`. Two cores carry nodes, "
            f"Kamailio, PostgreSQL, callers and application together.\n\n{text}"
        )


if __name__ == "__main__":
    main()
