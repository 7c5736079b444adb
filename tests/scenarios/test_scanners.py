"""SIPVicious scans a node: it finds a SIP port, and neither a number, nor a client, nor a password.

Its tools send from 127.0.0.1, which the node here does not trust; who calls in earnest does so from another address.
"""

import asyncio
from pathlib import Path

import pytest

from tests.scenarios.conftest import Measured, NodeFactory
from tests.scenarios.harness.attack import under_attack
from tests.scenarios.harness.scanner import IS_THERE, scan

pytestmark = pytest.mark.skipif(not IS_THERE, reason="SIPVicious is not installed (`make scanner` does it)")

FRIEND = "127.0.0.65"
SETTINGS = {"node": {"drain_timeout_s": 0}, "sip": {"trusted_networks": ["127.0.0.64/26"]}}
EXTENSIONS = "98-103,1000,5000"
"""Among them one client (101), and numbers that the node answers for."""
EASY, HARD = "password1", "correct horse"
FOUND_NOTHING = "found nothing"


@pytest.mark.timeout(90)
async def test_scanners_learn_nothing(new_node: NodeFactory, measured: Measured, tmp_path: Path) -> None:
    """All three tools, each way they know. As proof that it can, svcrack finds a password that is guessed early.

    A password beyond the first ten guesses is not found though it is in the list: the source is refused by then.
    """
    node, webhook = await new_node(**SETTINGS)
    for login, password in (("100", EASY), ("101", HARD)):
        status, made = await node.rest("POST", "Clients.json", Login=login, Password=password)
        assert status == 201, made
    words = tmp_path / "words"
    words.write_text("\n".join(["123456", EASY, *(f"guess{index}" for index in range(40)), HARD]))
    target = f"udp://127.0.0.1:{node.sip_port}"
    where = ["-p", str(node.sip_port), "127.0.0.1"]

    async def crack(login: str) -> str:
        return await scan("svcrack", "-u", login, "-d", str(words), target, home=tmp_path)

    async with under_attack(node, webhook, measured, "SIPVicious", caller_host=FRIEND) as talking:
        maps = [scan("svmap", "-m", method, *where, home=tmp_path) for method in ("OPTIONS", "REGISTER")]
        wars = [
            scan("svwar", *options, "-e", EXTENSIONS, target, home=tmp_path)
            for options in (
                ["-m", "REGISTER"],
                ["-m", "REGISTER", "--force"],
                ["-m", "OPTIONS"],
                ["-m", "INVITE"],
                ["-m", "INVITE", "--force"],
            )
        ]
        said = await asyncio.gather(*maps, *wars)
        for each in said[:2]:
            assert f"127.0.0.1:{node.sip_port} | unknown" in each, each
        for each in said[2:]:
            assert FOUND_NOTHING in each, each
        assert EASY in await crack("100")
        for each in await asyncio.gather(crack("101"), crack("nobody")):
            assert FOUND_NOTHING in each, each
        assert len(webhook.all("voice")) == 1, "a scan reached the application"
        assert talking.callee.count("INVITE") == 1
