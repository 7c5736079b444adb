"""Screening: a document that runs on the called party's end before the two are joined."""

import json
from pathlib import Path

import numpy
import pytest

from tests.scenarios.conftest import PhoneFactory, Server
from tests.scenarios.harness.application import Answer, Webhook, response
from tests.scenarios.harness.audio import silence, tone, write_wav
from tests.scenarios.harness.node import Node

TARGET = '<Dial action="after"><Sip url="screen" statusCallback="status">{}</Sip></Dial>'


@pytest.fixture
def ready(webhook: Webhook, tmp_path: Path) -> Webhook:
    """An application with an `after`, a `status` and a prompt of 880 Hz."""
    webhook["after"] = response("<Hangup/>")
    webhook["status"] = ""
    samples = numpy.concatenate([tone(880, 0.6), silence(0.1)])
    wav = write_wav(tmp_path / "whisper.wav", samples).read_bytes()
    webhook["whisper.wav"] = Answer(wav, content_type="audio/wav")
    return webhook


async def test_whispering_then_joined(server: Server, phone: PhoneFactory, ready: Webhook) -> None:
    """ "privately play or say information to the called party": she alone hears it, the caller hears ringing."""
    alice, bob = await phone("alice"), await phone("bob")
    ready["voice"] = response(TARGET.format(bob.uri))
    ready["screen"] = response('<Play loop="2">whisper.wav</Play>')
    call = await alice.invite(server.uri, say=520)
    voice = await ready.next("voice")
    ringing = await bob.next_call()
    await ringing.ring()
    await ringing.answer(say=660, headers=[("X-Desk", "12"), ("Subject", "no")])
    screen = await ready.next("screen")
    assert screen.method == "POST"
    assert screen["SipHeader_X-Desk"] == "12"
    assert "SipHeader_Subject" not in screen
    assert screen["SipCallId"] == ringing.sip_call_id
    assert screen["ParentCallSid"] == voice["CallSid"]
    assert screen["CallSid"] != voice["CallSid"]
    assert (screen["Direction"], screen["CallStatus"]) == ("outbound-dial", "in-progress")
    assert await ringing.hears(880)
    assert await call.hears(660, seconds=1.0)
    assert await ringing.hears(520)
    assert call.heard().seconds_of(880) == 0, call.heard().score()
    assert call.heard().seconds_of(440, 480) > 0, "she heard ringing before"
    assert ringing.heard().seconds_of(440, 480) == 0, ringing.heard().score()
    await call.hang_up()
    after = await ready.next("after")
    assert after["DialCallStatus"] == "completed"
    assert json.loads(after["DialBranches"])[0]["screening"] == "accepted"


@pytest.mark.parametrize("verb", ["<Hangup/>", "<Reject/>"])
async def test_declined(server: Server, phone: PhoneFactory, ready: Webhook, verb: str) -> None:
    """Hangup or Reject declines: this leg gets BYE, `no-answer`, and the caller's document goes on."""
    alice, bob = await phone("alice"), await phone("bob")
    ready["voice"] = response(TARGET.format(bob.uri))
    ready["screen"] = response(verb)
    call = await alice.invite(server.uri)
    ringing = await bob.next_call()
    await ringing.answer()
    assert await ringing.ended() == 200
    after = await ready.next("after")
    assert (after["DialCallStatus"], after["DialBridged"]) == ("no-answer", "false")
    assert json.loads(after["DialBranches"])[0]["screening"] == "declined"
    assert (await ready.next("status"))["CallSid"] == after["DialCallSid"]
    assert await call.ended() == 200


async def test_hung_up_while_screening(server: Server, phone: PhoneFactory, ready: Webhook) -> None:
    """The called party hangs up in her document: `no-answer`, never `completed`, and the caller goes on."""
    alice, bob = await phone("alice"), await phone("bob")
    ready["voice"] = response(TARGET.format(bob.uri))
    ready["screen"] = response('<Pause length="20"/>')
    call = await alice.invite(server.uri)
    ringing = await bob.next_call()
    await ringing.answer()
    await ready.next("screen")
    await ringing.hang_up()
    assert (await ready.next("after"))["DialCallStatus"] == "no-answer"
    assert await call.ended() == 200


async def test_the_caller_gone_while_screening(server: Server, phone: PhoneFactory, ready: Webhook) -> None:
    """Everything rings off at once; `canceled`."""
    alice, bob = await phone("alice"), await phone("bob")
    ready["voice"] = response(TARGET.format(bob.uri))
    ready["screen"] = response('<Pause length="20"/>')
    call = await alice.invite(server.uri)
    ringing = await bob.next_call()
    await ringing.answer()
    await ready.next("screen")
    await call.hang_up()
    assert await ringing.ended(2) == 200
    assert (await ready.next("after"))["DialCallStatus"] == "canceled"


async def test_others_ring_on_until_somebody_accepts(
    server: Server, phone: PhoneFactory, ready: Webhook
) -> None:
    """Bob answers and is screened; Carol's phone goes on ringing; Bob declines; Carol accepts and is joined."""
    alice, bob, carol = await phone("alice"), await phone("bob"), await phone("carol")
    ready["voice"] = response(
        f'<Dial action="after"><Sip url="screen-bob">{bob.uri}</Sip><Sip url="screen-carol">{carol.uri}</Sip></Dial>'
    )
    ready["screen-bob"] = response('<Pause length="1"/>', "<Hangup/>")
    ready["screen-carol"] = response("<Play>whisper.wav</Play>")
    call = await alice.invite(server.uri, say=440)
    one, other = await bob.next_call(), await carol.next_call()
    await other.ring()
    await one.answer()
    await ready.next("screen-bob")
    assert not other.ended_at
    assert await one.ended() == 200
    assert not other.ended_at, "a decline ends that leg only"
    await other.answer(say=660)
    assert await other.hears(440)
    assert await call.hears(660)
    await call.hang_up()
    branches = json.loads((await ready.next("after"))["DialBranches"])
    assert [each["screening"] for each in branches] == ["declined", "accepted"]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=500),
        Answer(body="<Response><Dail/></Response>"),
        Answer(body="nonsense", content_type="image/png"),
    ],
)
async def test_a_screening_that_fails_declines(
    server: Server, phone: PhoneFactory, ready: Webhook, answer: Answer
) -> None:
    """An HTTP failure or bad document declines; no party is joined unscreened."""
    alice, bob = await phone("alice"), await phone("bob")
    ready["voice"] = response(TARGET.format(bob.uri))
    ready["screen"] = answer
    await alice.invite(server.uri)
    ringing = await bob.next_call()
    await ringing.answer()
    assert await ringing.ended() == 200
    assert (await ready.next("after"))["DialCallStatus"] == "no-answer"


@pytest.mark.parametrize(("body", "is_joined"), [("", True), ("<Hangup/>", False)])
async def test_the_fallback_decides_in_place_of_a_screening_that_fails(
    fallback_node: tuple[Node, Webhook], phone: PhoneFactory, body: str, *, is_joined: bool
) -> None:
    """ "An HTTP failure or bad document declines after the fallback": it is asked with the child's parameters."""
    node, webhook = fallback_node
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(TARGET.format(bob.uri))
    webhook["screen"] = Answer(status=500)
    webhook["status"], webhook["after"] = "", response("<Hangup/>")
    webhook["fallback"] = response(body)
    call = await alice.invite(node.uri("1"))
    ringing = await bob.next_call()
    await ringing.answer(say=660)
    asked, screen = await webhook.next("fallback"), await webhook.next("screen")
    assert (asked["ErrorCode"], asked["ErrorUrl"]) == ("11200", webhook.url("screen"))
    assert asked["CallSid"] == screen["CallSid"]
    if is_joined:
        assert await call.hears(660)
        await call.hang_up()
    assert await ringing.ended() == 200
    outcome = (await webhook.next("after"))["DialCallStatus"]
    assert outcome == ("completed" if is_joined else "no-answer")


async def test_the_called_party_leaves_a_message_while_screened(
    server: Server, phone: PhoneFactory, ready: Webhook
) -> None:
    """Record works there as anywhere: what the called party said, under its own call; its action decides."""
    alice, bob = await phone("alice"), await phone("bob")
    ready["voice"] = response(TARGET.format(bob.uri))
    ready["screen"] = response('<Record action="said" maxLength="1" playBeep="false"/>')
    ready["said"] = response()
    call = await alice.invite(server.uri, say=440)
    ringing = await bob.next_call()
    await ringing.answer(say=660)
    said = await ready.next("said")
    assert said["RecordingDuration"] == "1"
    assert said["CallSid"] == (await ready.next("screen"))["CallSid"]
    assert await call.hears(660)
    await call.hang_up()


async def test_a_dial_in_screening_is_an_error(server: Server, phone: PhoneFactory, ready: Webhook) -> None:
    """ "RCML documents executed in this manner are not allowed to contain the verb" Dial: 13201, declined."""
    alice, bob, carol = await phone("alice"), await phone("bob"), await phone("carol")
    ready["voice"] = response(TARGET.format(bob.uri))
    ready["screen"] = response(f"<Dial><Sip>{carol.uri}</Sip></Dial>")
    await alice.invite(server.uri)
    ringing = await bob.next_call()
    await ringing.answer()
    assert await ringing.ended() == 200
    after = await ready.next("after")
    assert after["DialCallStatus"] == "no-answer"
    assert not carol.was_called()
    codes = []
    for sid in (after["CallSid"], after["DialCallSid"]):
        _, page = await server.node.rest("GET", f"Calls/{sid}/Notifications.json")
        codes += [each["error_code"] for each in page["notifications"]]
    assert "13201" in codes


async def test_redirect_goes_on_screening(server: Server, phone: PhoneFactory, ready: Webhook) -> None:
    """Redirect, GET and a document over several pages work there as anywhere."""
    alice, bob = await phone("alice"), await phone("bob")
    ready["voice"] = response(f'<Dial><Sip url="screen" method="GET">{bob.uri}</Sip></Dial>')
    ready["screen"] = response("<Redirect>second</Redirect>")
    ready["second"] = response("<Play>whisper.wav</Play>")
    call = await alice.invite(server.uri, say=440)
    ringing = await bob.next_call()
    await ringing.answer()
    first, second = await ready.next("screen"), await ready.next("second")
    assert first.method == "GET"
    assert second["CallSid"] == first["CallSid"]
    assert await ringing.hears(440)
    await call.hang_up()


async def test_gather_decides(server: Server, phone: PhoneFactory, ready: Webhook) -> None:
    """The complex example of the page: Gather asks for a key, its action accepts or hangs up."""
    alice, bob = await phone("alice"), await phone("bob")
    ready["voice"] = response(f'<Dial><Sip url="screen">{bob.uri}</Sip></Dial>')
    ready["screen"] = response(
        '<Gather action="key" numDigits="1" timeout="8"><Play>whisper.wav</Play></Gather>', "<Hangup/>"
    )
    ready["key"] = lambda request: response() if request["Digits"] == "1" else response("<Hangup/>")
    call = await alice.invite(server.uri, say=440)
    ringing = await bob.next_call()
    await ringing.answer(say=660)
    assert await ringing.hears(880)
    await ringing.press("1")
    key = await ready.next("key")
    assert key["Digits"] == "1"
    assert await call.hears(660)
    assert await ringing.hears(440)
    await call.hang_up()
    await ringing.ended()
    call = await alice.invite(server.uri)
    ringing = await bob.next_call()
    await ringing.answer()
    await ringing.hears(880)
    await ringing.press("2")
    assert await ringing.ended() == 200
    assert await call.ended() == 200
