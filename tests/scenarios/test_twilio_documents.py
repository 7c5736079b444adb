"""Documents written by Twilio's own helper library run unchanged."""

from pathlib import Path

import numpy
from twilio.twiml.voice_response import Dial, Gather, VoiceResponse

from tests.scenarios.conftest import PhoneFactory, Server
from tests.scenarios.harness.application import Answer, Webhook
from tests.scenarios.harness.audio import silence, tone, write_wav
from tests.scenarios.harness.raw_phone import RawPhone, sdp
from tests.scenarios.harness.waiting import eventually


def _document(*verbs: Dial | Gather) -> VoiceResponse:
    document = VoiceResponse()
    for each in verbs:
        document.append(each)
    return document


def _wav(folder: Path, frequency: float, seconds: float = 0.6) -> Answer:
    samples = numpy.concatenate([tone(frequency, seconds), silence(0.1)])
    return Answer(write_wav(folder / "tone.wav", samples).read_bytes(), content_type="audio/wav")


async def test_dial_of_plain_text(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """`response.dial("sip:...")`."""
    alice, bob = await phone("alice"), await phone("bob")
    document = VoiceResponse()
    document.dial(bob.uri)
    webhook["voice"] = str(document)
    call = await alice.invite(server.uri)
    await (await bob.next_call()).answer(say=660)
    assert await call.hears(660)


async def test_dial_of_several(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """`dial.sip(...)` twice: both ring."""
    alice, bob, carol = await phone("alice"), await phone("bob"), await phone("carol")
    dial = Dial(action="after", timeout=10)
    dial.sip(bob.uri)
    dial.sip(carol.uri)
    webhook["voice"] = str(_document(dial))
    webhook["after"] = str(VoiceResponse())
    await alice.invite(server.uri)
    await (await bob.next_call()).refuse(486)
    await (await carol.next_call()).refuse(480)
    assert (await webhook.next("after"))["DialCallStatus"] == "busy"


async def test_credentials(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """`dial.sip(..., username=, password=)`."""
    alice = await phone("alice")
    async with RawPhone("gate") as gate:
        dial = Dial()
        dial.sip(gate.uri, username="alice", password="s3cret")
        webhook["voice"] = str(_document(dial))
        call = await alice.invite(server.uri)
        first = await gate.next_call()
        first.respond(first.invite, 401, [("WWW-Authenticate", 'Digest realm="r", nonce="n"')])
        await eventually("a second INVITE", lambda: first.count("INVITE") >= 2)
        again = [each for each in first.received if each.method == "INVITE"][-1]
        assert 'username="alice"' in (again["Authorization"] or "")
        first.respond(again, 200, body=sdp())
        await call.answered()


async def test_screening_url(server: Server, phone: PhoneFactory, webhook: Webhook, tmp_path: Path) -> None:
    """`dial.sip(..., url=, method=)`, and a screening document by the library."""
    alice, bob = await phone("alice"), await phone("bob")
    dial = Dial()
    dial.sip(bob.uri, url="screen", method="GET")
    screen = VoiceResponse()
    screen.play("whisper.wav")
    webhook["voice"], webhook["screen"] = str(_document(dial)), str(screen)
    webhook["whisper.wav"] = _wav(tmp_path, 880)
    call = await alice.invite(server.uri, say=440)
    ringing = await bob.next_call()
    await ringing.answer(say=660)
    assert await ringing.hears(880, seconds=0.3)
    assert await call.hears(660)


async def test_flags_of_dial(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """`answer_on_bridge=True, hangup_on_star=True, time_limit=60, caller_id=`."""
    alice, bob = await phone("alice"), await phone("bob")
    dial = Dial(
        action="after", answer_on_bridge=True, hangup_on_star=True, time_limit=60, caller_id="+15550142"
    )
    dial.sip(bob.uri)
    webhook["voice"] = str(_document(dial))
    webhook["after"] = str(VoiceResponse())
    call = await alice.invite(server.uri)
    ringing = await bob.next_call()
    assert ringing.invite.uri("From").startswith("sip:+15550142@")
    await ringing.ring()
    await call.ringing()
    await ringing.answer(say=660)
    assert await call.hears(660)
    await call.press("*")
    assert await ringing.ended() == 200
    assert (await webhook.next("after"))["DialCallStatus"] == "completed"


async def test_play_and_hangup(server: Server, phone: PhoneFactory, webhook: Webhook, tmp_path: Path) -> None:
    """`response.play(url, loop=2)`, `response.hangup()`."""
    alice = await phone("alice")
    document = VoiceResponse()
    document.play("tone.wav", loop=2)
    document.hangup()
    webhook["voice"], webhook["tone.wav"] = str(document), _wav(tmp_path, 700)
    call = await alice.invite(server.uri)
    assert await call.ended() == 200
    assert call.heard().seconds_of(700) >= 0.8, call.heard().score()


async def test_pause_and_redirect(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """`response.pause(length=1)`, `response.redirect(url, method="GET")`, `response.reject(reason="busy")`."""
    alice = await phone("alice")
    document, second = VoiceResponse(), VoiceResponse()
    document.pause(length=1)
    document.redirect("second?page=2", method="GET")
    second.reject(reason="busy")
    webhook["voice"], webhook["second"] = str(document), str(second)
    call = await alice.invite(server.uri)
    assert await call.ended() == 486
    request = await webhook.next("second")
    assert (request.method, request["page"]) == ("GET", "2")


async def test_gather(server: Server, phone: PhoneFactory, webhook: Webhook, tmp_path: Path) -> None:
    """`Gather(num_digits=3)` with a prompt in it, interrupted by the first key."""
    alice = await phone("alice")
    gather = Gather(action="digits", num_digits=3, timeout=5, finish_on_key="")
    gather.play("tone.wav", loop=20)
    webhook["voice"], webhook["digits"] = str(_document(gather)), str(VoiceResponse())
    webhook["tone.wav"] = _wav(tmp_path, 700)
    call = await alice.invite(server.uri, say=440)
    assert await call.hears(700, seconds=0.3)
    await call.press("1#3")
    assert (await webhook.next("digits"))["Digits"] == "1#3"
    assert await call.ended() == 200


async def test_record(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """`response.record(max_length=1, play_beep=False)`."""
    alice = await phone("alice")
    document = VoiceResponse()
    document.record(action="recorded", max_length=1, play_beep=False)
    webhook["voice"], webhook["recorded"] = str(document), str(VoiceResponse())
    call = await alice.invite(server.uri, say=440)
    recorded = await webhook.next("recorded")
    assert recorded["RecordingDuration"] == "1"
    assert recorded["RecordingUrl"].endswith(recorded["RecordingSid"])
    assert await call.ended() == 200


async def test_status_callbacks_on_several_nouns(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """`status_callback_method="GET"`, its own URL for each noun."""
    alice, bob, carol = await phone("alice"), await phone("bob"), await phone("carol")
    dial = Dial()
    for name, uri in (("bob", bob.uri), ("carol", carol.uri)):
        dial.sip(
            uri,
            status_callback=f"status-{name}",
            status_callback_method="GET",
            status_callback_event="completed",
        )
    webhook["voice"] = str(_document(dial))
    webhook["status-bob"] = webhook["status-carol"] = ""
    await alice.invite(server.uri)
    await (await bob.next_call()).refuse(603)
    await (await carol.next_call()).refuse(404)
    assert (await webhook.next("status-bob"))["CallStatus"] == "busy"
    assert (await webhook.next("status-carol"))["CallStatus"] == "failed"
