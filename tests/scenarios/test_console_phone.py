"""The phone of the console in a real browser, without the console's sign-in: both ways, to a plain SIP phone."""

from pathlib import Path

import pytest

from tests.scenarios.conftest import NodeFactory, PhoneFactory
from tests.scenarios.harness.application import response
from tests.scenarios.harness.audio import tone, write_wav
from tests.scenarios.harness.browser_phone import CHROMIUM, FOLDER, NODE, missing
from tests.scenarios.harness.phone import Phone
from tests.scenarios.harness.process import ManagedProcess
from tests.scenarios.harness.street import MICROPHONE_HZ
from tests.scenarios.harness.waiting import eventually

PASSWORD = "correct horse battery"
STEPS = [
    "registered",
    "in a call",
    "on hold",
    "resumed",
    "muted",
    "unmuted",
    "hung up",
    "answered",
    "transferred",
    "nothing went wrong in the browser",
]


@pytest.mark.timeout(120)
@pytest.mark.skipif(missing() is not None, reason=missing() or "")
async def test_a_person_at_the_phone(new_node: NodeFactory, phone: PhoneFactory, tmp_path: Path) -> None:
    """Calls a phone, holds, presses a key, mutes, hangs up; is called, answers, transfers the caller.

    What the other end hears is looked at in each state, the caller's devices and levels in the page.
    """
    assert NODE is not None
    assert CHROMIUM is not None
    node, webhook = await new_node()
    for login in ("alice", "carol"):
        await node.rest("POST", "Clients.json", Login=login, Password=PASSWORD)
    bob = await phone("bob")
    webhook["voice"] = response(f'<Dial action="after"><Sip>{bob.uri}</Sip></Dial>')
    webhook["after"] = response("<Hangup/>")
    microphone = write_wav(tmp_path / "microphone.wav", tone(MICROPHONE_HZ, 2.0, rate=48_000), rate=48_000)
    environ = {
        "CONSOLE_URL": f"{node.http_url}/console",
        "LOGIN": "alice",
        "PASSWORD": PASSWORD,
        "CHROMIUM": CHROMIUM,
        "MICROPHONE": str(microphone),
        "FOLDER": str(tmp_path),
        "HOME": str(tmp_path),
    }
    log = tmp_path / "browser.log"
    log.touch()

    def steps() -> list[str]:
        return log.read_text(encoding="utf-8").splitlines()

    script = ManagedProcess("browser", [NODE, str(FOLDER / "console_phone.mjs")], log, environ)
    address = f"127.0.0.1:{node.sip_port}"
    folder = tmp_path / "carol"
    folder.mkdir()
    carol = Phone(
        "carol",
        folder,
        identity=f"sip:carol@{address}",
        registrar=f"sip:{address}",
        username="carol",
        password=PASSWORD,
    )
    async with carol, script:
        assert await carol.registered() == 200

        def go(name: str) -> None:
            (tmp_path / f"go-{name}").touch()

        async def step(name: str) -> None:
            await eventually(name, lambda: name in steps() or script.returncode is not None, timeout=40)
            assert name in steps(), script.failure(f"the browser did not come to: {name}")

        call = await bob.next_call(timeout=40)
        await call.answer(say=440)
        await step("in a call")
        assert await call.hears(MICROPHONE_HZ)
        go("hold")
        await step("on hold")
        assert await call.hears_nothing()
        go("resume")
        await step("resumed")
        assert await call.hears(MICROPHONE_HZ)
        go("press")
        await step("muted")
        await call.pressed("7")
        assert await call.hears_nothing()
        go("unmute")
        await step("unmuted")
        assert await call.hears(MICROPHONE_HZ)
        go("hang-up")
        await step("hung up")
        await call.ended()
        assert (await webhook.next("after"))["From"] == "client:alice"
        webhook["voice"] = response("<Dial><Client>alice</Client></Dial>")
        caller = await bob.invite(node.uri("1000"), say=440)
        await step("answered")
        transferred = await carol.next_call()
        await transferred.answer(say=660)
        assert await caller.hears(660)
        await step(STEPS[-1])
        assert await script.wait(10) == 0
        await caller.hang_up()
    assert steps() == STEPS
