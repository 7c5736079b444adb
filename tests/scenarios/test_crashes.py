"""kill -9 at random moments under load, and a database that is locked or full: nothing is lost, and no call suffers.

`CRASHES=50` (`make crash`) kills fifty times instead of three.
"""

import asyncio
import contextlib
import os
import random
import resource
import signal
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing

import pytest

from tests.scenarios.conftest import Measured, NodeFactory
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.flood import Flood
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.raw_phone import RawPhone
from tests.scenarios.harness.talk import talk
from tests.scenarios.harness.waiting import WAIT_S, eventually

CRASHES = int(os.environ.get("CRASHES", "3"))
SEED = int(os.environ.get("CRASH_SEED", str(int(time.time()))))
CALLS_PER_SECOND = 40
EVENT_ID = "X-CallAPI-Event-Id"
FINAL = {"completed", "failed", "busy", "no-answer", "canceled"}
AWAY_S = float(os.environ.get("AWAY_S", "3"))
"""How long the database is away; `AWAY_S=60` for the minute that it may be."""


@pytest.mark.timeout(60 + 30 * CRASHES)
async def test_kill_nine_at_random_moments(new_node: NodeFactory, measured: Measured) -> None:
    """After each restart every call has its final record and its one `completed` callback; the database is whole."""
    chance = random.Random(SEED)
    node, webhook = await new_node(node={"drain_timeout_s": 0})
    webhook["ended"] = webhook["child"] = webhook["after"] = ""
    sent = 0
    async with RawPhone("bob") as bob:
        answering = asyncio.create_task(_answer_everything(bob))
        dial = f'<Dial action="after"><Sip statusCallback="child">{bob.uri}</Sip></Dial>'
        webhook["voice"] = lambda _: response(chance.choice(["<Reject/>", dial, dial]))
        await _callbacks_for_numbers(node, webhook)
        try:
            for number in range(CRASHES):
                after_s = chance.uniform(0.3, 2.5)
                try:
                    sent += await _crash(node, after_s)
                    await _is_whole(node, webhook, bob)
                except AssertionError as error:
                    raise AssertionError(
                        f"CRASH_SEED={SEED}, crash {number + 1} after {after_s:.2f} s: {error}"
                    ) from error
        finally:
            answering.cancel()
            await asyncio.gather(answering, return_exceptions=True)
    reported = len(_reported(webhook))
    measured(
        f"crashes: {CRASHES} times kill -9, {sent} INVITEs: {reported} legs all final and reported once (seed {SEED})"
    )


async def _callbacks_for_numbers(node: Node, webhook: Webhook) -> None:
    status, made = await node.rest(
        "POST",
        "IncomingPhoneNumbers.json",
        PhoneNumber="77",
        VoiceUrl=webhook.url("voice"),
        StatusCallback=webhook.url("ended"),
    )
    assert status == 201, made


async def _answer_everything(phone: RawPhone) -> None:
    """Ring, or answer and now and then hang up."""
    while True:
        call = await phone.next_call(3600)
        if len(phone.calls) % 5 == 0:
            call.ring()
        else:
            call.answer()
        if len(phone.calls) % 3 == 0:
            asyncio.get_running_loop().call_later(0.4, call.request, "BYE")


async def _crash(node: Node, after_s: float) -> int:
    """Calls come, the node is killed after so many seconds, and started again; how many were sent."""
    async with Flood(node.sip_address, acknowledges=True) as flood:
        sending = asyncio.create_task(
            flood.run(lambda: flood.invite(node.uri("77")), per_second=CALLS_PER_SECOND, seconds=after_s)
        )
        await asyncio.sleep(after_s)
        node.process.signal(signal.SIGKILL)
        await node.process.wait(5)
        sent = await sending
    await node.start()
    return sent


async def _is_whole(node: Node, webhook: Webhook, bob: RawPhone) -> None:
    """Judge the file, and the record and callback of every call that application or called phone heard of."""
    with _database(node) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        open_ones = [row for row in database.execute("SELECT sid, status FROM calls") if row[1] not in FINAL]
        assert not open_ones, open_ones
        directions = dict(database.execute("SELECT sid, direction FROM calls"))
    await eventually(
        f"a final callback for each of {len(directions)} calls",
        lambda: directions.keys() <= _reported(webhook).keys(),
        15,
    )
    unknown = {each["CallSid"] for each in webhook.all("voice")} - directions.keys()
    assert not unknown, f"the application was asked, and there is no record: {unknown}"
    rung, dialled = bob.calls, Counter(directions.values())["outbound-dial"]
    assert len(rung) <= dialled, f"{len(rung)} calls reached the phone, {dialled} have a record"
    for sid, events in _reported(webhook).items():
        assert len(events) == 1, f"{sid} was sent {len(events)} different endings"
        assert sid in directions


def _reported(webhook: Webhook) -> dict[str, set[str]]:
    """The event ids of the final callbacks, by call."""
    reported: dict[str, set[str]] = defaultdict(set)
    for request in [*webhook.all("ended"), *webhook.all("child")]:
        assert request["CallStatus"] in FINAL
        reported[request["CallSid"]].add(request.headers[EVENT_ID])
    return reported


@contextlib.contextmanager
def _database(node: Node) -> Iterator[sqlite3.Connection]:
    with closing(
        sqlite3.connect(node.folder / "data" / "callapi.db", timeout=5, isolation_level=None)
    ) as database:
        yield database


@contextlib.contextmanager
def _locked(node: Node) -> Iterator[None]:
    with _database(node) as database:
        database.execute("BEGIN EXCLUSIVE")
        yield
        database.execute("ROLLBACK")


@contextlib.contextmanager
def _full_disk(node: Node) -> Iterator[None]:
    """No file of the node can grow: EFBIG where a full disk says ENOSPC, for the log as well."""
    pid = node.process.pid
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, hard))
    yield
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


@pytest.mark.timeout(60 + 2 * AWAY_S)
@pytest.mark.parametrize("away", [_locked, _full_disk])
async def test_a_database_that_is_away(
    new_node: NodeFactory, measured: Measured, away: Callable[[Node], AbstractContextManager[None]]
) -> None:
    """The live call talks on, calls come and go, REST writes get 503; when it is back all is written down."""
    node, webhook = await new_node(node={"drain_timeout_s": 0})
    webhook["child"] = ""
    async with talk(node, webhook, status_callback=webhook.url("child")) as talking:
        await talking.goes_on()
        with away(node):
            began = time.monotonic()
            async with Flood(node.sip_address, acknowledges=True) as flood:
                sent = await flood.run(lambda: flood.invite(node.uri("1")), per_second=20, seconds=1.0)
                await eventually("the end of every call", lambda: flood.statuses[603] >= sent)
            status, reported = await node.rest("POST", "Applications.json", FriendlyName="late")
            assert status == 503, reported
            assert await node.health() in {200, 503}
            await talking.goes_on()
            await asyncio.sleep(max(0.0, began + AWAY_S - time.monotonic()))
            assert not webhook.all("child")
            await talking.ends()
        back = time.monotonic()
        reported_end = await webhook.next("child")
        what, written = away.__name__[1:].replace("_", " "), time.monotonic() - back
        measured(f"{what} for {back - began:.1f} s: written {written:.1f} s after it was back")
        assert reported_end["CallStatus"] == "completed"
        assert (await node.final(reported_end["CallSid"]))["status"] == "completed"
        await eventually_written(node, sent + 2)
        status, _ = await node.rest("POST", "Applications.json", FriendlyName="late")
        assert status == 201


async def eventually_written(node: Node, calls: int) -> None:
    """Until so many calls have their final record."""
    deadline = time.monotonic() + WAIT_S
    while True:
        statuses = Counter(each["status"] for each in await node.calls(PageSize="500"))
        if statuses.total() == calls and set(statuses) <= FINAL:
            return
        assert time.monotonic() < deadline, statuses
        await asyncio.sleep(0.1)
