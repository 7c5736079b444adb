"""The console by keyboard, in a real browser: what REST keeps, a document tried on a phone, and what went wrong."""

import json
from pathlib import Path

import pytest

from tests.scenarios.conftest import NodeFactory, PhoneFactory
from tests.scenarios.harness.browser_phone import CHROMIUM, FOLDER, NODE, missing, pictures
from tests.scenarios.harness.process import ManagedProcess
from tests.scenarios.harness.waiting import eventually

KEPT = {
    "numbers": ("IncomingPhoneNumbers", "incoming_phone_numbers", "friendly_name", "Front desk"),
    "clients": ("Clients", "clients", "friendly_name", "Carol of the night shift"),
    "trunks": ("Trunks", "trunks", "priority", 7),
    "applications": ("Applications", "applications", "friendly_name", "main menu"),
}
STEPS = [
    *(f"{each} are made and changed" for each in KEPT),
    "a document is tried",
    "a colleague opens the link",
    "what went wrong is read",
    "nothing went wrong in the browser",
]
TIMEOUT_S = 300 if pictures() else 120


@pytest.mark.timeout(3 * TIMEOUT_S)
@pytest.mark.skipif(missing() is not None, reason=missing() or "")
async def test_an_administrator_without_a_mouse(
    new_node: NodeFactory, phone: PhoneFactory, tmp_path: Path
) -> None:
    """Each resource is made, refused, changed and deleted; REST has what was typed, and nothing of it at the end."""
    assert NODE is not None
    assert CHROMIUM is not None
    node, webhook = await new_node()
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = "not markup at all"
    await (await alice.invite(node.uri("1000"))).ended()
    environ = {
        "CONSOLE_URL": f"{node.http_url}/console",
        "ACCOUNT_SID": node.account_sid,
        "AUTH_TOKEN": node.auth_token,
        "CHROMIUM": CHROMIUM,
        "FOLDER": str(tmp_path),
        "HOME": str(tmp_path),
        "PHONE_URI": bob.uri,
        **pictures(),
    }
    log = tmp_path / "browser.log"
    log.touch()

    def steps() -> list[str]:
        return log.read_text(encoding="utf-8").splitlines()

    async def records(kind: str) -> list[object]:
        path, key, field, _ = KEPT[kind]
        status, page = await node.rest("GET", f"{path}.json")
        assert status == 200
        return [each[field] for each in page[key] if each.get("origin") != "configuration"]

    async with ManagedProcess("browser", [NODE, str(FOLDER / "console_setup.mjs")], log, environ) as script:

        async def step(name: str) -> None:
            await eventually(
                name, lambda: name in steps() or script.returncode is not None, timeout=TIMEOUT_S
            )
            assert name in steps(), script.failure(f"the browser did not come to: {name}")

        for kind, (_, _, _, value) in KEPT.items():
            await step(f"{kind} are made and changed")
            assert await records(kind) == [value]
            (tmp_path / f"go-{kind}").touch()
        call = await bob.next_call(timeout=TIMEOUT_S)
        await call.answer()
        await call.pressed("1")
        await step("a document is tried")
        (tmp_path / "go-tried").touch()
        await call.hang_up()
        await step(STEPS[-1])
        assert await script.wait(10) == 0
    assert steps() == STEPS
    assert [await records(kind) for kind in KEPT] == [[]] * len(KEPT)
    events = json.loads((tmp_path / "call.json").read_text(encoding="utf-8"))["events"]
    assert {"sip", "document", "verb", "status"} <= {each["kind"] for each in events}
