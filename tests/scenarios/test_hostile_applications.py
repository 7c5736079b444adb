"""Applications that answer badly, or not at all: no call gets stuck, no final callback is lost or sent twice."""

import asyncio
import os
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from aiohttp import web

from tests.scenarios.conftest import Measured, NodeFactory
from tests.scenarios.harness.application import Application, response
from tests.scenarios.harness.flood import Flood
from tests.scenarios.harness.hostile_server import BEHAVIOURS, HostileServer
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.raw_phone import RawPhone, sdp
from tests.scenarios.harness.waiting import eventually

TIMEOUT_S = 1
HURRIED = {"drain_timeout_s": 0}
MAX_MEMORY_KB = 64 * 1024
CALLBACKS = int(os.environ.get("CALLBACKS", "1000"))
"""How many are refused before the application is back (`make outage`: ten thousand, for a minute at least)."""
RATE = 300 if CALLBACKS <= 1000 else 100
OUTAGE_S = 60 * CALLBACKS / 10_000
EVENT_ID = "X-CallAPI-Event-Id"
LOOPBACKS = ("127.0.0.1", "localhost", "127.1", "2130706433", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]")


async def test_bad_answers_end_the_call(application: Application, tmp_path: Path, measured: Measured) -> None:
    """Every call ends soon after the time limit, with one notification and one final callback."""
    webhook = application.webhook(tmp_path.name)
    webhook["ended"] = ""
    async with HostileServer() as server:
        urls = {name: server.url(name) for name in BEHAVIOURS}
        urls["tls"] = server.url("silent", scheme="https")
        urls["down"] = f"http://127.0.0.1:{free_port()}/"
        urls["nowhere"] = "http://no-such-host.invalid/"
        numbers = [
            {"number": name, "voice_url": url, "status_callback": webhook.url("ended")}
            for name, url in urls.items()
        ]
        settings = {"webhooks": {"timeout_s": TIMEOUT_S}, "node": HURRIED}
        async with Node(tmp_path, numbers=numbers, settings=settings) as node, RawPhone("alice") as alice:
            before = node.census()
            calls = {name: alice.invite(node.uri(name), node.sip_address, body=sdp()) for name in urls}
            for name, call in calls.items():
                await eventually(f"the end of {name}", partial(getattr, call, "final_status"), TIMEOUT_S + 4)
                assert call.final_status >= 400, name
            await eventually("the callbacks", lambda: len(webhook.all("ended")) >= len(urls))
            grown = node.census().memory_kb - before.memory_kb
            measured(f"hostile applications: {len(urls)} ways to answer badly, {grown} KB more")
            assert grown < MAX_MEMORY_KB
            _, page = await node.rest("GET", "Notifications.json", PageSize="200")
            problems = Counter(each["call_sid"] for each in page["notifications"])
            await webhook.never("ended", within=0.5)
            for each in webhook.all("ended"):
                assert problems[each["CallSid"]] >= 1
            assert (
                len({each["CallSid"] for each in webhook.all("ended")})
                == len(webhook.all("ended"))
                == len(urls)
            )
            record = await node.calls(Status="in-progress")
            assert not record


@pytest.mark.timeout(60 + CALLBACKS // 50)
@pytest.mark.timing
async def test_callbacks_outlive_an_outage(new_node: NodeFactory, measured: Measured) -> None:
    """Final callbacks, refused one and all for a while: each comes through, once, after the application is back."""
    port = free_port()
    reported: list[tuple[str, str]] = []

    async def report(request: web.Request) -> web.Response:
        form = await request.post()
        reported.append((str(form["CallSid"]), request.headers[EVENT_ID]))
        return web.Response()

    node, webhook = await new_node(
        {"status_callback": f"http://127.0.0.1:{port}/ended"}, node=HURRIED, webhooks={"timeout_s": TIMEOUT_S}
    )
    webhook["voice"] = response("<Reject/>")
    before, began = node.census(), time.monotonic()
    async with Flood(node.sip_address, acknowledges=True) as flood:
        sent = await flood.run(
            lambda: flood.invite(node.uri("1")), per_second=RATE, seconds=1.02 * CALLBACKS / RATE
        )
        # A machine that others use may shed one or the other call; those that it takes count.
        await eventually("the end of the calls", lambda: flood.statuses[603] >= 0.9 * CALLBACKS, 60)
    await asyncio.sleep(max(0.0, began + OUTAGE_S - time.monotonic()))
    asked = {each["CallSid"] for each in webhook.all("voice")}
    waiting = node.census().memory_kb - before.memory_kb
    assert waiting < MAX_MEMORY_KB, f"{waiting} KB more while they wait"
    receiver = web.Application()
    receiver.router.add_post("/ended", report)
    runner = web.AppRunner(receiver, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await eventually("every callback", lambda: len(reported) >= len(asked), 15 + CALLBACKS / 100)
        await asyncio.sleep(0.5)
        grown = node.census().memory_kb - before.memory_kb
        measured(f"hostile applications: {len(reported)} callbacks after an outage, {waiting} KB more in it")
        assert len(reported) == len({event for _, event in reported}) == len(asked) <= sent
        assert {sid for sid, _ in reported} == asked
        assert grown < MAX_MEMORY_KB
    finally:
        await runner.cleanup()


async def test_nothing_private_is_asked(tmp_path: Path) -> None:
    """With `allow_private_networks = false` no notation of the loopback is connected to, in any place."""
    async with HostileServer() as server:
        urls = {str(number): server.url("error", host=host) for number, host in enumerate(LOOPBACKS)}
        numbers = [
            {"number": number, "voice_url": url, "voice_fallback_url": url, "status_callback": url}
            for number, url in urls.items()
        ]
        settings = {
            "webhooks": {"timeout_s": TIMEOUT_S, "allow_private_networks": False},
            "node": HURRIED,
        }
        async with Node(tmp_path, numbers=numbers, settings=settings) as node, RawPhone("alice") as alice:
            for number, url in urls.items():
                call = alice.invite(node.uri(number), node.sip_address, body=sdp())
                await eventually(f"the end of {url}", partial(getattr, call, "final_status"))
                assert call.final_status >= 400
            url = server.url("error")
            status, made = await node.rest(
                "POST", "Calls.json", From="1", To=alice.uri, Url=url, StatusCallback=url
            )
            assert status == 201, made
            placed = await alice.next_call()
            placed.answer()
            await placed.gets("BYE")
            _, page = await node.rest("GET", "Notifications.json")
            assert len({each["call_sid"] for each in page["notifications"]}) == len(urls) + 1
            await asyncio.sleep(0.2)
        assert not server.asked
