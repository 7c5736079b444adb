"""The page of a call in a real browser: its transcription, its conversation with an application, its conference."""

import contextlib
from pathlib import Path

import pytest

from tests.scenarios.conftest import NodeFactory, PhoneFactory
from tests.scenarios.harness.application import response
from tests.scenarios.harness.browser_phone import CHROMIUM, FOLDER, NODE, missing, pictures
from tests.scenarios.harness.process import ManagedProcess
from tests.scenarios.harness.spoken import speaks, word_files
from tests.scenarios.harness.stream_application import StreamApplication
from tests.scenarios.harness.waiting import eventually

STEPS = [
    "what was said is on the page",
    "the greeting is on the page",
    "the conversation is on the page",
    "the conference is a column",
    "nothing went wrong in the browser",
]
TIMEOUT_S = 120
ROOM = "Monday"


@speaks
@pytest.mark.timeout(3 * TIMEOUT_S)
@pytest.mark.skipif(missing() is not None, reason=missing() or "")
async def test_what_was_said_is_seen(new_node: NodeFactory, phone: PhoneFactory, tmp_path: Path) -> None:
    """While the call is up: what the caller said, what the node spoke, where it was interrupted, and the room."""
    assert NODE is not None
    assert CHROMIUM is not None
    book, stop = await word_files(tmp_path, "I would like to book a room.", "Stop it please.")
    node, webhook = await new_node()
    alice = await phone("alice")
    log = tmp_path / "browser.log"
    log.touch()

    def steps() -> list[str]:
        return log.read_text(encoding="utf-8").splitlines()

    async with StreamApplication() as application:
        webhook["voice"] = response(
            '<Start><Transcription name="log" track="inbound_track"/></Start>',
            "<Say>One moment.</Say>",
            '<Pause length="120"/>',
        )
        webhook["talk"] = response(
            '<Stop><Transcription name="log"/></Stop>',
            f'<Connect action="{webhook.url("room")}"><ConversationRelay url="{application.url}" '
            'welcomeGreeting="Hello!" speechTimeout="500"/></Connect>',
        )
        webhook["room"] = response(f'<Dial><Conference beep="false" waitUrl="">{ROOM}</Conference></Dial>')
        call = await (await alice.invite(node.uri("1000"))).answered()
        sid = (await webhook.next("voice"))["CallSid"]
        environ = {
            "CONSOLE_URL": f"{node.http_url}/console",
            "ACCOUNT_SID": node.account_sid,
            "AUTH_TOKEN": node.auth_token,
            "CHROMIUM": CHROMIUM,
            "HOME": str(tmp_path),
            "CALL_SID": sid,
            "ROOM": ROOM,
            **pictures(),
        }
        async with ManagedProcess(
            "browser", [NODE, str(FOLDER / "console_conversation.mjs")], log, environ
        ) as script:

            async def step(name: str) -> None:
                await eventually(
                    name, lambda: name in steps() or script.returncode is not None, timeout=TIMEOUT_S
                )
                assert name in steps(), script.failure(f"the browser did not come to: {name}")

            async def says(sentence: Path, name: str) -> None:
                """Until the page shows it: on a busy machine a phone's sound has gaps, and words are not understood."""
                for _ in range(5):
                    await alice.order("play", call=call.number, path=str(sentence))
                    with contextlib.suppress(AssertionError):
                        await eventually(
                            name, lambda: name in steps() or script.returncode is not None, timeout=8
                        )
                        break
                await step(name)

            await says(book, "what was said is on the page")
            status, _ = await node.rest("POST", f"Calls/{sid}.json", Url=webhook.url("talk"))
            assert status == 200
            socket = await application.next_socket(first="setup")
            await step("the greeting is on the page")
            before = call.heard().seconds_of_sound
            text = "Certainly. For how many nights would you like to stay with us in our old house by the sea, long?"
            await socket.send(type="text", token=text, last=True)
            await eventually(
                "speech", lambda: call.heard().seconds_of_sound >= before + 1.5, timeout=TIMEOUT_S
            )
            await says(stop, "the conversation is on the page")
            await socket.send(type="end")
            await step("the conference is a column")
            await call.hang_up()
            await step(STEPS[-1])
            assert await script.wait(10) == 0
    assert steps() == STEPS
