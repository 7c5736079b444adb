"""Bridges and markup calls while streams run, in turn with none: whether they are slower for it."""

import asyncio
import os
import socket
import statistics
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from bench.calls import document_to_invite
from bench.harness.processes import TOOLS_CORE, Bench, percentile, pinned
from bench.relay import product, subjects
from bench.streams.callers import call, program, send_rtp
from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.raw_phone import RawPhone

BESIDE: Final = 100
ROUNDS: Final = 3
BRIDGES: Final = 50
CALLS_PER_SECOND: Final = 50
SECONDS: Final = 3
Sample = dict[str, float]


@asynccontextmanager
async def _streams(sip_port: int, count: int) -> AsyncIterator[None]:
    """So many streams on the node at `sip_port`; everything but the node is on the core of the tools."""
    if not count:
        yield
        return
    async with AsyncExitStack() as stack:
        port = free_port()
        await stack.enter_async_context(program("application.py", port, *pinned(TOOLS_CORE)))
        sender = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sender.bind(("127.0.0.1", 0))
        phone = await stack.enter_async_context(RawPhone("beside"))
        uri = f"sip:stream-{port}@127.0.0.1:{sip_port}"
        calls = [await call(phone, sender, uri, ("127.0.0.1", sip_port)) for _ in range(count)]
        async with asyncio.TaskGroup() as tasks:
            rtp = tasks.create_task(send_rtp(sender, [leg for _, leg in calls], ()))
            await asyncio.sleep(1.0)
            yield
            rtp.cancel()
        for made, _ in calls:
            made.request("BYE")
        await asyncio.sleep(0.5)


def _bridged(legs: list[tuple[int, int]]) -> Sample:
    """What the generator says of bridges that it sends through."""
    command = pinned(TOOLS_CORE, str(subjects.TOOL), "generate", "1", str(SECONDS), "PCMU")
    fed = "".join(f"{own} {target}\n" for own, target in legs)
    done = subprocess.run(command, input=fed, capture_output=True, text=True, check=True)
    sent, received, p50_us, p99_us, *_ = map(int, done.stdout.splitlines()[-1].split())
    return {
        "through a bridge, p50, ms": p50_us / 1000,
        "through a bridge, p99, ms": p99_us / 1000,
        "packets lost in bridges": float(max(0, sent - received)),
    }


def _called(bench: Bench) -> Sample:
    """Markup calls."""
    load = bench.load(CALLS_PER_SECOND, SECONDS)
    delays = document_to_invite(bench, [load])
    return {
        "document sent to INVITE seen, p50, ms": percentile(delays, 0.5),
        "document sent to INVITE seen, p99, ms": percentile(delays, 0.99),
        "INVITE to its 200, p99, ms": percentile(load.answered_ms, 0.99),
        "calls failed": float(load.failed + load.refused),
    }


async def _in_turn(sip_port: int, sample: Callable[[], Sample]) -> list[str]:
    found: dict[int, list[Sample]] = {0: [], BESIDE: []}
    for _ in range(ROUNDS):
        for count, samples in found.items():
            async with _streams(sip_port, count):
                samples.append(await asyncio.to_thread(sample))
    rows = []
    for name in found[0][0]:
        without, with_streams = (
            statistics.median(each[name] for each in samples) for samples in found.values()
        )
        row = f"| {name} | {without:.2f} | {with_streams:.2f} |"
        print(row, flush=True)
        rows.append(row)
    return rows


async def compared() -> list[str]:
    """A table in Markdown: figures without streams and beside BESIDE of them."""
    subjects.prepare()
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {TOOLS_CORE})
    rows = ["| | no streams | streams |", "| --- | --- | --- |"]
    try:
        with tempfile.TemporaryDirectory(prefix="callapi-bench-") as folder:
            first = subjects.FIRST_PORT
            own = range(first, first + 4 * BRIDGES, 2)
            seconds = 2 * ROUNDS * (SECONDS + 8)
            with product.calls(own, seconds, Path(folder)) as (bench, legs, _):
                rows += await _in_turn(bench.ports.sip, lambda: _bridged(legs))
        with tempfile.TemporaryDirectory(prefix="callapi-bench-") as folder, Bench(Path(folder)) as bench:
            await asyncio.to_thread(bench.load, CALLS_PER_SECOND, 2)
            rows += await _in_turn(bench.ports.sip, lambda: _called(bench))
    finally:
        os.sched_setaffinity(0, cores)
    return rows


if __name__ == "__main__":
    print("\n".join(asyncio.run(compared())))
