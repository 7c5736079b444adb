"""kill -9 at any moment: what was reported as durable is there, and of every group all or nothing."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from callapi.store import Store
from tests.store.samples import ACCOUNT, after

WRITES = """
import asyncio, sys
from callapi.base.ids import CallSid
from callapi.store import Put, Store
from tests.store.samples import call, callback

async def main():
    async with Store.open(sys.argv[1]) as store:
        store.subscribe(lambda rows: print(*(row.event_id for row in rows), flush=True))
        for number in range(10**6):
            sid = CallSid(f"CA{number:032x}")
            store.write(Put(call(sid=sid)), Put(callback(f"EV{number}", stream=sid)))
            if number % 20 == 0:
                await asyncio.sleep(0.001)

asyncio.run(main())
"""


@pytest.mark.parametrize("lines", [1, 7, 30])
async def test_what_was_durable_is_there_after_kill_9(url: str, lines: int) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        WRITES,
        url,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stdout is not None
    durable: list[str] = []
    for _ in range(lines):
        durable += (await process.stdout.readline()).decode().split()
    process.send_signal(signal.SIGKILL)
    await process.wait()
    assert durable
    async with Store.open(url) as store:
        calls = {each.sid for each in await store.calls.live_ones("node-1")}
        rows, _ = await store.callbacks.due("http://app.example", after(10**6), 10**6)
    assert set(durable) <= {row.event_id for row in rows}
    assert {row.stream for row in rows} == calls
    assert all(row.account_sid == ACCOUNT for row in rows)
    numbers = [int(row.event_id[2:]) for row in rows]
    assert numbers == list(range(len(numbers)))
