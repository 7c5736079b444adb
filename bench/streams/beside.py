"""Bridges and markup calls while streams run, in turn with none: whether they are slower for it.

The machine has two cores: callers, called phones and both applications share one, all nodes the other. So streams take
from calls what any other work on those cores takes too. The control says how much that is: the same streams, at a
second node that shares the core with the first one.

    .venv/bin/python -m bench.streams.beside [--rounds 4] [--only calls]
"""

import argparse
import asyncio
import os
import socket
import statistics
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from bench.calls import document_to_invite
from bench.harness.processes import TOOLS_CORE, Bench, percentile, pinned
from bench.relay import product, subjects
from bench.streams.callers import call, program, send_rtp
from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.raw_phone import RawPhone

BESIDE: Final = 100
ROUNDS: Final = 4
BRIDGES: Final = 50
CALLS_PER_SECOND: Final = 50
BRIDGED_S: Final = 3
CALLED_S: Final = 5
SET_UP_S: Final = 8
"""What it takes at most to begin and end the streams of a sample."""
Sample = dict[str, list[float]]
Place = int | None
"""The SIP port of the node that has the streams; None: there are none."""


@asynccontextmanager
async def _streams(sip_port: Place) -> AsyncIterator[None]:
    """BESIDE streams on the node at `sip_port`; everything but the node is on the core of the tools."""
    if sip_port is None:
        yield
        return
    async with AsyncExitStack() as stack:
        port = free_port()
        await stack.enter_async_context(program("application.py", port, *pinned(TOOLS_CORE)))
        sender = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sender.bind(("127.0.0.1", 0))
        phone = await stack.enter_async_context(RawPhone("beside"))
        uri = f"sip:stream-{port}@127.0.0.1:{sip_port}"
        calls = [await call(phone, sender, uri, ("127.0.0.1", sip_port)) for _ in range(BESIDE)]
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
    command = pinned(TOOLS_CORE, str(subjects.TOOL), "generate", "1", str(BRIDGED_S), "PCMU")
    fed = "".join(f"{own} {target}\n" for own, target in legs)
    done = subprocess.run(command, input=fed, capture_output=True, text=True, check=True)
    sent, received, p50_us, p99_us, *_ = map(int, done.stdout.splitlines()[-1].split())
    return {
        "through a bridge, p50, ms": [p50_us / 1000],
        "through a bridge, p99, ms": [p99_us / 1000],
        "packets lost in bridges": [float(max(0, sent - received))],
    }


def _called(bench: Bench) -> Sample:
    """Markup calls."""
    load = bench.load(CALLS_PER_SECOND, CALLED_S)
    return {
        "document sent to INVITE seen": document_to_invite(bench, [load]),
        "INVITE to its 200": load.answered_ms,
        "calls failed": [float(load.failed + load.refused)],
    }


async def _in_turn(places: Sequence[Place], rounds: int, sample: Callable[[], Sample]) -> list[Sample]:
    """What `sample` finds beside streams at each of `places`, all rounds together."""
    found: list[Sample] = [{} for _ in places]
    for number in range(rounds):
        # Each round begins with another place: a machine that slows down in a round slows none of them more.
        for at in [(number + step) % len(places) for step in range(len(places))]:
            async with _streams(places[at]):
                for name, values in (await asyncio.to_thread(sample)).items():
                    found[at].setdefault(name, []).extend(values)
    return found


def _row(name: str, figures: Sequence[float]) -> str:
    row = f"| {name} | " + " | ".join(f"{each:.2f}" for each in figures) + " |"
    print(row, flush=True)
    return row


@contextmanager
def _second_node() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="callapi-bench-") as folder, Bench(Path(folder)) as bench:
        bench.load(CALLS_PER_SECOND, 2)
        yield bench


async def _bridges(rounds: int) -> list[str]:
    first = subjects.FIRST_PORT
    own = range(first, first + 4 * BRIDGES, 2)
    seconds = 3 * rounds * (BRIDGED_S + SET_UP_S)
    with (
        tempfile.TemporaryDirectory(prefix="callapi-bench-") as folder,
        _second_node() as other,
        product.calls(own, seconds, Path(folder)) as (bench, legs, _),
    ):
        found = await _in_turn((None, other.ports.sip, bench.ports.sip), rounds, lambda: _bridged(legs))
    return [_row(name, [statistics.median(each[name]) for each in found]) for name in found[0]]


async def _calls(rounds: int) -> list[str]:
    with (
        tempfile.TemporaryDirectory(prefix="callapi-bench-") as folder,
        _second_node() as other,
        Bench(Path(folder)) as bench,
    ):
        await asyncio.to_thread(bench.load, CALLS_PER_SECOND, 2)
        found = await _in_turn((None, other.ports.sip, bench.ports.sip), rounds, lambda: _called(bench))
    rows = []
    for name in ("document sent to INVITE seen", "INVITE to its 200"):
        for share in (50, 90, 99):
            figures = [percentile(each[name], share / 100) for each in found]
            rows.append(_row(f"{name}, p{share}, ms", figures))
    return [*rows, _row("calls failed", [sum(each["calls failed"]) for each in found])]


PARTS: Final = {"calls": _calls, "bridges": _bridges}


async def compared(rounds: int = ROUNDS, parts: Sequence[str] = tuple(PARTS)) -> list[str]:
    """A table in Markdown: figures without streams, beside BESIDE of them at another node, and at the same."""
    subjects.prepare()
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {TOOLS_CORE})
    rows = ["| | no streams | streams at another node | streams at this node |", "| --- | --- | --- | --- |"]
    try:
        for each in parts:
            rows += await PARTS[each](rounds)
        return rows
    finally:
        os.sched_setaffinity(0, cores)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=list(PARTS))
    given = parser.parse_args()
    print("\n".join(asyncio.run(compared(given.rounds, given.only))))
