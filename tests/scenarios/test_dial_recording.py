"""`record` of Dial in all its modes, what the action gets of it, and its callbacks."""

import asyncio
from pathlib import Path

import pytest

from tests.scenarios.conftest import PhoneFactory, Server
from tests.scenarios.harness.application import Request, Webhook, response
from tests.scenarios.harness.audio import Heard

DIAL = '<Dial action="after" record="{mode}" recordingStatusCallback="recorded"{more}><Sip>{uri}</Sip></Dial>'


async def _recording(server: Server, reported: Request, folder: Path) -> Path:
    """The file of the recording that a request names."""
    path = folder / "recording.wav"
    path.write_bytes(await server.node.download(reported["RecordingUrl"] + ".wav"))
    return path


@pytest.mark.parametrize("mode", ["false", "do-not-record"])
async def test_nothing_is_recorded(server: Server, phone: PhoneFactory, webhook: Webhook, mode: str) -> None:
    """No file, no parameters, no callback."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(DIAL.format(mode=mode, more="", uri=bob.uri))
    webhook["after"], webhook["recorded"] = response("<Hangup/>"), ""
    call = await alice.invite(server.uri, say=440)
    ringing = await bob.next_call()
    await ringing.answer()
    assert await ringing.hears(440)
    await ringing.hang_up()
    after = await webhook.next("after")
    assert not [name for name in after.parameters if name.startswith("Recording")]
    await call.ended()
    await webhook.never("recorded", within=0.3)
    status, page = await server.node.rest("GET", f"Calls/{after['CallSid']}/Recordings.json")
    assert (status, page["recordings"]) == (200, [])


async def test_from_the_first_ringing_on_two_channels(
    server: Server, phone: PhoneFactory, webhook: Webhook, tmp_path: Path
) -> None:
    """`record-from-ringing-dual`: what the caller says while it rings is there, the callee from its answer on."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(DIAL.format(mode="record-from-ringing-dual", more="", uri=bob.uri))
    webhook["after"], webhook["recorded"] = response("<Hangup/>"), ""
    call = await alice.invite(server.uri, say=520)
    ringing = await bob.next_call()
    await ringing.ring()
    await call.answered()
    await asyncio.sleep(1.5)
    await ringing.answer(say=660)
    assert await ringing.hears(520, seconds=1.0)
    await ringing.hang_up()
    after = await webhook.next("after")
    assert after["DialCallStatus"] == "completed"
    recorded = await webhook.next("recorded")
    assert (recorded["RecordingChannels"], recorded["RecordingSource"]) == ("2", "DialVerb")
    path = await _recording(server, after, tmp_path)
    left, right = Heard.from_wav(path), Heard.from_wav(path, channel=1)
    talk = right.seconds_of(660)
    assert talk >= 0.8, right.score()
    assert left.seconds_of(520) >= talk + 1.0, (left.score(), right.score())
    assert left.seconds_of(660) == 0, left.score()


async def test_from_the_first_ringing_without_an_answer(
    server: Server, phone: PhoneFactory, webhook: Webhook, tmp_path: Path
) -> None:
    """`record-from-ringing`: the action names a recording even of a Dial that joined no party."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(DIAL.format(mode="record-from-ringing", more="", uri=bob.uri))
    webhook["after"], webhook["recorded"] = response("<Hangup/>"), ""
    call = await alice.invite(server.uri, say=520)
    ringing = await bob.next_call()
    await ringing.ring()
    await call.answered()
    await asyncio.sleep(1.2)
    await ringing.refuse(486)
    after = await webhook.next("after")
    assert (after["DialCallStatus"], after["DialBridged"]) == ("busy", "false")
    assert int(after["RecordingDuration"]) >= 1
    recorded = await webhook.next("recorded")
    assert recorded["RecordingSid"] == after["RecordingSid"]
    mixed = Heard.from_wav(await _recording(server, after, tmp_path))
    assert mixed.seconds_of(520) >= 0.8, mixed.score()


async def test_callbacks_by_get_for_each_event(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """`recordingStatusCallbackMethod`, `recordingStatusCallbackEvent`: in order, as Twilio's."""
    alice, bob = await phone("alice"), await phone("bob")
    more = ' recordingStatusCallbackMethod="GET" recordingStatusCallbackEvent="in-progress, completed absent"'
    webhook["voice"] = response(DIAL.format(mode="record-from-answer", more=more, uri=bob.uri))
    webhook["after"], webhook["recorded"] = response("<Hangup/>"), ""
    await alice.invite(server.uri, say=440)
    ringing = await bob.next_call()
    await ringing.answer()
    begun = await webhook.next("recorded")
    assert (begun.method, begun["RecordingStatus"]) == ("GET", "in-progress")
    assert "RecordingDuration" not in begun
    assert await ringing.hears(440, seconds=1.0)
    await ringing.hang_up()
    ended = await webhook.next("recorded")
    after = await webhook.next("after")
    assert (ended.method, ended["RecordingStatus"]) == ("GET", "completed")
    assert {begun["RecordingSid"], ended["RecordingSid"]} == {after["RecordingSid"]}
    assert ended["CallSid"] == after["CallSid"]
    assert ended["RecordingUrl"] == after["RecordingUrl"]
    assert ended["RecordingStartTime"].endswith("+0000")
    assert ended["Timestamp"].endswith("+0000")


async def test_a_recording_of_silence_is_absent(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """Neither said a word: `absent`, if it is asked for; the default, `completed`, is not sent."""
    alice, bob = await phone("alice"), await phone("bob")
    more = ' recordingStatusCallbackEvent="absent"'
    webhook["voice"] = response(DIAL.format(mode="true", more=more, uri=bob.uri))
    webhook["after"], webhook["recorded"] = response("<Hangup/>"), ""
    call = await alice.invite(server.uri)
    ringing = await bob.next_call()
    await ringing.answer()
    await call.answered()
    await asyncio.sleep(0.8)
    await ringing.hang_up()
    reported = await webhook.next("recorded")
    assert reported["RecordingStatus"] == "absent"
    await call.ended()
    assert len(webhook.all("recorded")) == 1
