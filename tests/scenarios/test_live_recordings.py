"""Recordings of a live call: `<Start><Recording>`, and REST that begins, pauses, resumes and ends one."""

import asyncio
from pathlib import Path

from tests.scenarios.conftest import PhoneFactory, Server
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.audio import Heard
from tests.scenarios.harness.node import Node


async def _sound(node: Node, url: str, folder: Path, channel: int = 0) -> Heard:
    path = folder / "recording.wav"
    path.write_bytes(await node.download(f"{url}.wav"))
    return Heard.from_wav(path, channel=channel)


async def test_a_recording_over_rest_is_paused_and_ended(
    server: Server, phone: PhoneFactory, webhook: Webhook, tmp_path: Path
) -> None:
    """`skip` leaves the pause out; `Twilio.CURRENT` names the recording; it ends while the call goes on."""
    node, alice = server.node, await phone("alice")
    webhook["voice"] = response("<Say>Hello.</Say>", "<Pause length='60'/>")
    webhook["recorded"] = ""
    call = await alice.invite(server.uri, say=440)
    await call.answered()
    sid = (await webhook.next("voice"))["CallSid"]
    status, made = await node.rest(
        "POST",
        f"Calls/{sid}/Recordings.json",
        RecordingStatusCallback=webhook.url("recorded"),
        RecordingStatusCallbackEvent="in-progress completed",
    )
    assert (status, made["status"], made["source"], made["channels"]) == (
        201,
        "in-progress",
        "StartCallRecordingAPI",
        1,
    )
    await asyncio.sleep(1.5)
    current = f"Calls/{sid}/Recordings/Twilio.CURRENT.json"
    status, paused = await node.rest("POST", current, Status="paused", PauseBehavior="skip")
    assert (status, paused["status"], paused["sid"]) == (200, "paused", made["sid"])
    await call.say(880)
    await asyncio.sleep(1.5)
    await call.say(440)
    status, resumed = await node.rest(
        "POST", f"Calls/{sid}/Recordings/{made['sid']}.json", Status="in-progress"
    )
    assert (status, resumed["status"]) == (200, "in-progress")
    await asyncio.sleep(1.0)
    status, stopped = await node.rest("POST", current, Status="stopped")
    assert (status, stopped["status"]) == (200, "stopped")
    steps = [await webhook.next("recorded") for _ in range(2)]
    assert [each["RecordingStatus"] for each in steps] == ["in-progress", "completed"]
    heard = await _sound(node, steps[1]["RecordingUrl"], tmp_path)
    assert 2.0 <= heard.seconds <= 3.3, heard.score()
    assert heard.seconds_of(440) >= 1.5, heard.score()
    assert heard.seconds_of(880) <= 0.2, heard.score()
    assert (await node.rest("POST", current, Status="stopped"))[0] == 404
    over = await node.rest("POST", f"Calls/{sid}/Recordings/{made['sid']}.json", Status="paused")
    assert over[0] == 400
    assert (await node.call(sid))["status"] == "in-progress"
    await call.hang_up()
    await node.final(sid)
    assert (await node.rest("POST", f"Calls/{sid}/Recordings.json"))[0] == 400


async def test_a_recording_over_rest_of_what_the_party_hears(
    server: Server, phone: PhoneFactory, webhook: Webhook, tmp_path: Path
) -> None:
    """`RecordingTrack=outbound`: bob's 660 Hz, nothing of alice's 440."""
    node, alice, bob = server.node, await phone("alice"), await phone("bob")
    webhook["voice"] = response(f"<Dial><Sip>{bob.uri}</Sip></Dial>")
    webhook["recorded"] = ""
    call = await alice.invite(server.uri, say=440)
    await (await bob.next_call()).answer(say=660)
    assert await call.hears(660)
    sid = (await webhook.next("voice"))["CallSid"]
    callback = webhook.url("recorded")
    status, made = await node.rest(
        "POST", f"Calls/{sid}/Recordings.json", RecordingTrack="outbound", RecordingStatusCallback=callback
    )
    assert (status, made["channels"]) == (201, 1)
    await asyncio.sleep(1.5)
    await call.hang_up()
    heard = await _sound(node, (await webhook.next("recorded"))["RecordingUrl"], tmp_path)
    assert heard.seconds_of(660) >= 1.0, heard.score()
    assert heard.seconds_of(440) == 0, heard.score()


async def test_start_recording_goes_on_through_the_talk(
    server: Server, phone: PhoneFactory, webhook: Webhook, tmp_path: Path
) -> None:
    """Two channels by default: the caller left, the callee right; `<Stop>` by name ends it, the call goes on."""
    node = server.node
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(
        '<Start><Recording name="whole" recordingStatusCallback="recorded"/></Start>',
        f"<Dial><Sip>{bob.uri}</Sip></Dial>",
        '<Stop><Recording name="whole"/></Stop>',
        "<Play digits='1'/><Pause length='20'/>",
    )
    webhook["recorded"] = ""
    call = await alice.invite(server.uri, say=440)
    ringing = await bob.next_call()
    await ringing.answer(say=660)
    assert await call.hears(660, seconds=1.0)
    await ringing.hang_up()
    await call.pressed("1")
    done = await webhook.next("recorded")
    assert (done["RecordingStatus"], done["RecordingChannels"]) == ("completed", "2")
    assert done["RecordingSource"] == "StartCallRecordingTwiML"
    left = await _sound(node, done["RecordingUrl"], tmp_path)
    right = await _sound(node, done["RecordingUrl"], tmp_path, channel=1)
    assert left.seconds_of(440) >= 0.8, left.score()
    assert right.seconds_of(660) >= 0.8, right.score()
    await call.hang_up()
