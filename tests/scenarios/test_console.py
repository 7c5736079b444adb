"""The console in a real browser (Chromium, driven by Playwright), while a real call goes by."""

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.scenarios.conftest import NodeFactory, PhoneFactory
from tests.scenarios.harness.application import response
from tests.scenarios.harness.browser_phone import pictures
from tests.scenarios.harness.phone import Phone
from tests.scenarios.harness.process import ManagedProcess
from tests.scenarios.harness.waiting import WAIT_S, eventually

FOLDER = Path(__file__).with_name("browser")
NODE, CHROMIUM = shutil.which("node"), shutil.which("chromium") or shutil.which("chromium-browser")
STEPS = [
    "signed in",
    "open while it rings",
    "each arrow opens its message",
    "says why it ended",
    "its recording is heard",
    "found, and exported",
    "a revoked key is out",
    "a mistake is found at its place",
    "every page is accessible",
    "nothing went wrong in the browser",
]
TIMEOUT_S = 400 if pictures() else 150
ATTACK = '"<script>alert(1)</script>" <sip:mallory@127.0.0.1>'


@pytest.mark.timeout(2 * TIMEOUT_S)
async def test_a_person_watches_a_call(new_node: NodeFactory, phone: PhoneFactory, tmp_path: Path) -> None:
    """From the sign-in to the export; a caller's display name that is a script stays text."""
    if NODE is None or CHROMIUM is None or not (FOLDER / "node_modules/playwright-core").is_dir():
        pytest.skip("node, chromium or playwright-core is not installed (make test installs the last one)")
    node, webhook = await new_node()
    bob = await phone("bob")
    dial = f'<Dial record="record-from-answer-dual" timeout="20"><Sip>{bob.uri}</Sip></Dial>'
    webhook["voice"] = response(dial)
    environ = {
        "CONSOLE_URL": f"{node.http_url}/console",
        "ACCOUNT_SID": node.account_sid,
        "AUTH_TOKEN": node.auth_token,
        "CHROMIUM": CHROMIUM,
        "FOLDER": str(tmp_path),
        "HOME": str(tmp_path),
        **pictures(),
    }
    log = tmp_path / "browser.log"
    log.touch()
    script = ManagedProcess("browser", [NODE, str(FOLDER / "console.mjs")], log, environ)
    folder = tmp_path / "mallory"
    folder.mkdir()
    async with Phone("mallory", folder, identity=ATTACK) as mallory, script:

        async def step(name: str) -> None:
            await eventually(
                name, lambda: name in _lines(log) or script.returncode is not None, timeout=TIMEOUT_S
            )
            assert name in _lines(log), script.failure(f"the browser did not come to: {name}")

        await step("signed in")
        call = await mallory.invite(node.uri("1000"), say=440)
        ringing = await bob.next_call()
        await ringing.ring()
        await step("open while it rings")
        await ringing.answer(say=660)
        await step("each arrow opens its message")
        assert await call.hears(660, seconds=1.0)
        await call.hang_up()
        await ringing.ended()
        await step(STEPS[-1])
        assert await script.wait(10) == 0
    assert _lines(log) == STEPS
    assert len(_sip_messages(tmp_path / "call.pcap")) > 4


def _lines(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8").splitlines()


def _sip_messages(pcap: Path) -> list[str]:
    """The SIP messages that tshark finds, where it is installed."""
    tshark = shutil.which("tshark")
    if tshark is None:
        pytest.skip("tshark is not installed")
    command = [tshark, "-r", str(pcap), "-Y", "sip", "-T", "fields", "-e", "sip.Call-ID"]
    found = subprocess.run(command, capture_output=True, check=True, text=True, timeout=30)
    return found.stdout.split()


async def test_the_feed_over_http(new_node: NodeFactory, phone: PhoneFactory) -> None:
    """Server-sent events on the port of REST; what was missed comes after `Last-Event-ID`; a stop ends the stream."""
    node, webhook = await new_node()
    webhook["voice"] = response('<Reject reason="busy"/>')
    alice = await phone("alice")
    url = f"{node.http_url}/2010-04-01/Accounts/{node.account_sid}/Feed"
    auth = {"Authorization": aiohttp.encode_basic_auth(node.account_sid, node.auth_token)}
    async with aiohttp.ClientSession(headers=auth) as http:
        async with http.get(url) as feed:
            assert feed.headers["Content-Type"].startswith("text/event-stream")
            await alice.invite(node.uri("1"))
            first = await _event(feed)
            assert (first["type"], first["status"]) == ("call-started", "ringing")
        # The client has left; the rest of this call and another one pass meanwhile.
        call = await alice.invite(node.uri("2"))
        assert await call.ended() == 486
        async with http.get(url, headers={"Last-Event-ID": first["id"]}) as feed:
            missed = [await _event(feed) for _ in range(3)]
            ends = [each["sid"] for each in missed if each["type"] == "call-ended"]
            assert len(set(ends)) == 2
            assert [each["status"] for each in missed if each["type"] == "call-ended"] == ["busy", "busy"]
            assert await node.process.stop() == 0
            assert not [line async for line in feed.content if line.startswith(b"data")]


async def _event(feed: aiohttp.ClientResponse) -> dict[str, Any]:
    """The next event of a call's life, with its id."""
    found: dict[str, Any] = {}
    async with asyncio.timeout(WAIT_S):
        async for line in feed.content:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "id":
                found["id"] = value
            elif name == "data":
                found |= json.loads(value)
            elif not line.strip() and str(found.get("type", "")).startswith("call-"):
                return found
    raise AssertionError(f"the feed has ended; the last event was {found}")
