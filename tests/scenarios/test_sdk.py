"""Twilio's own SDKs, unmodified but for the base URL, run one script against the product: in Python and in Node."""

import asyncio
import shutil
import sys
from pathlib import Path

import pytest

from tests.scenarios.conftest import NodeFactory, PhoneFactory
from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.process import ManagedProcess

SCRIPTS = Path(__file__).with_name("sdk")
NODE = shutil.which("node")
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


@pytest.mark.timeout(90)
@pytest.mark.parametrize("language", ["python", "node"])
async def test_an_application_of_twilios_moves_here(
    new_node: NodeFactory, phone: PhoneFactory, tmp_path: Path, language: str
) -> None:
    """Numbers, a call from its creation to its recording, lists, errors, signed callbacks: the same steps in each."""
    command = [sys.executable, str(SCRIPTS / "script.py")]
    if language == "node":
        if NODE is None:
            pytest.skip("node is not installed (Debian: nodejs, npm)")
        if not (SCRIPTS / "node_modules/twilio").is_dir():
            pytest.skip(
                "Twilio's Node SDK is not installed (make test installs it with npm; by hand: npm ci)"
            )
        command = [NODE, str(SCRIPTS / "script.js")]
    node, _ = await new_node()
    bob = await phone("bob")
    environ = {
        "BASE_URL": node.http_url,
        "ACCOUNT_SID": node.account_sid,
        "AUTH_TOKEN": node.auth_token,
        "PHONE": bob.uri,
        "PORT": str(free_port()),
    }
    log = tmp_path / "script.log"
    async with ManagedProcess(language, command, log, environ) as script:
        answering = asyncio.create_task(bob.next_call(timeout=40))
        ending = asyncio.create_task(script.wait(60))
        await asyncio.wait([answering, ending], return_when=asyncio.FIRST_COMPLETED)
        if answering.done():
            ringing = await answering
            await ringing.ring()
            await ringing.answer(say=440)
        else:
            answering.cancel()
        assert await ending == 0, script.failure("the script failed")
    assert log.read_text(encoding="utf-8").splitlines() == STEPS
