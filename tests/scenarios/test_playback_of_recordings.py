"""What was recorded can be played by the URL that the application was sent; what could not be, breaks no call."""

import asyncio
from pathlib import Path

import pytest

from tests.scenarios.conftest import NodeFactory, PhoneFactory, Server
from tests.scenarios.harness.application import Answer, Webhook, response
from tests.scenarios.harness.audio import tone, write_wav


async def test_what_the_caller_said_is_played_back(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """`<Record>`, then `<Play>` of its RecordingUrl: the caller hears its own tone and no other."""
    alice = await phone("alice")
    webhook["voice"] = response('<Record action="recorded" maxLength="2" playBeep="false" timeout="0"/>')
    webhook["recorded"] = lambda request: response(f"<Play>{request['RecordingUrl']}</Play>")
    call = await alice.invite(server.uri, say=700)
    recorded = await webhook.next("recorded")
    assert recorded["RecordingDuration"] == "2"
    assert await call.hears(700, seconds=1.0)
    assert await call.ended() == 200


@pytest.mark.parametrize("trouble", ["unwritable", "full"])
async def test_a_disk_that_fails_costs_the_recording_and_not_the_call(
    new_node: NodeFactory, phone: PhoneFactory, trouble: str
) -> None:
    """`recordingStatus=failed`, a notification, nothing half-written to be fetched, and the next verb is heard."""
    alice = await phone("alice")
    node, webhook = await new_node()
    recordings = node.folder / "data" / "recordings"
    if trouble == "unwritable":
        recordings.write_text("a file where the directory should be", encoding="utf-8")
    else:
        recordings.mkdir(exist_ok=True)
        await mounted(recordings)
    try:
        webhook["voice"] = response(
            '<Record action="recorded" maxLength="3" timeout="0" playBeep="false" recordingStatusCallback="status"/>',
            "<Play>onward.wav</Play>",
        )
        tune = write_wav(node.folder / "onward.wav", tone(900, 1.0)).read_bytes()
        webhook["onward.wav"], webhook["status"] = Answer(tune, content_type="audio/wav"), ""
        call = await alice.invite(f"sip:1000@127.0.0.1:{node.sip_port}", say=700)
        status = await webhook.next("status")
        assert (status["RecordingStatus"], status["ErrorCode"]) == ("failed", "60030")
        assert await call.hears(900), "the document goes on"
        assert await call.ended() == 200
        assert webhook.all("recorded") == []
        code, page = await node.rest("GET", f"Calls/{status['CallSid']}/Notifications.json")
        assert (code, [each["error_code"] for each in page["notifications"]]) == (200, ["60030"])
        if trouble == "full":
            assert list(recordings.glob("RE*")) == []
    finally:
        if trouble == "full":
            await run("umount", "-l", str(recordings))


async def mounted(folder: Path) -> None:
    """A disk with room for 16 KiB at `folder`: a second of a recording."""
    if await run("mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)):
        pytest.skip("a small disk can be mounted by root alone")


async def run(*command: str) -> int:
    """The exit status of a command."""
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    return await process.wait()
