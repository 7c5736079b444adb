"""Three nodes whose application is down, whose clocks differ, and that start on an empty database at once."""

import asyncio
import os
import signal
from pathlib import Path

import psycopg
import pytest
from aiohttp import web

from tests.scenarios.conftest import Measured
from tests.scenarios.harness.application import Application, Request, Webhook, response
from tests.scenarios.harness.edge_client import registrant
from tests.scenarios.harness.flood import Flood
from tests.scenarios.harness.ledger import records, state, unfinished
from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.promises import doubled, events_in, judge, reported
from tests.scenarios.harness.raw_phone import RawPhone, sdp
from tests.scenarios.harness.service import EDGE_HOST, KAMAILIO, Service
from tests.scenarios.harness.waiting import eventually, nothing_left
from tests.store.cluster import PostgresServer

IS_FULL = os.environ.get("CLUSTER") == "full"
CALLBACKS = 3000 if IS_FULL else 1000
LEGS = 10
FAKETIME = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)
pytestmark = [
    pytest.mark.skipif(KAMAILIO is None, reason="Kamailio is not installed"),
    pytest.mark.timeout(400 if IS_FULL else 120),
]


@pytest.fixture
def server(postgresql: PostgresServer) -> PostgresServer:
    """The PostgreSQL server."""
    return postgresql


class Receiver(Webhook):
    """An application for callbacks that can be away: its port is closed until `open`."""

    def __init__(self) -> None:
        self.port = free_port()
        super().__init__("callbacks", f"http://127.0.0.1:{self.port}")
        self._runner: web.AppRunner | None = None

    async def open(self) -> None:
        """Answer from now on."""
        application = web.Application()
        application.router.add_post("/callbacks/{path}", self._take)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def close(self) -> None:
        """Answer no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        path = request.match_info["path"]
        now = asyncio.get_running_loop().time()
        self.requests.append(Request(path, "POST", form, dict(request.headers), str(request.url), "", now))
        return web.Response()


async def test_an_application_that_was_down_gets_each_callback_once_and_in_order(
    application: Application, server: PostgresServer, tmp_path: Path, measured: Measured
) -> None:
    """Thousands wait over three nodes, one of which dies meanwhile."""
    webhook, receiver = application.webhook("backlog"), Receiver()
    target = f"sip:nobody@127.0.0.1:{free_port()}"
    sip = f'<Sip statusCallback="{receiver.url("child")}" statusCallbackEvent="initiated completed">{target}</Sip>'
    webhook["voice"] = response(f"<Dial>{sip * LEGS}</Dial>")
    numbers = [{"number": "*", "voice_url": webhook.url("voice"), "status_callback": receiver.url("ended")}]
    calls = -(-CALLBACKS // (2 * LEGS + 1))
    try:
        async with (
            Service(tmp_path, server, numbers) as service,
            Flood(service.edge.address, acknowledges=True) as flood,
        ):
            uri = f"sip:1@{EDGE_HOST}:{service.edge.port}"
            sent = await flood.run(lambda: flood.invite(uri), per_second=25, seconds=calls / 25 + 0.05)
            await nothing_left("the calls", lambda: range(sent * (LEGS + 1) - len(records(service))), 30)
            await nothing_left("their ends", lambda: unfinished(service), 30)
            waiting = pending(service)
            assert sum(waiting.values()) >= CALLBACKS
            assert len(waiting) == 3, "callbacks wait on each node"
            service.nodes[1].process.signal(signal.SIGKILL)
            await eventually("its callbacks to be another's", lambda: "node-2" not in pending(service), 30)
            await asyncio.sleep(120 if IS_FULL else 0)
            began = asyncio.get_running_loop().time()
            await receiver.open()
            await nothing_left("every callback", lambda: pending(service), 100)
            took = receiver.requests[-1].at - began
            children, ended = (judge(events_in(receiver.requests, path)) for path in ("child", "ended"))
            assert doubled(children) == doubled(ended) == 0
            assert len(receiver.requests) == sum(waiting.values())
            assert set(children) | set(ended) == set(records(service))
            measured(
                f"cluster: {len(receiver.requests)} callbacks of {dict(waiting)}, delivered in {took:.1f} s"
            )
    finally:
        await receiver.close()


def pending(service: Service) -> dict[str, int]:
    """Callbacks that wait, by node."""
    with psycopg.connect(service.url) as connection:
        return dict(connection.execute("SELECT node, count(*) FROM callbacks GROUP BY node").fetchall())


@pytest.mark.skipif(FAKETIME is None, reason="libfaketime is not installed (Debian: faketime)")
async def test_clocks_that_are_five_minutes_apart(
    application: Application, server: PostgresServer, tmp_path: Path
) -> None:
    """A registration, a digest, a retry and a takeover over nodes of which one believes it to be later."""
    webhook = application.webhook("clocks")
    webhook["ended"] = ""
    webhook["voice"] = response("<Gather timeout='60'/>")
    numbers = [{"number": "*", "voice_url": webhook.url("voice"), "status_callback": webhook.url("ended")}]
    service = Service(tmp_path, server, numbers)
    ahead, first = service.nodes[2], service.nodes[0]
    ahead.environ = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": "+300s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    async with service, RawPhone("bob", "127.0.0.21") as bob, RawPhone("carol", "127.0.0.22") as carol:
        assert "clock differs" in ahead.process.tail(1000)
        client = registrant(service, bob, "Secret-123456")
        status, made = await first.rest("POST", "Clients.json", Login="bob", Password="Secret-123456")
        assert status in {200, 201}, made
        for _ in range(3):  # each at another node
            assert (await client.register(f"<{bob.uri}>;expires=60")).status == 200
        webhook["voice"] = response("<Dial timeout='10'><Client>bob</Client></Dial>")
        for node in service.nodes:
            call = carol.invite(node.uri("1"), node.sip_address, body=sdp(9))
            callee = await bob.next_call()
            callee.answer()
            await call.gets("INVITE", 200)
            call.request("ACK")
            call.request("BYE")
            await callee.gets("BYE")
        await eventually(
            "the callbacks",
            lambda: len(reported(webhook, "ended")) == 3,
            seen=lambda: dict(reported(webhook, "ended")),
        )
        # A call of the node that is killed is ended, once, by one of the others, whatever it believes the time to be.
        webhook.requests.clear()
        webhook["voice"] = response("<Gather timeout='60'/>")
        call = carol.invite(first.uri("1"), first.sip_address, body=sdp(9))
        await call.gets("INVITE", 200)
        call.request("ACK")
        await eventually("its record", lambda: len(unfinished(service)) == 1)
        first.process.signal(signal.SIGKILL)
        await nothing_left("its end", lambda: unfinished(service), 12)
        await eventually(
            "its callback",
            lambda: len(reported(webhook, "ended")) == 1,
            seen=lambda: dict(reported(webhook, "ended")),
        )
        await asyncio.sleep(1)
        judge(reported(webhook, "ended"))
        assert doubled(reported(webhook, "ended")) == 0
        assert [state(service, each.name) for each in service.nodes] == ["dead", "up", "up"]


async def test_nodes_that_start_at_the_same_instant_on_an_empty_database(
    application: Application, server: PostgresServer, tmp_path: Path
) -> None:
    """They agree on one account and one number, though no configuration names the account."""
    webhook = application.webhook("first")
    numbers = [{"number": "*", "voice_url": webhook.url("voice")}]
    hosts = [f"127.0.0.{host}" for host in range(11, 14)]
    service = Service(tmp_path, server, numbers, hosts=hosts, has_edge=False)
    for node in service.nodes:
        node.account_sid = node.auth_token = ""
    async with service:
        with psycopg.connect(service.url) as connection:
            assert connection.execute("SELECT count(*) FROM accounts").fetchall() == [(1,)]
            assert connection.execute("SELECT count(*) FROM numbers").fetchall() == [(1,)]
        assert {state(service, each.name) for each in service.nodes} == {"up"}
