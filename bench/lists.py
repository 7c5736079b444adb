"""What a page of fifty costs over REST when an account has 10,000 calls: by filter and order, first page and last.

    python -m bench.lists [--calls 10000]

The node is a process of its own, asked over HTTP on the loopback, one request at a time; the goal is 20 ms.
"""

import argparse
import asyncio
import os
import secrets
import socket
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import aiohttp
from bench.harness.processes import Process, free_port
from bench.store import record
from msgspec.structs import replace

from callapi.base.ids import AccountSid, CallSid
from callapi.store import CallRecord, Put, Store

GOAL_MS = 20
TIMES = 50
PARENT = CallSid("CA" + "1" * 32)
QUERIES = {
    "all": "",
    "the oldest first": "SortBy=DateCreated:asc",
    "To": "To=2000",
    "From": "From=client:alice",
    "Status, one in a thousand": "Status=busy",
    "ParentCallSid": f"ParentCallSid={PARENT}",
    "StartTime, a day": "StartTime=2026-11-17",
    "StartTime and Status": "StartTime%3E=2026-11-17&Status=completed",
    "To and From, few of both": "To=2000&From=client:alice",
}


def call(account: AccountSid, number: int) -> CallRecord:
    """One of many calls, a second after the one before it."""
    plain = record()
    at = plain.date_created.replace(year=2026, month=11, day=17, hour=0) + timedelta(seconds=number)
    return replace(
        plain,
        account_sid=account,
        to=f"{number % 10}000",
        from_="client:alice" if number % 100 == 2 else "+15550199",
        status="busy" if number % 1000 == 0 else "completed",
        date_created=at,
        date_updated=at,
        start_time=at,
        end_time=at + timedelta(seconds=5),
        parent_call_sid=PARENT if number % 10 else None,
    )


async def measure(base: str, auth: tuple[str, str]) -> bool:
    """Print the median and the worst of each query; whether every median keeps to the goal."""
    headers = {"Authorization": aiohttp.encode_basic_auth(*auth)}
    is_met = True
    async with aiohttp.ClientSession(headers=headers) as session:

        async def ask(address: str) -> tuple[float, dict[str, str]]:
            began = time.perf_counter()
            async with session.get(address) as answer:
                page = await answer.json()
                assert answer.status == 200, page
            return (time.perf_counter() - began) * 1000, page

        addresses = {name: f"{base}/Calls.json?PageSize=50&{query}" for name, query in QUERIES.items()}
        _, page = await ask(f"{base}/Calls.json?PageSize=50&Page=198")
        addresses["the last page"] = base.partition("/2010")[0] + page["next_page_uri"]
        for name, address in addresses.items():
            times = sorted([(await ask(address))[0] for _ in range(TIMES)])
            median = times[TIMES // 2]
            is_met = is_met and median < GOAL_MS
            print(f"{name:<28} p50 {median:5.1f} ms, p98 {times[-2]:5.1f} ms")
    return is_met


async def main() -> bool:
    """Fill a database, start a node on it, measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=10_000)
    calls = parser.parse_args().calls
    account, token = AccountSid("AC" + secrets.token_hex(16)), secrets.token_hex(16)
    with tempfile.TemporaryDirectory() as directory:
        async with Store.open(f"sqlite:///{directory}/callapi.db") as store:
            for start in range(0, calls, 500):
                store.write(*(Put(call(account, number)) for number in range(start, min(start + 500, calls))))
            await store.flush()
        port = free_port(socket.SOCK_STREAM)
        os.environ |= {
            "CALLAPI_ACCOUNT_SID": account,
            "CALLAPI_AUTH_TOKEN": token,
            "CALLAPI_NODE__DATA_DIR": directory,
            "CALLAPI_SIP__LISTEN": f'["udp://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"]',
            "CALLAPI_HTTP__LISTEN": f"127.0.0.1:{port}",
        }
        program = str(Path(sys.executable).with_name("callapi"))
        with Process([program, "serve"], Path(directory) / "node.log"):
            await _until_healthy(f"http://127.0.0.1:{port}/health")
            return await measure(f"http://127.0.0.1:{port}/2010-04-01/Accounts/{account}", (account, token))


async def _until_healthy(address: str) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(200):
            try:
                async with session.get(address):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)
    raise SystemExit("the node did not start")


if __name__ == "__main__":
    sys.exit(not asyncio.run(main()))
