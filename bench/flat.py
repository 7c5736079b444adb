"""Whether the cost of a call grows with what is there already: calls that are held, and records in the database.

    .venv/bin/python -m bench.flat [--seconds 6] [--rate 150] [--records DIRECTORY] [--output FILE]

First part: the memory of a held call, once its transactions are over. Second part: CPU for each markup call
(`bench/calls.py` says what one is) while 1,000 and 3,000 others are held, silent, in turn with a second node that holds
none. Third part: the same with a million records of calls in the database, and how long the node takes to start with
them. They are written into DIRECTORY, or found there from an earlier time.

A load of which calls were refused or failed has no cost for each call that could be compared: the table says so.
"""

import argparse
import asyncio
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from bench.calls import Row, machine, table
from bench.harness.processes import (
    HERE,
    TOOLS_CORE,
    Bench,
    Load,
    free_port_of_datagrams,
    percentile,
    pinned,
    sipp,
)
from msgspec.structs import replace

from callapi.base.clock import utc_now
from callapi.base.ids import AccountSid, new_call_sid
from callapi.store import CallRecord, Put, Store

HELD: Final = (1000, 3000)
HOLD_RATE: Final = 100
HOLD_MS: Final = 600_000
SOCKETS: Final = 4
"""Of a call: RTP and RTCP of both legs."""
REST_S: Final = 5.0
LINGER_S: Final = 34.0
"""A transaction waits 32 s for late messages after an answer (RFC 3261 §17, timers B, H, J)."""
STEP: Final = 600
STEPS: Final = 3
"""Of held calls, whose memory is measured."""
RECORDS: Final = 1_000_000
_BATCH: Final = 20_000
_READY_S: Final = 60.0
# Held calls are silent, and a call without packets ends after 60 s where nothing else is written.
MORE: Final = """\
[media]
rtp_ports = "20000-49999"
timeout_s = 3600
[limits]
max_calls = 20000
"""


@contextmanager
def held(bench: Bench, calls: int) -> Iterator[None]:
    """So many calls more, silent, for as long as the block lasts; returns into it once all are up."""
    command = [
        *sipp(HERE / "caller.xml", free_port_of_datagrams()),
        *("-s", "bob", "-m", str(calls), "-r", str(HOLD_RATE), "-d", str(HOLD_MS), "-l", "100000"),
        f"127.0.0.1:{bench.ports.sip}",
    ]
    caller = subprocess.Popen(
        pinned(TOOLS_CORE, *command),
        cwd=bench.directory,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    # Nearly all: connections to the application may have been closed meanwhile.
    wanted = bench.node.descriptors() + 0.95 * SOCKETS * calls
    try:
        end = time.monotonic() + calls / HOLD_RATE + _READY_S
        while bench.node.descriptors() < wanted:
            if time.monotonic() > end:
                raise SystemExit(f"{calls} calls to be held are not up: see {bench.directory}/node.log")
            time.sleep(0.5)
        time.sleep(2)
        yield
    finally:
        caller.kill()
        caller.wait()


def growing_with_held_calls(seconds: float, rate: int, rounds: int) -> list[Row]:
    """CPU beside each of `HELD`, against a second node that holds none, in turn."""
    rows: list[Row] = []
    with contextlib.ExitStack() as stack:
        folders = [
            Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="callapi-bench-"))) for _ in range(2)
        ]
        empty, full = (stack.enter_context(Bench(each, more=MORE)) for each in folders)
        for bench in (empty, full):
            bench.load(rate, 4)  # warm
        before = 0
        for now in HELD:
            stack.enter_context(held(full, now - before))
            before = now
            rows += _beside(empty, full, seconds, rate, rounds, now)
    return rows


def _beside(empty: Bench, full: Bench, seconds: float, rate: int, rounds: int, now: int) -> list[Row]:
    """Loads of both nodes in turn; and what the held calls take without a load."""
    began, cpu_s = time.monotonic(), full.node.cpu_s()
    time.sleep(REST_S)
    resting = (full.node.cpu_s() - cpu_s) / (time.monotonic() - began)
    loads: dict[Bench, list[Load]] = {empty: [], full: []}
    for number in range(rounds):
        for bench in (empty, full) if number % 2 == 0 else (full, empty):
            load = bench.load(rate, seconds)
            loads[bench].append(load)
            what = f"{now} held" if bench is full else "none held"
            outcome = f"{load.failed} failed, {load.refused} refused"
            print(f"{what}: {load.cpu_ms:.2f} ms, whole: {load.is_whole} ({outcome})", flush=True)
    pairs = list(zip(loads[empty], loads[full], strict=True))
    whole = [pair for pair in pairs if pair[0].is_whole and pair[1].is_whole]
    note = "" if len(whole) == len(pairs) else f"; {len(pairs) - len(whole)} of {len(pairs)} pairs not whole"
    more = [with_held.cpu_ms / without.cpu_ms - 1 for without, with_held in whole or pairs]
    # A load is measured until a second after its last caller has gone; the held calls work all that time.
    own = [resting * (each.took_s + 1.0) * 1e3 / each.calls for each in loads[full]]
    ms = [statistics.median(each.cpu_ms for each in several) for several in loads.values()]
    figure = f"{ms[1]:.2f} ms beside {ms[0]:.2f} ({statistics.median(more):+.0%}: {min(more):+.0%} to {max(more):+.0%})"
    return [
        (f"CPU for each call at {rate}/s with {now:,} held", figure + note, "within 10 %"),
        (
            f"of it: what {now:,} held calls take by themselves",
            f"{statistics.median(own):.2f} ms ({resting:.1%} of a core)",
            "",
        ),
    ]


def memory_of_held_calls() -> list[Row]:
    """What a held call takes when its transactions have ended: the last of `STEPS` steps.

    Memory that was freed stays with the process, and the next calls find its room: the first step is smaller by what
    the calls before it left. Before each later one, those of the step before have left what their transactions held.
    """
    sizes: list[float] = []
    with tempfile.TemporaryDirectory(prefix="callapi-bench-") as directory, contextlib.ExitStack() as stack:
        bench = stack.enter_context(Bench(Path(directory), more=MORE))
        bench.load(60, 8)  # warm: bounded caches are filled by the first hundreds of calls
        for _ in range(STEPS):
            time.sleep(LINGER_S)
            before = bench.node.rss_kb()
            stack.enter_context(held(bench, STEP))
            sizes.append((bench.node.rss_kb() - before) / STEP)
            print(f"{STEP} more held calls: {sizes[-1]:.1f} kB each", flush=True)
    *others, last = sizes
    steps = ", ".join(f"{each:.1f}" for each in others)
    return [
        (
            f"memory for each of {STEP} more held calls, {LINGER_S:.0f} s after {(STEPS - 1) * STEP:,} others",
            f"{last:.1f} kB (steps before: {steps})",
            "under 45 kB",
        )
    ]


@dataclass(frozen=True)
class Cost:
    """CPU for each call, the median of the whole loads; of all loads if none was whole."""

    ms: float
    whole: int
    loads: int

    def shown(self, base: "Cost | None" = None) -> str:
        """For the table."""
        change = f" ({self.ms / base.ms - 1:+.0%})" if base is not None else ""
        note = (
            "" if self.whole == self.loads else f"; {self.loads - self.whole} of {self.loads} loads not whole"
        )
        return f"{self.ms:.2f} ms{change}{note}"


def _cost(bench: Bench, seconds: float, rate: int, rounds: int, what: str) -> Cost:
    loads = [bench.load(rate, seconds) for _ in range(rounds)]
    for load in loads:
        outcome = f"{load.failed} failed, {load.refused} refused"
        print(f"{what}: {load.cpu_ms:.2f} ms, whole: {load.is_whole} ({outcome})", flush=True)
    whole = [load for load in loads if load.is_whole]
    return Cost(statistics.median(load.cpu_ms for load in whole or loads), len(whole), len(loads))


def growing_with_records(directory: Path, seconds: float, rate: int, rounds: int) -> list[Row]:
    """CPU with and without the records; the start with them."""
    data = directory / "data"
    if not (data / "callapi.db").exists():
        data.mkdir(parents=True, exist_ok=True)
        asyncio.run(_fill(data))
    costs = {}
    with tempfile.TemporaryDirectory(prefix="callapi-bench-") as empty, Bench(Path(empty)) as bench:
        bench.load(rate, 3)
        costs["none"] = _cost(bench, seconds, rate, rounds, "no records")
    starts = []
    bench = Bench(directory)
    for _ in range(rounds):
        began = time.monotonic()
        with bench.node:
            _await_answer(bench.ports.http)
            starts.append(time.monotonic() - began)
    with Bench(directory) as bench:
        bench.load(rate, 3)
        costs["million"] = _cost(bench, seconds, rate, rounds, f"{RECORDS:,} records")
    return [
        (f"CPU for each call at {rate}/s, empty database", costs["none"].shown(), ""),
        (
            f"CPU for each call at {rate}/s, {RECORDS:,} records",
            costs["million"].shown(costs["none"]),
            "within 10 %",
        ),
        (
            f"start with {RECORDS:,} records, to the first answer over HTTP",
            f"{percentile(sorted(starts), 0.5):.1f} s",
            "under 3 s",
        ),
    ]


def _await_answer(port: int) -> None:
    end = time.monotonic() + _READY_S
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/openapi.json", timeout=2).close()
            return
        time.sleep(0.02)
    raise SystemExit("the node does not start")


async def _fill(data: Path) -> None:
    """Calls of the last three weeks, all completed."""
    print(f"writing {RECORDS:,} records into {data}", flush=True)
    now = utc_now()
    one = CallRecord(
        sid=new_call_sid(),
        account_sid=AccountSid("AC" + "0" * 32),
        from_="+15550001111",
        to="1000",
        direction="inbound",
        status="completed",
        date_created=now,
        date_updated=now,
        start_time=now,
        end_time=now,
        duration=60,
        api_version="2012-04-24",
        node="node-1",
        sip_call_id="f81d4fae-7dec-11d0-a765-00a0c91e6bf6@192.0.2.1",
    )
    async with Store.open(f"sqlite:///{data}/callapi.db") as store:
        for first in range(0, RECORDS, _BATCH):
            for number in range(first, first + _BATCH):
                at = now - timedelta(seconds=1.8 * number)
                record = replace(one, sid=new_call_sid(), date_created=at, start_time=at, end_time=at)
                store.write(Put(record))
            await store.flush()


def main() -> None:
    """Measure, show, keep."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=6, help="of each stretch of load")
    arguments.add_argument("--rounds", type=int, default=3, help="of each stretch of load")
    arguments.add_argument("--rate", type=int, default=150, help="calls a second")
    arguments.add_argument("--records", type=Path, help="folder of the database with the records")
    arguments.add_argument("--only", choices=("memory", "held", "records"), help="one part alone")
    arguments.add_argument("--fill", action="store_true", help="write the records, and measure nothing")
    arguments.add_argument("--output", type=Path, help="file for the table")
    given = arguments.parse_args()
    if given.fill:
        if given.records is None:
            sys.exit("--fill needs --records DIRECTORY")
        (given.records / "data").mkdir(parents=True, exist_ok=True)
        asyncio.run(_fill(given.records / "data"))
        return
    measure = (given.seconds, given.rate, given.rounds)
    rows: list[Row] = []
    if given.only in {None, "memory"}:
        rows += memory_of_held_calls()
    if given.only in {None, "held"}:
        rows += growing_with_held_calls(*measure)
    if given.only in {None, "records"}:
        with contextlib.ExitStack() as stack:
            directory = given.records or Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix="callapi-bench-"))
            )
            rows += growing_with_records(directory, *measure)
    text = f"{machine()}\n\n{table(rows)}"
    print(text)
    if given.output is not None:
        title = "# Markup calls beside others, and beside a million records"
        given.output.write_text(f"{title}\n\n`make bench-flat`; what is measured: `bench/flat.py`.\n\n{text}")


if __name__ == "__main__":
    main()
