"""Twilio's own SDKs, unmodified but for the base URL, run one script against the product: in Python and in Node."""

import asyncio
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.scenarios.conftest import NodeFactory, PhoneFactory
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.phone import Phone
from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.process import ManagedProcess

SCRIPTS = Path(__file__).with_name("sdk")
NODE = shutil.which("node")
Script = Callable[[str, Node, Phone], ManagedProcess]
STEPS = [
    "application",
    "number",
    "created",
    "watched",
    "redirected",
    "hung up",
    "key",
    "listed and paged",
    "recording",
    "callbacks",
]
TOGETHER = [
    "called into a room",
    "participants",
    "recording of a room",
    "end of a room",
    "queue",
    "sip",
    "token",
]


@pytest.fixture(params=["python", "node"])
def script(request: pytest.FixtureRequest, tmp_path: Path) -> Script:
    """Start a script in each language; its lines are in `script.log` of the test's folder."""
    if request.param == "node" and NODE is None:
        pytest.skip("node is not installed (Debian: nodejs, npm)")
    if request.param == "node" and not (SCRIPTS / "node_modules/twilio").is_dir():
        pytest.skip("Twilio's Node SDK is not installed (make test installs it with npm; by hand: npm ci)")

    def start(name: str, node: Node, phone: Phone) -> ManagedProcess:
        commands = {
            "python": [sys.executable, str(SCRIPTS / f"{name}.py")],
            "node": [NODE or "", str(SCRIPTS / f"{name}.js")],
        }
        environ = {
            "BASE_URL": node.http_url,
            "ACCOUNT_SID": node.account_sid,
            "AUTH_TOKEN": node.auth_token,
            "PHONE": phone.uri,
            "PORT": str(free_port()),
        }
        return ManagedProcess(request.param, commands[request.param], tmp_path / "script.log", environ)

    return start


@pytest.mark.timeout(90)
async def test_an_application_of_twilios_moves_here(
    new_node: NodeFactory, phone: PhoneFactory, script: Script, tmp_path: Path
) -> None:
    """Numbers, a call from its creation to its recording, lists, errors, signed callbacks: the same steps in each."""
    node, _ = await new_node()
    bob = await phone("bob")
    async with script("script", node, bob) as running:
        await _answer(bob, running)
    assert (tmp_path / "script.log").read_text(encoding="utf-8").splitlines() == STEPS


@pytest.mark.timeout(90)
async def test_conferences_queues_and_sip_resources(
    new_node: NodeFactory, phone: PhoneFactory, script: Script, tmp_path: Path
) -> None:
    """Every operation of the resources for what belongs together, by both libraries, unchanged."""
    node, _ = await new_node()
    bob = await phone("bob")
    async with script("together", node, bob) as running:
        await _answer(bob, running)
    assert (tmp_path / "script.log").read_text(encoding="utf-8").splitlines() == TOGETHER


async def _answer(phone: Phone, script: ManagedProcess) -> None:
    """The phone answers every call until the script has ended well."""

    async def answer() -> None:
        while True:
            ringing = await phone.next_call(timeout=60)
            await ringing.ring()
            await ringing.answer(say=440)

    answering = asyncio.create_task(answer())
    try:
        assert await script.wait(70) == 0, script.failure("the script failed")
    finally:
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)
