"""What a service of three nodes promises, counted while nodes, networks, the database and the application fail.

`make cluster-soak` runs them at full length (CLUSTER=full).
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.scenarios.conftest import Cluster, Measured
from tests.scenarios.harness.application import Application, Webhook, response
from tests.scenarios.harness.database_path import DatabasePath
from tests.scenarios.harness.ledger import records, state, unfinished, unreported, with_timeline
from tests.scenarios.harness.partition import DATABASE, FAR, IS_POSSIBLE, NEAR, Partition
from tests.scenarios.harness.promises import FINAL, doubled, events_in, judge, reported
from tests.scenarios.harness.service import KAMAILIO, Service
from tests.scenarios.harness.sipp import PROGRAM as SIPP
from tests.scenarios.harness.sipp import Sipp
from tests.scenarios.harness.sipp_scenarios import answering, calling
from tests.scenarios.harness.waiting import eventually, nothing_left
from tests.store.cluster import PostgresServer, postgres_server

IS_FULL = os.environ.get("CLUSTER") == "full"
pytestmark = [
    pytest.mark.skipif(KAMAILIO is None or SIPP is None, reason="Kamailio or SIPp is not installed"),
    pytest.mark.timeout(900 if IS_FULL else 300),
]
CALLS = 1000 if IS_FULL else 200
PER_SECOND = 25
CALLER = "10.77.1.20"


@pytest.fixture
def server(postgresql: PostgresServer) -> PostgresServer:
    """The PostgreSQL server."""
    return postgresql


def heard_of(webhook: Webhook) -> set[str]:
    """Every call that the application knows."""
    return {each["CallSid"] for each in webhook.requests}


def left_by(service: Service, node: str) -> list[str]:
    """Calls that have no end and belong to a node."""
    return [sid for sid in unfinished(service) if records(service)[sid][1] == node]


@pytest.mark.skipif(not IS_POSSIBLE, reason="needs root and iproute2, for a network namespace with links")
async def test_every_promise_holds_while_nodes_die_drain_and_are_cut_off(
    server: PostgresServer, tmp_path: Path, measured: Measured
) -> None:
    """Calls over three nodes; one is killed, one drained, one loses its link to the database and gets it back."""
    async with AsyncExitStack() as stack:
        place = await stack.enter_async_context(Partition())
        for address in ("10.77.1.11", "10.77.1.12", CALLER, "10.77.1.21"):
            place.add_address(address)
        application = await stack.enter_async_context(Application(NEAR))
        webhook = application.webhook("promises")
        webhook["ended"] = webhook["child"] = ""
        direct = server.create("promises")
        path = await stack.enter_async_context(DatabasePath(direct, DATABASE))
        numbers = [
            {"number": "*", "voice_url": webhook.url("voice"), "status_callback": webhook.url("ended")}
        ]
        settings = {"sip": {"trusted_networks": ["10.77.1.0/24"]}}
        service = Service(tmp_path, server, numbers, count=0, url=direct, settings=settings, edge_host=NEAR)
        service.nodes = [
            service.new_node("node-1", "10.77.1.11"),
            service.new_node("node-2", "10.77.1.12"),
            service.new_node("node-3", FAR, url=path.url),
        ]
        service.nodes[2].prefix = place.prefix
        await stack.enter_async_context(service)
        async with Sipp(tmp_path, answering(), calls=2 * CALLS, trace=False, host="10.77.1.21") as callee:
            events = "initiated ringing answered completed"
            sip = f'<Sip statusCallback="child" statusCallbackEvent="{events}">{callee.uri}</Sip>'
            webhook["voice"] = response(f"<Dial>{sip}</Dial>")
            load = Sipp(
                tmp_path,
                calling(talk_ms=1500),
                towards=f"{NEAR}:{service.edge.port}",
                calls=CALLS,
                trace=False,
                host=CALLER,
                options=["-r", str(PER_SECOND), "-recv_timeout", "20000"],
            )
            async with load:
                await asyncio.sleep(CALLS / PER_SECOND / 6)
                service.nodes[1].process.signal(signal.SIGKILL)
                await asyncio.sleep(CALLS / PER_SECOND / 6)
                assert await service.run("drain", "node-1", "--no-wait") == 0
                place.cut()
                # Node 3, alone and cut off, takes every call that comes from here on.
                await eventually(
                    "node 3 to be taken for dead", lambda: state(service, "node-3") == "dead", 40
                )
                await load.process.wait(60)
                began_apart = heard_of(webhook) - set(records(service))
                assert began_apart, "no call began while node 3 was cut off"
                place.mend()
                mended_at = time.monotonic()
            # What node 2 wrote in its last moment is in its call log alone, and comes when the node starts again.
            await nothing_left("the ends of what node 2 left", lambda: left_by(service, "node-2"), 15)
            await service.nodes[1].start()
            await nothing_left(
                "a record for each call", lambda: heard_of(webhook) - set(records(service)), 40
            )
            await nothing_left("the ends of all records", lambda: unfinished(service), 40)
            final_after = time.monotonic() - mended_at
            await nothing_left(
                "the last callbacks", lambda: unreported(service, webhook, "child", "ended"), 40
            )
            await asyncio.sleep(1)
        # Of each call, also of one that died with its node just before its application was asked for a document.
        legs = judge(events_in(webhook.requests, "child"))
        ended = judge(events_in(webhook.requests, "ended"))
        found = records(service)
        assert set(found) == set(legs) | set(ended), "a call without callbacks, or callbacks without a call"
        assert {status for status, _ in found.values()} <= FINAL
        # Node 3 alone knew how they ended, and none was cut: they ended before it had its link back.
        assert {found[sid][0] for sid in began_apart} == {"completed"}
        assert {(legs | ended)[sid][-1][0] for sid in began_apart} == {"completed"}
        assert began_apart <= with_timeline(service)
        tally = load.tally()
        # One that dies with its node before its application is asked may leave nothing behind.
        assert len(ended) >= CALLS - tally.failed
        lost = Counter(status for status, _ in found.values())
        measured(
            f"cluster: {CALLS} calls, {tally.failed} of them cut by the death of a node; {len(found)} records "
            f"{dict(lost)}, {len(began_apart)} of them begun without a database, final {final_after:.1f} s after "
            f"it was back, {doubled(legs) + doubled(ended)} callbacks doubled"
        )
        assert tally.failed <= CALLS * 0.25


async def load(service: Service, webhook: Webhook, folder: Path, *, calls: int, per_second: int) -> None:
    """So many calls through the edge, each with a called party who answers; none may fail."""
    async with Sipp(folder, answering(), calls=calls, trace=False) as callee:
        events = "initiated ringing answered completed"
        sip = f'<Sip statusCallback="child" statusCallbackEvent="{events}">{callee.uri}</Sip>'
        webhook["voice"] = response(f"<Dial>{sip}</Dial>")
        caller = Sipp(
            folder,
            calling(talk_ms=1000),
            towards=f"{service.edge.address[0]}:{service.edge.port}",
            calls=calls,
            trace=False,
            options=["-r", str(per_second), "-recv_timeout", "20000"],
        )
        async with caller:
            assert (await caller.done(calls / per_second + 40)).failed == 0


async def kept(service: Service, webhook: Webhook, calls: int, within_s: float = 40) -> None:
    """Each call and its child have a final record and their callbacks, each once and in order; no node was lost."""
    await nothing_left("the ends of all records", lambda: unfinished(service), within_s)
    await eventually(
        "every callback",
        lambda: (
            len(reported(webhook, "ended")) == calls
            and sum(each[-1][0] in FINAL for each in reported(webhook, "child").values()) == calls
        ),
        within_s,
        seen=lambda: f"of {calls}: {_heard(webhook)}",
    )
    await asyncio.sleep(0.5)
    ended, children = judge(reported(webhook, "ended")), judge(reported(webhook, "child"))
    assert doubled(ended) == doubled(children) == 0
    assert {len(each) for each in children.values()} == {4}
    found = records(service)
    assert {found[sid][0] for sid in (*ended, *children)} == {"completed"}
    assert [state(service, each.name) for each in service.nodes] == ["up"] * len(service.nodes)


def _heard(webhook: Webhook) -> str:
    """How many ends were reported, and what was of the legs without one."""
    children = reported(webhook, "child")
    open_legs = {sid: events for sid, events in children.items() if events[-1][0] not in FINAL}
    return f"{len(reported(webhook, 'ended'))} ends of calls, {len(children)} legs, {len(open_legs)} open: {open_legs}"


async def test_nodes_are_upgraded_one_after_another_without_a_lost_call(
    cluster: Cluster, tmp_path: Path, measured: Measured
) -> None:
    """As the page on operating says, under load: `callapi drain`, stop, start, wait for /health, the next node."""
    service, webhook = cluster.fresh()
    async with Sipp(tmp_path, answering(), calls=10_000, trace=False) as callee:
        events = "initiated ringing answered completed"
        sip = f'<Sip statusCallback="child" statusCallbackEvent="{events}">{callee.uri}</Sip>'
        webhook["voice"] = response(f"<Dial>{sip}</Dial>")
        caller = Sipp(
            tmp_path,
            calling(talk_ms=500),
            towards=f"{service.edge.address[0]}:{service.edge.port}",
            calls=10_000,
            trace=False,
            options=["-r", "10", "-recv_timeout", "20000"],
        )
        began_at = time.monotonic()
        async with caller:
            for node in service.nodes:
                before = len(webhook.all("voice"))
                assert await service.run("drain", node.name) == 0
                assert await node.process.stop() == 0
                await node.start()
                await service.edge_is_ready()
                assert len(webhook.all("voice")) > before, "calls go on meanwhile"
            caller.process.signal(signal.SIGUSR1)  # no new calls; it ends when those under way are over
            await caller.process.wait(20)
        tally = caller.tally()
        assert (tally.failed, tally.unexpected) == (0, 0), caller.errors()
    await kept(service, webhook, tally.successful)
    measured(
        f"cluster: three nodes restarted in {time.monotonic() - began_at:.0f} s under {tally.successful} calls"
    )


async def test_a_slow_database_costs_no_call_and_no_node(cluster: Cluster, tmp_path: Path) -> None:
    """0.3 s more for each question and answer: heartbeats take a second, and no node is taken for dead."""
    service, webhook = cluster.fresh()
    async with cluster.path.slow(0.15):
        await load(service, webhook, tmp_path, calls=30, per_second=10)
        await asyncio.sleep(3)
        await kept(service, webhook, 30)


async def test_a_silent_database_costs_no_call_and_no_node(cluster: Cluster, tmp_path: Path) -> None:
    """Nothing comes back for longer than a node without heartbeats is believed; then everything does."""
    service, webhook = cluster.fresh()
    await load(service, webhook, tmp_path, calls=6, per_second=10)  # each node knows the number from here on
    await kept(service, webhook, 6)
    webhook.requests.clear()
    async with cluster.path.silent():
        async with asyncio.timeout(140):
            await load(service, webhook, tmp_path, calls=30, per_second=10)
        await asyncio.sleep(120 if IS_FULL else 3)
        assert not webhook.all("ended"), "a callback that is not kept was sent"
    await kept(service, webhook, 30)


@pytest.mark.skipif(not IS_POSSIBLE, reason="needs root, to mount a small file system")
async def test_a_full_database_costs_no_call(
    application: Application, server: PostgresServer, tmp_path: Path
) -> None:
    """Its disk is full for a while: calls go on, records wait in memory, and are written once there is room."""
    webhook = application.webhook("full")
    webhook["ended"] = webhook["child"] = ""
    numbers = [{"number": "*", "voice_url": webhook.url("voice"), "status_callback": webhook.url("ended")}]
    with small_disk(server) as disk:
        url = server.create("small", "small")
        async with Service(tmp_path, server, numbers, count=2, url=url) as service:
            await load(service, webhook, tmp_path, calls=4, per_second=10)
            filler = disk / "filler"
            fill(filler)
            try:
                await load(service, webhook, tmp_path, calls=20, per_second=10)
                await eventually(
                    "the disk to be full",
                    lambda: "No space left" in "".join(each.process.tail(2000) for each in service.nodes),
                )
            finally:
                filler.unlink()
            await kept(service, webhook, 24)
        server.run("DROP DATABASE small")


@contextlib.contextmanager
def small_disk(server: PostgresServer) -> Iterator[Path]:
    """A file system with little room, and the tablespace `small` on it."""
    disk = server.folder / "small"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)], check=True)
    try:
        server.give(disk)
        server.run(f"CREATE TABLESPACE small LOCATION '{disk}'")
        yield disk
        server.run("DROP TABLESPACE small")
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(filler: Path) -> None:
    """Write until there is no room left."""
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(65536))
    with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(512))


async def test_a_failover_to_a_standby_costs_no_call_and_no_node(
    application: Application, tmp_path: Path
) -> None:
    """The primary dies under load; its standby, which has all that was committed, is promoted three seconds later."""
    webhook = application.webhook("failover")
    webhook["ended"] = webhook["child"] = ""
    numbers = [{"number": "*", "voice_url": webhook.url("voice"), "status_callback": webhook.url("ended")}]
    with postgres_server() as primary, primary.standby() as standby:
        url = primary.create("failover")
        first, second = (urlsplit(each.url).netloc.rpartition("@")[2] for each in (primary, standby))
        url = url.replace(first, f"{first},{second}")
        async with Service(tmp_path, primary, numbers, url=url) as service:
            loading = asyncio.create_task(load(service, webhook, tmp_path, calls=60, per_second=10))
            await asyncio.sleep(2)
            await asyncio.to_thread(primary.kill)
            await asyncio.sleep(3)
            await asyncio.to_thread(standby.run, "SELECT pg_promote()")
            await loading
            service.url = f"{standby.url}/failover"
            await kept(service, webhook, 60)
