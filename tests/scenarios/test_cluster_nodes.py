"""Nodes that die, are suspended, drain, start under a name that is alive, and lose PostgreSQL for a while."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import psycopg
import pytest
import pytest_asyncio

from tests.scenarios.conftest import Cluster
from tests.scenarios.harness.application import response
from tests.scenarios.harness.flood import Flood
from tests.scenarios.harness.ledger import call_sid, node_of
from tests.scenarios.harness.promises import FINAL, judge, reported
from tests.scenarios.harness.raw_phone import RawCall, RawPhone, sdp
from tests.scenarios.harness.rtp_peer import RtpPeer
from tests.scenarios.harness.service import EDGE_HOST, KAMAILIO, Service
from tests.scenarios.harness.waiting import WAIT_S, eventually
from tests.store.cluster import PostgresServer

IS_FULL = os.environ.get("CLUSTER") == "full"
pytestmark = [
    pytest.mark.skipif(KAMAILIO is None, reason="Kamailio is not installed"),
    pytest.mark.timeout(300 if IS_FULL else 120),
]
AWAY_S = 120 if IS_FULL else 6
"""Without a database: longer than a node that makes no heartbeat is believed."""
SUSPENDED_S = 60 if IS_FULL else 2
"""After others have taken over."""


@pytest.fixture
def server(postgresql: PostgresServer) -> PostgresServer:
    """The PostgreSQL server."""
    return postgresql


async def _calls(service: Service, flood: Flood, seconds: float, per_second: int) -> int:
    uri = f"sip:1@{EDGE_HOST}:{service.edge.port}"
    return await flood.run(lambda: flood.invite(uri), per_second=per_second, seconds=seconds)


async def test_a_node_that_is_killed_under_load_is_replaced_within_ten_seconds(
    cluster: Cluster,
) -> None:
    service, webhook = cluster.fresh()
    victim = service.nodes[1]
    async with RawPhone("bob", "127.0.0.23") as bob, Flood(service.edge.address, acknowledges=True) as flood:
        dial = f'<Dial><Sip statusCallback="child" statusCallbackEvent="initiated completed">{bob.uri}</Sip></Dial>'
        webhook["voice"] = response(dial)
        load = asyncio.create_task(_calls(service, flood, 5, 20))
        await asyncio.sleep(2)
        victim.process.signal(signal.SIGKILL)
        killed_at = time.monotonic()
        sent = await load

        def is_taken_over() -> bool:
            with psycopg.connect(service.url) as connection:
                rows = connection.execute(
                    "SELECT count(*) FROM calls WHERE end_time IS NULL AND node = 'node-2'"
                ).fetchone()
            return rows == (0,)

        await eventually("the end of the calls of a dead node", is_taken_over, 10)
        assert time.monotonic() - killed_at < 10
        before = {sid for sid, events in reported(webhook, "child").items() if events}
        assert before
        # New calls go elsewhere.
        webhook["voice"] = response("<Reject/>")
        statuses = Counter(flood.statuses)
        more = await _calls(service, flood, 1, 10)
        await eventually("the refusals", lambda: flood.statuses[603] - statuses[603] >= more, 10)
        for call in list(bob.calls.values()):
            call.refuse(486)
        await eventually(
            "one final callback for each leg",
            lambda: all(events[-1][0] in FINAL for events in reported(webhook, "child").values()),
            30,
            seen=lambda: [each for each in reported(webhook, "child").items() if each[1][-1][0] not in FINAL],
        )
        legs = judge(reported(webhook, "child"))
        assert sent
        assert len(legs) >= sent * 0.5
    await victim.start()
    await eventually(
        "the edge to use it again",
        lambda: service.edge_states().count("AP") == 3,
        15,
        seen=service.edge_states,
    )


async def test_a_name_that_is_alive_is_refused(cluster: Cluster) -> None:
    """No call is ended by the wrong hand: the second node of a name says why and leaves."""
    service, webhook = cluster.fresh()
    webhook["voice"] = response("<Gather timeout='300'/>")
    async with RawPhone("alice", "127.0.0.24") as alice:
        first = service.nodes[0]
        call = alice.invite(first.uri("1"), first.sip_address, body=sdp(9))
        await call.gets("INVITE", 200)
        call.request("ACK")
        second = service.new_node("node-1", "127.0.0.31", "second")
        assert await second.fails_to_start() == 1
        assert "node-1" in second.process.tail()
        assert "node.name" in second.process.tail()
        [record] = await first.calls(Status="in-progress")
        assert record["sid"] == call_sid(webhook)
        call.request("BYE")
        await call.gets("BYE", 200)
    await eventually(
        "the callback of its end",
        lambda: len(reported(webhook, "ended")) == 1,
        seen=lambda: dict(reported(webhook, "ended")),
    )


async def test_a_node_that_was_suspended_ends_its_calls_and_starts_anew(
    cluster: Cluster,
) -> None:
    service, webhook = cluster.fresh()
    sleeper, other = service.nodes[2], service.nodes[0]
    webhook["voice"] = response("<Gather timeout='300'/>")

    def starts() -> int:
        return sleeper.process.log.read_text(encoding="utf-8").count("is up")

    before = starts()
    async with RawPhone("alice", "127.0.0.25") as alice:
        call = alice.invite(sleeper.uri("1"), sleeper.sip_address, body=sdp(9))
        await call.gets("INVITE", 200)
        call.request("ACK")
        sid = call_sid(webhook)
        await asyncio.sleep(0.5)
        sleeper.process.signal(signal.SIGSTOP)
        try:
            record = await other.final(sid, timeout=12)
            assert (record["status"], record["end_reason"]) == ("completed", "node node-3 broke off")
            await eventually(
                "its callback",
                lambda: len(reported(webhook, "ended").get(sid, ())) == 1,
                seen=lambda: dict(reported(webhook, "ended")),
            )
            await asyncio.sleep(SUSPENDED_S)
        finally:
            sleeper.process.signal(signal.SIGCONT)
        await call.gets("BYE", timeout=15)
        await eventually("the node to start anew", lambda: starts() == before + 1, 40)
        assert await other.final(sid) == record, "a write of an earlier life changes no row"
        assert len(reported(webhook, "ended")[sid]) == 1
        again = alice.invite(sleeper.uri("1"), sleeper.sip_address, body=sdp(9))
        await again.gets("INVITE", 200)
        again.request("ACK")
        again.request("BYE")
        await again.gets("BYE", 200)


async def is_listed_as_draining(service: Service, name: str) -> None:
    """Wait until `callapi nodes` says so: a node writes its state with its next beat, a second later at most."""
    async with asyncio.timeout(WAIT_S):
        while True:
            listed = await service.output("nodes")
            if "draining" in next(line for line in listed.splitlines() if line.startswith(name)):
                return


@pytest_asyncio.fixture(loop_scope="session")
async def undrained(cluster: Cluster) -> AsyncIterator[None]:
    """Let node-1 take calls again after the test, however it ends."""
    yield
    service = cluster.service
    await service.run("drain", "node-1", "--undo")


@pytest.mark.usefixtures("undrained")
async def test_a_node_that_drains_gets_no_new_calls_and_keeps_its_own(
    cluster: Cluster,
) -> None:
    service, webhook = cluster.fresh()
    draining = service.nodes[0]
    webhook["voice"] = response("<Gather timeout='300'/>")
    async with RawPhone("alice", "127.0.0.26") as alice:
        kept = alice.invite(draining.uri("1"), draining.sip_address, body=sdp(9))
        await kept.gets("INVITE", 200)
        kept.request("ACK")
        assert await service.run("drain", "node-1", "--no-wait") == 0
        await eventually(
            "the edge to pass it over",
            lambda: service.edge_states().count("AP") == 2,
            10,
            seen=service.edge_states,
        )
        assert await draining.health() == 503
        await is_listed_as_draining(service, "node-1")
        webhook.requests.clear()
        webhook["voice"] = response("<Reject/>")
        for _ in range(4):
            call = alice.invite(f"sip:1@{EDGE_HOST}:{service.edge.port}", service.edge.address, body=sdp(9))
            assert (await call.gets_final("INVITE")).status == 603
        for request in list(webhook.requests):
            if request.path == "voice":
                assert await node_of(service, request["CallSid"]) is not draining
        assert await service.run("drain", "node-1", "--timeout", "1") == 1, "it has a call still"
        kept.request("BYE")
        await kept.gets("BYE", 200)
        assert await service.run("drain", "node-1", "--timeout", "10") == 0
        assert await service.run("drain", "node-1", "--undo") == 0
        assert await service.run("drain", "node-9") == 1
    await eventually(
        "the edge to use it again",
        lambda: service.edge_states().count("AP") == 3,
        15,
        seen=service.edge_states,
    )


async def test_postgresql_restarts_under_a_live_call(cluster: Cluster, server: PostgresServer) -> None:
    """No node is taken for dead; calls of before, of meanwhile and of afterwards have records and callbacks."""
    service, webhook = cluster.fresh()
    webhook["voice"] = response("<Gather timeout='300'/>")
    async with AsyncExitStack() as stack:
        alice = await stack.enter_async_context(RawPhone("alice", "127.0.0.27"))

        async def new_call() -> RawCall:
            rtp = await stack.enter_async_context(RtpPeer())
            uri = f"sip:1@{EDGE_HOST}:{service.edge.port}"
            call = alice.invite(uri, service.edge.address, body=sdp(rtp.port))
            answer = await call.gets("INVITE", 200)
            call.request("ACK")
            assert answer.audio
            rtp.speak(answer.audio, 440)  # a call without sound is ended after a minute
            return call

        calls = [await new_call() for _ in range(3)]
        await asyncio.to_thread(server.stop)
        try:
            calls += [await new_call() for _ in range(3)]
            await asyncio.sleep(AWAY_S)
        finally:
            await asyncio.to_thread(server.start)
        calls += [await new_call() for _ in range(3)]
        await asyncio.sleep(6)
        for call in calls:
            assert not call.count("BYE"), "a call was ended by the outage"
            call.request("BYE")
            await call.gets("BYE", 200)
    await eventually(
        "each callback",
        lambda: len(reported(webhook, "ended")) == 9,
        20,
        seen=lambda: dict(reported(webhook, "ended")),
    )
    assert all(len(events) == 1 for events in reported(webhook, "ended").values())
    assert all(each["status"] == "completed" for each in await service.nodes[0].calls(PageSize="9"))
