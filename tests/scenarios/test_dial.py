"""Every attribute of Dial, in the order of its table, and the rules of its outcome."""

import asyncio
import json
import time
from contextlib import AsyncExitStack
from pathlib import Path

import numpy
import pytest

from tests.scenarios.conftest import PhoneFactory, Server
from tests.scenarios.harness.application import Answer, Webhook, response
from tests.scenarios.harness.audio import Heard, silence, tone, write_wav
from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.raw_phone import RawPhone, sdp


def _wav(folder: Path, *parts: numpy.ndarray) -> Answer:
    return Answer(
        write_wav(folder / "audio.wav", numpy.concatenate(parts)).read_bytes(), content_type="audio/wav"
    )


# ---- timeLimit: "seconds of joined talk"


async def test_time_limit_ends_the_talk_and_the_document_goes_on(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """`timeLimit="2"`: after two seconds joined the callee gets BYE, the caller the next document."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(f'<Dial action="after" timeLimit="2"><Sip>{bob.uri}</Sip></Dial>')
    webhook["after"] = response("<Hangup/>")
    call = await alice.invite(server.uri)
    ringing = await bob.next_call()
    await ringing.answer()
    assert await ringing.ended() == 200
    assert 1.8 <= ringing.ended_at - ringing.answered_at <= 3.0
    after = await webhook.next("after")
    assert after["DialCallStatus"] == "completed"
    assert after["DialCallDuration"] == "2"
    assert await call.ended() == 200


# ---- callerId: "a number, client or, for Sip, any [A-Za-z0-9+\-_.]"; default "the caller's"


@pytest.mark.parametrize(
    ("caller_id", "user"),
    [("+15550123", "+15550123"), ("alpha.beta_9-x", "alpha.beta_9-x"), ("+1 (555) 010-0123", "+15550100123")],
)
async def test_caller_id(
    server: Server, phone: PhoneFactory, webhook: Webhook, caller_id: str, user: str
) -> None:
    """The callee sees it in From, a number without its punctuation."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(f'<Dial callerId="{caller_id}"><Sip>{bob.uri}</Sip></Dial>')
    await alice.invite(server.uri)
    ringing = await bob.next_call()
    assert ringing.invite.uri("From").startswith(f"sip:{user}@")


async def test_caller_id_may_be_a_client(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """`client:joe`: a user of this node in the callee's From, `client:joe` towards applications."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(
        f'<Dial callerId="client:joe"><Sip statusCallback="status">{bob.uri}</Sip></Dial>'
    )
    webhook["status"] = ""
    await alice.invite(server.uri)
    ringing = await bob.next_call()
    assert ringing.invite.uri("From").startswith("sip:joe@127.0.0.1")
    await ringing.refuse(486)
    assert (await webhook.next("status"))["From"] == "client:joe"


async def test_caller_id_is_the_callers_by_default(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """From is alice."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(f"<Dial><Sip>{bob.uri}</Sip></Dial>")
    await alice.invite(server.uri)
    assert (await bob.next_call()).invite.uri("From").startswith("sip:alice@")


# ---- record


@pytest.mark.parametrize(
    ("mode", "channels"), [("record-from-answer", 1), ("record-from-answer-dual", 2), ("true", 1)]
)
async def test_record(
    server: Server, phone: PhoneFactory, webhook: Webhook, tmp_path: Path, mode: str, channels: int
) -> None:
    """The action and the recording callback name a recording that holds both voices, `-dual` one on each channel."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(
        f'<Dial action="after" record="{mode}" recordingStatusCallback="recorded"><Sip>{bob.uri}</Sip></Dial>'
    )
    webhook["after"] = response("<Hangup/>")
    webhook["recorded"] = ""
    await alice.invite(server.uri, say=440)
    ringing = await bob.next_call()
    await ringing.answer(say=660)
    assert await ringing.hears(440, seconds=1.5)
    await ringing.hang_up()
    after = await webhook.next("after")
    assert int(after["RecordingDuration"]) in {1, 2, 3}
    recorded = await webhook.next("recorded")
    assert recorded["RecordingSid"] == after["RecordingSid"]
    assert recorded["RecordingStatus"] == "completed"
    assert recorded["RecordingUrl"] == after["RecordingUrl"]
    path = tmp_path / "recording.wav"
    path.write_bytes(await server.node.download(after["RecordingUrl"] + ".wav"))
    left = Heard.from_wav(path)
    if channels == 2:
        right = Heard.from_wav(path, channel=1)
        assert left.seconds_of(440) >= 1.0, left.score()
        assert right.seconds_of(660) >= 1.0, right.score()
        assert left.seconds_of(660) == 0
    else:
        assert left.seconds_of(440, 660) >= 1.0, left.score()


# ---- hangupOnStar: "the caller's * ends the callee's call and the document goes on"


@pytest.mark.parametrize("is_on", [True, False])
async def test_hangup_on_star(server: Server, phone: PhoneFactory, webhook: Webhook, *, is_on: bool) -> None:
    """With it `*` returns the caller to its document; without it, it is a key like any other."""
    alice, bob = await phone("alice"), await phone("bob")
    flag = "true" if is_on else "false"
    webhook["voice"] = response(f'<Dial action="after" hangupOnStar="{flag}"><Sip>{bob.uri}</Sip></Dial>')
    webhook["after"] = response("<Hangup/>")
    call = await alice.invite(server.uri, say=440)
    ringing = await bob.next_call()
    await ringing.answer(say=660)
    assert await ringing.hears(440)
    await ringing.press("*")
    await call.press("5*")
    await ringing.pressed("5")
    if is_on:
        assert await ringing.ended() == 200
        assert (await webhook.next("after"))["DialCallStatus"] == "completed"
    else:
        await ringing.pressed("5*")
        await webhook.never("after", within=0.5)
        await call.hang_up()


# ---- dialMusic, ringTone


async def test_dial_music_instead_of_ringing(
    server: Server, phone: PhoneFactory, webhook: Webhook, tmp_path: Path
) -> None:
    """The caller hears the music, over and over, until joined."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(f'<Dial dialMusic="music.wav"><Sip>{bob.uri}</Sip></Dial>')
    webhook["music.wav"] = _wav(tmp_path, tone(880, 0.4), silence(0.1))
    call = await alice.invite(server.uri)
    ringing = await bob.next_call()
    await ringing.ring()
    await asyncio.sleep(1.5)
    heard = call.heard()
    assert heard.seconds_of(880) >= 0.8, heard.score()
    assert heard.seconds_of(440, 480) == 0
    await ringing.answer(say=660)
    assert await call.hears(660, seconds=1.0)


@pytest.mark.parametrize(("country", "frequencies"), [("us", (440, 480)), ("de", (425,)), ("uk", (400, 450))])
async def test_ring_tone_of_a_country(
    server: Server, phone: PhoneFactory, webhook: Webhook, country: str, frequencies: tuple[float, ...]
) -> None:
    """ITU-T E.180: what ringing sounds like there."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(f'<Dial ringTone="{country}"><Sip>{bob.uri}</Sip></Dial>')
    call = await alice.invite(server.uri)
    await (await bob.next_call()).ring()
    assert await call.hears(*frequencies, seconds=0.3)


# ---- answerOnBridge


async def test_answer_on_bridge_rings_first(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """The caller gets 180 while the callee rings, and 200 when it answers."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(f'<Dial answerOnBridge="true"><Sip>{bob.uri}</Sip></Dial>')
    call = await alice.invite(server.uri, say=440)
    ringing = await bob.next_call()
    await ringing.ring()
    await call.ringing()
    await asyncio.sleep(0.4)
    assert not call.answered_at
    await ringing.answer(say=660)
    await call.answered()
    assert await call.hears(660)
    assert await ringing.hears(440)


async def test_answer_on_bridge_passes_early_media_on(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """183 with the callee's own early media: the unanswered caller hears it."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(f'<Dial answerOnBridge="true"><Sip>{bob.uri}</Sip></Dial>')
    call = await alice.invite(server.uri)
    ringing = await bob.next_call()
    await ringing.answer(say=990, code=183)
    assert await call.hears(990)
    assert not call.answered_at
    assert any(each.status == 183 for each in call.received)
    await ringing.answer()
    await call.answered()
    assert await call.hears(990)


async def test_answer_on_bridge_lets_several_ring_in_silence(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """ "early media from a single ringing callee, 180 otherwise": of two, neither is heard before it is joined."""
    alice, bob = await phone("alice"), await phone("bob")
    async with RawPhone("other") as other:
        webhook["voice"] = response(
            f'<Dial answerOnBridge="true"><Sip>{bob.uri}</Sip><Sip>{other.uri}</Sip></Dial>'
        )
        call = await alice.invite(server.uri)
        ringing, second = await bob.next_call(), await other.next_call()
        second.ring()
        await ringing.answer(say=990, code=183)
        await call.ringing()
        await asyncio.sleep(0.5)
        assert not [each for each in call.received if each.status == 183]
        assert not call.answered_at
        await ringing.answer()
        assert await call.hears(990)
        await second.gets("CANCEL")
        second.refuse(487)


async def test_answer_on_bridge_goes_on_unanswered(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """Without an answer the document goes on: to a verb that decides what the caller gets."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(
        f'<Dial answerOnBridge="true" action="{webhook.url("after")}" timeout="1"><Sip>{bob.uri}</Sip></Dial>'
    )
    webhook["after"] = response('<Reject reason="busy"/>')
    call = await alice.invite(server.uri)
    await (await bob.next_call()).ring()
    after = await webhook.next("after")
    assert (after["DialCallStatus"], after["CallStatus"]) == ("no-answer", "ringing")
    assert await call.ended() == 486, "the verb's own code, not the callee's 487 nor a 408"
    assert not call.answered_at


@pytest.mark.parametrize("code", [486, 480, 404, 603])
async def test_answer_on_bridge_sends_the_failure_on(
    server: Server, phone: PhoneFactory, webhook: Webhook, code: int
) -> None:
    """No answer, and no other verb follows: the callee's code is the caller's final response."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(f'<Dial answerOnBridge="true"><Sip>{bob.uri}</Sip></Dial>')
    call = await alice.invite(server.uri)
    await (await bob.next_call()).refuse(code)
    assert await call.ended() == code
    assert not call.answered_at


# ---- sequential


async def test_sequential_tries_one_after_the_other(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """Bob does not answer in his time, then Carol rings; never both."""
    alice, bob, carol = await phone("alice"), await phone("bob"), await phone("carol")
    webhook["voice"] = response(
        f'<Dial action="after" sequential="true" timeout="1"><Sip>{bob.uri}</Sip><Sip>{carol.uri}</Sip></Dial>'
    )
    webhook["after"] = response("<Hangup/>")
    await alice.invite(server.uri)
    first = await bob.next_call()
    await first.ring()
    assert not carol.was_called()
    assert await first.ended() == 487
    second = await carol.next_call()
    await second.answer()
    await asyncio.sleep(0.3)
    await second.hang_up()
    after = await webhook.next("after")
    assert after["DialCallStatus"] == "completed"
    branches = json.loads(after["DialBranches"])
    assert [each["status"] for each in branches] == ["no-answer", "completed"]


# ---- several nouns


async def test_the_first_to_accept_wins(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """Bob and Carol ring together; Carol answers: Bob gets CANCEL, and the action lists both branches."""
    alice, bob, carol = await phone("alice"), await phone("bob"), await phone("carol")
    webhook["voice"] = response(f'<Dial action="after"><Sip>{bob.uri}</Sip><Sip>{carol.uri}</Sip></Dial>')
    webhook["after"] = response("<Hangup/>")
    call = await alice.invite(server.uri, say=440)
    one, other = await bob.next_call(), await carol.next_call()
    await one.ring()
    await other.ring()
    await other.answer(say=660)
    assert await one.ended() == 487
    assert await call.hears(660)
    await other.hang_up()
    after = await webhook.next("after")
    assert after["DialCallStatus"] == "completed"
    branches = json.loads(after["DialBranches"])
    assert [(each["target"], each["status"]) for each in branches] == [
        (bob.uri, "canceled"),
        (carol.uri, "completed"),
    ]
    assert branches[1]["call_sid"] == after["DialCallSid"]
    assert branches[1]["sip_code"] == 200


@pytest.mark.parametrize(
    ("codes", "status"),
    [((404, 486), "busy"), ((480, 404), "no-answer"), ((480, 603), "busy"), ((500, 404), "failed")],
)
async def test_the_best_outcome_is_reported(
    server: Server, phone: PhoneFactory, webhook: Webhook, codes: tuple[int, ...], status: str
) -> None:
    """No winner: busy, no-answer, canceled, failed, in this order."""
    alice = await phone("alice")
    async with AsyncExitStack() as stack:
        phones = [await stack.enter_async_context(RawPhone(f"p{code}")) for code in codes]
        nouns = "".join(f"<Sip>{each.uri}</Sip>" for each in phones)
        webhook["voice"] = response(f'<Dial action="after">{nouns}</Dial>')
        webhook["after"] = response("<Hangup/>")
        await alice.invite(server.uri)
        for each, code in zip(phones, codes, strict=True):
            (await each.next_call()).refuse(code)
        after = await webhook.next("after")
    assert after["DialCallStatus"] == status
    assert [each["sip_code"] for each in json.loads(after["DialBranches"])] == list(codes)


@pytest.mark.timing
async def test_ten_nouns_ring_together(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """Up to ten; all ring within a moment; the tenth answers."""
    alice = await phone("alice")
    async with AsyncExitStack() as stack:
        phones = [await stack.enter_async_context(RawPhone(f"ten{number}")) for number in range(10)]
        nouns = "".join(f"<Sip>{each.uri}</Sip>" for each in phones)
        webhook["voice"] = response(f"<Dial>{nouns}</Dial>")
        await alice.invite(server.uri)
        started = time.monotonic()
        calls = [await each.next_call() for each in phones]
        assert time.monotonic() - started < 1.0
        for each in calls:
            each.ring()
        calls[9].answer()
        await calls[9].gets("ACK")
        for each in calls[:9]:
            cancel = await each.gets("CANCEL")
            assert cancel["CSeq"]
            each.refuse(487)
            await each.gets("ACK")
        calls[9].request("BYE")
        await calls[9].gets("BYE", 200)


async def test_plain_text_with_an_at_is_a_sip_uri(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """`<Dial>sip:bob@host</Dial>`."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(f"<Dial>{bob.uri}</Dial>")
    call = await alice.invite(server.uri)
    await (await bob.next_call()).answer()
    await call.answered()


async def test_one_dead_target_does_not_hold_the_others(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """One noun cannot be reached, the other rings and is joined."""
    alice, bob = await phone("alice"), await phone("bob")
    dead = f"sip:dead@127.0.0.1:{free_port()}"
    webhook["voice"] = response(f"<Dial><Sip>{dead}</Sip><Sip>{bob.uri}</Sip></Dial>")
    call = await alice.invite(server.uri)
    await (await bob.next_call()).answer(say=660)
    assert await call.hears(660)


async def test_an_offerless_invite_is_answered_with_an_offer(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """No SDP in the caller's INVITE: our offer is in the 200, its answer in the ACK; they hear each other."""
    bob = await phone("bob")
    webhook["voice"] = response(f"<Dial><Sip>{bob.uri}</Sip></Dial>")
    async with RawPhone("eve") as eve:
        call = eve.invite(server.uri, server.node.sip_address)
        ringing = await bob.next_call()
        await ringing.answer()
        ok = await call.gets("INVITE", 200)
        assert ok.audio
        call.request("ACK", headers=(), body=sdp(40000))
        await asyncio.sleep(0.2)
        call.request("BYE")
        await call.gets("BYE", 200)
        assert await ringing.ended() == 200
