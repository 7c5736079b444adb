"""A supervisor at the console, in a real browser: a conference, a queue and a live call between real phones."""

from pathlib import Path

import pytest

from tests.scenarios.conftest import NodeFactory, PhoneFactory
from tests.scenarios.harness.application import response
from tests.scenarios.harness.browser_phone import CHROMIUM, FOLDER, NODE, missing, pictures
from tests.scenarios.harness.process import ManagedProcess
from tests.scenarios.harness.waiting import eventually
from tests.scenarios.test_conference import A, B, C, hears_exactly

STEPS = [
    "a queue was made",
    "a caller was taken out",
    "muted",
    "on hold",
    "coached",
    "taken out",
    "ended",
    "listening",
    "left",
    "nothing went wrong in the browser",
]
TIMEOUT_S = 200 if pictures() else 120
LABELS = ("first", "second", "third")


@pytest.mark.timeout(3 * TIMEOUT_S)
@pytest.mark.skipif(missing() is not None, reason=missing() or "")
async def test_a_supervisor_at_work(new_node: NodeFactory, phone: PhoneFactory, tmp_path: Path) -> None:
    """Each order of the pages is heard by the phones; a listener hears both parties and is heard by neither."""
    assert NODE is not None
    assert CHROMIUM is not None
    node, webhook = await new_node()
    webhook["taken"] = response("<Hangup/>")
    environ = {
        "CONSOLE_URL": f"{node.http_url}/console",
        "ACCOUNT_SID": node.account_sid,
        "AUTH_TOKEN": node.auth_token,
        "CHROMIUM": CHROMIUM,
        "FOLDER": str(tmp_path),
        "HOME": str(tmp_path),
        **pictures(),
        "ROOM": "Monday",
        "TAKEN_URL": webhook.url("taken"),
    }
    log = tmp_path / "browser.log"
    log.touch()

    def steps() -> list[str]:
        return log.read_text(encoding="utf-8").splitlines()

    def go(name: str) -> None:
        (tmp_path / f"go-{name}").touch()

    script = ManagedProcess("browser", [NODE, str(FOLDER / "console_rooms.mjs")], log, environ)
    phones = [await phone(name) for name in ("alice", "bob", "carol")]
    async with script:

        async def step(name: str) -> None:
            await eventually(
                name, lambda: name in steps() or script.returncode is not None, timeout=TIMEOUT_S
            )
            assert name in steps(), script.failure(f"the browser did not come to: {name}")

        await step("a queue was made")
        webhook["voice"] = response("<Enqueue>sales</Enqueue>")
        waiting = await (await phones[0].invite(node.uri("1000"))).answered()
        await step("a caller was taken out")
        await waiting.ended()

        calls = []
        for caller, label, hertz in zip(phones, LABELS, (A, B, C), strict=True):
            webhook["voice"] = response(
                f'<Dial><Conference beep="false" participantLabel="{label}" record="record-from-start" '
                'waitUrl="">Monday</Conference></Dial>'
            )
            call = await caller.invite(node.uri("1000"), say=hertz)
            calls.append(await call.answered())
        alice, bob, carol = calls
        await hears_exactly(bob, A, C)
        go("conference")
        await step("muted")
        await hears_exactly(bob, C)
        go("muted")
        await step("on hold")
        await hears_exactly(alice, C)
        go("hold")
        await step("coached")
        await hears_exactly(alice, B, C)
        await hears_exactly(bob, A)
        go("coached")
        await step("taken out")
        await carol.ended()
        await step("ended")
        await alice.ended()

        webhook["voice"] = response(f"<Dial><Sip>{phones[1].uri}</Sip></Dial>")
        talking = await phones[0].invite(node.uri("1000"), say=A)
        callee = await phones[1].next_call()
        await callee.answer(say=B)
        assert await talking.hears(B)
        go("listen")
        await step("listening")
        await hears_exactly(talking, B)
        await hears_exactly(callee, A)
        go("listening")
        await step("left")
        await talking.hang_up()
        await step(STEPS[-1])
        assert await script.wait(10) == 0
    assert steps() == STEPS
