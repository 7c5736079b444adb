"""The console of an account with 10,000 calls behind it and 500 up: how soon each page is there, how evenly Live moves.

    .venv/bin/python -m bench.console [--calls 10000] [--live 500] [--times 5] [--seconds 10] [--output FILE]

The node has one core to itself; SIPp's phones, the application and Chromium share the other. Half of the live calls are
inbound, half are what they dialled; they last 20 s, so that some 25 records a second change on the page. A page is
there when nothing of it is being loaded any more, counted from the navigation. Goals: each page within a second, and of
a hundred gaps between two frames of the live page one at most over 100 ms.
"""

import argparse
import asyncio
import json
import os
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import wave
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import aiohttp
from bench.calls import machine, table
from bench.harness.processes import HERE, ROOT, TOOLS_CORE, Bench, percentile, pinned, sipp
from bench.harness.processes import free_port_of_datagrams as free_port
from bench.lists import call
from msgspec import Struct

from callapi.base.api_version import API_VERSION
from callapi.base.clock import utc_now
from callapi.base.ids import AccountSid, CallSid, ConferenceSid, new_notification_sid, new_recording_sid
from callapi.store import (
    AddEvents,
    ConferenceRecord,
    EventRecord,
    NotificationRecord,
    Put,
    RecordingRecord,
    Store,
)

BROWSER: Final = ROOT / "tests" / "scenarios" / "browser"
TALK_S: Final = 20
PAGE_GOAL_MS: Final = 1000.0
FRAME_GOAL_MS: Final = 100.0
EVENTS: Final = 60
SOUND: Final = "sound.wav"
SOUND_S: Final = 30
Row = tuple[str, str, str]


class Plan(Struct, frozen=True):
    """How much of everything."""

    calls: int
    live: int
    times: int
    seconds: int


async def fill(folder: Path, account: AccountSid, calls: int) -> CallSid:
    """Ended calls, notifications, recordings; the sid of a call with a timeline."""
    shown = call(account, 1)
    now = utc_now()
    async with Store.open(f"sqlite:///{folder}/callapi.db") as store:
        for start in range(0, calls, 500):
            store.write(*(Put(call(account, number)) for number in range(start, min(start + 500, calls))))
        sip: dict[str, Any] = {"direction": "sent", "peer": "udp:192.0.2.1:5060", "message": _MESSAGE}
        events = (
            EventRecord(number, now + timedelta(milliseconds=number), "sip", sip) for number in range(EVENTS)
        )
        store.write(Put(shown), AddEvents(shown.sid, tuple(events)))
        for number in range(300):
            store.write(Put(_notification(account, shown.sid, number)))
            store.write(Put(_recording(account, shown.sid, number, "node-1")))
            store.write(Put(_conference(account, number)))
        await store.flush()
    return shown.sid


_MESSAGE: Final = (
    "INVITE sip:bob@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\r\nCSeq: 1 INVITE\r\n\r\n"
)


def _notification(account: AccountSid, sid: CallSid, number: int) -> NotificationRecord:
    return NotificationRecord(
        sid=new_notification_sid(),
        account_sid=account,
        log=number % 2,
        error_code=11200 + number % 7,
        message_text="http://192.0.2.9/voice answered 500 Internal Server Error",
        message_date=utc_now() - timedelta(minutes=number),
        api_version=API_VERSION,
        call_sid=sid,
        request_url="http://192.0.2.9/voice",
        request_method="POST",
        request_variables="&".join(f"Parameter{each}=value" for each in range(20)),
        response_status=500,
        response_body="x" * 2000,
    )


def _recording(account: AccountSid, sid: CallSid, number: int, node: str) -> RecordingRecord:
    at = utc_now() - timedelta(minutes=number)
    return RecordingRecord(
        sid=new_recording_sid(),
        account_sid=account,
        call_sid=sid,
        status="completed",
        source="DialVerb",
        channels=2,
        api_version=API_VERSION,
        start_time=at,
        date_created=at,
        date_updated=at,
        duration=SOUND_S,
        path=SOUND,
        node=node,
    )


def _conference(account: AccountSid, number: int) -> ConferenceRecord:
    at = utc_now() - timedelta(minutes=number)
    return ConferenceRecord(
        sid=ConferenceSid(f"CF{number:032x}"),
        account_sid=account,
        friendly_name=f"Room {number}",
        status="completed",
        date_created=at,
        date_updated=at,
        api_version=API_VERSION,
        node="node-1",
        reason_conference_ended="last-participant-left",
    )


def _sound(folder: Path) -> None:
    folder.mkdir(parents=True)
    with wave.open(str(folder / SOUND), "wb") as writer:
        writer.setparams((2, 2, 8000, 8000 * SOUND_S, "NONE", ""))
        writer.writeframes(os.urandom(4 * 8000) * SOUND_S)


async def furnish(base: str, account: str, token: str) -> None:
    """Clients, trunks and applications, over REST."""
    headers = {"Authorization": aiohttp.encode_basic_auth(account, token)}
    async with aiohttp.ClientSession(headers=headers) as session:
        for number in range(100):
            forms = [("Clients", {"Login": f"client{number}", "Password": "correct horse battery"})]
            if number < 20:
                forms.append(("Trunks", {"SipUri": f"sip:192.0.2.{number + 1}"}))
                forms.append(("Applications", {"FriendlyName": f"Application {number}"}))
            for path, form in forms:
                async with session.post(f"{base}/{path}.json", data=form) as answer:
                    assert answer.status == 201, await answer.text()


def hold(bench: Bench, live: int) -> subprocess.Popen[bytes]:
    """Callers that keep `live` records up, in the background, each for `TALK_S` seconds; stop it by its id."""
    inbound = live // 2
    command = [
        *sipp(HERE / "caller.xml", free_port()),
        *(
            "-s",
            "bob",
            "-r",
            str(max(1, round(inbound / TALK_S))),
            "-l",
            str(inbound),
            "-d",
            str(TALK_S * 1000),
        ),
        f"127.0.0.1:{bench.ports.sip}",
    ]
    with (bench.directory / "callers.log").open("wb") as out:
        return subprocess.Popen(pinned(TOOLS_CORE, *command), cwd=bench.directory, stdout=out, stderr=out)


def browse(bench: Bench, account: str, token: str, shown: CallSid, plan: Plan) -> dict[str, Any]:
    """What the browser has measured."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    node = shutil.which("node")
    if chromium is None or node is None or not (BROWSER / "node_modules/playwright-core").is_dir():
        raise SystemExit(
            "needs node, chromium and the packages of tests/scenarios/browser: run `make bench-console`"
        )
    environ = {
        "CONSOLE_URL": f"http://127.0.0.1:{bench.ports.http}/console",
        "ACCOUNT_SID": account,
        "AUTH_TOKEN": token,
        "CHROMIUM": chromium,
        "CALL_SID": shown,
        "TIMES": str(plan.times),
        "SECONDS": str(plan.seconds),
        "HOME": str(bench.directory),
    }
    done = subprocess.run(
        pinned(TOOLS_CORE, node, str(BROWSER / "console_speed.mjs")),
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        check=True,
        timeout=240,
    )
    return dict(json.loads(done.stdout))


def rows_of(found: dict[str, Any], plan: Plan, cpu: float) -> tuple[list[Row], bool]:
    """The table, and whether every goal is met."""
    rows: list[Row] = []
    is_met = True
    for name, times in found["pages"].items():
        median, worst = statistics.median(times), max(times)
        is_met = is_met and median < PAGE_GOAL_MS
        rows.append((f"page *{name}* is there", f"p50 {median:.0f} ms, longest {worst:.0f} ms", "under 1 s"))
    live = found["live"]
    gaps = live["gaps"]
    late = sum(gap > FRAME_GOAL_MS for gap in gaps)
    is_met = is_met and late * 100 <= len(gaps)
    frames = (
        f"p50 {percentile(gaps, 0.5):.0f} ms, p99 {percentile(gaps, 0.99):.0f} ms, longest {max(gaps):.0f} ms"
    )
    rows.append((f"gap between frames of *Live*, {plan.seconds} s", frames, "1 in 100 over 100 ms"))
    tasks = live["tasks"]
    rows.append(
        (
            "tasks of the page over 50 ms meanwhile",
            f"{len(tasks)}, longest {max(tasks, default=0):.0f} ms",
            "",
        )
    )
    rows.append(("live calls that the page counted", f"{sum(live['live'][:3])}", f"{plan.live}"))
    rows.append(("CPU of the node meanwhile", f"{cpu:.0%} of a core", ""))
    return rows, is_met


async def measure(plan: Plan, folder: Path) -> tuple[list[Row], bool]:
    """Fill, start, call, look."""
    account, token = AccountSid("AC" + secrets.token_hex(16)), secrets.token_hex(16)
    os.environ |= {"CALLAPI_ACCOUNT_SID": account, "CALLAPI_AUTH_TOKEN": token}
    _sound(folder / "data" / "recordings")
    shown = await fill(folder / "data", account, plan.calls)
    with Bench(folder) as bench:
        base = f"http://127.0.0.1:{bench.ports.http}/2010-04-01/Accounts/{account}"
        await furnish(base, account, token)
        callers = hold(bench, plan.live)
        try:
            await asyncio.sleep(TALK_S + 2)
            began, before = time.monotonic(), bench.node.cpu_s()
            found = browse(bench, account, token, shown, plan)
            cpu = (bench.node.cpu_s() - before) / (time.monotonic() - began)
        finally:
            callers.kill()
            callers.wait()
    return rows_of(found, plan, cpu)


async def main() -> bool:
    """Print the table, or write it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--live", type=int, default=500)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    plan = Plan(given.calls, given.live, given.times, given.seconds)
    head = machine()
    with tempfile.TemporaryDirectory(prefix="callapi-bench-") as folder:
        rows, is_met = await measure(plan, Path(folder))
    text = f"# The console\n\n{head}. {plan.calls} calls in the store, {plan.live} live.\n\n{table(rows)}"
    print(text)
    if given.output is not None:
        given.output.write_text(text)
    return is_met


if __name__ == "__main__":
    sys.exit(not asyncio.run(main()))
