"""Transfers and queues between real softphones, by what each of them hears."""

import asyncio

import pytest

from tests.scenarios.conftest import NodeFactory, PhoneFactory, Server
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.phone import Phone, PhoneCall
from tests.scenarios.harness.raw_phone import RawPhone, sdp
from tests.scenarios.harness.rtp_peer import RtpPeer
from tests.scenarios.harness.talk import CALLER_HZ, talk

A, B, C = 440.0, 660.0, 1000.0


async def talking(
    server: Server, phone: PhoneFactory, webhook: Webhook, attributes: str = ""
) -> tuple[PhoneCall, PhoneCall, Phone]:
    """Alice talks with bob; carol's phone is ready."""
    alice, bob, carol = await phone("alice"), await phone("bob"), await phone("carol")
    webhook["voice"] = response(f"<Dial action='after' {attributes}><Sip>{bob.uri}</Sip></Dial>")
    webhook["after"] = ""
    call = await alice.invite(server.uri, say=A)
    ringing = await bob.next_call()
    await ringing.answer(say=B)
    assert await call.hears(B)
    return call, ringing, carol


@pytest.mark.parametrize("by", ["callee", "caller"])
async def test_blind_transfer(server: Server, phone: PhoneFactory, webhook: Webhook, by: str) -> None:
    """Either party asks: the one that stays and the third phone hear each other, and the referrer is out."""
    caller, callee, carol = await talking(server, phone, webhook)
    referrer, stays, tone = (callee, caller, A) if by == "callee" else (caller, callee, B)
    await referrer.transfer(carol.uri)
    third = await carol.next_call()
    await third.ring()
    await third.answer(say=C)
    assert await stays.hears(C)
    assert await third.hears(tone)
    await referrer.ended()
    await stays.hang_up()
    await third.ended()


@pytest.mark.parametrize("code", [486, 603])
async def test_the_old_call_stands_after_a_failure(
    server: Server, phone: PhoneFactory, webhook: Webhook, code: int
) -> None:
    """The third phone refuses: NOTIFY says so, and both talk on."""
    caller, callee, carol = await talking(server, phone, webhook)
    await callee.transfer(carol.uri)
    await (await carol.next_call()).refuse(code)
    await callee.transferred(code)
    before = caller.heard().seconds
    await asyncio.sleep(1)
    assert caller.heard().between(before, before + 1).seconds_of(B) > 0.7
    await caller.hang_up()
    await callee.ended()


async def test_attended_transfer(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """Bob consults carol in a second call, then joins alice with her: PJSIP's `xferReplaces`."""
    caller, callee, carol = await talking(server, phone, webhook)
    webhook["voice"] = response(f"<Dial><Sip>{carol.uri}</Sip></Dial>")
    bob = callee.phone
    consulting = await bob.invite(server.uri, say=B)
    third = await carol.next_call()
    await third.answer(say=C)
    assert await consulting.hears(C)
    await callee.transfer(consulting)
    assert await caller.hears(C)
    assert await third.hears(A)
    await callee.ended()
    await consulting.ended()
    await third.hang_up()
    await caller.ended()


async def test_the_application_decides(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """`referUrl`: its document is what alice goes on with, and bob is out."""
    caller, callee, carol = await talking(server, phone, webhook, "referUrl='refer'")
    webhook["refer"] = response(f"<Dial><Sip>{carol.uri}</Sip></Dial>")
    await callee.transfer(carol.uri)
    asked = await webhook.next("refer")
    assert carol.uri in asked["ReferTransferTarget"]
    third = await carol.next_call()
    await third.answer(say=C)
    assert await caller.hears(C)
    await callee.ended()
    await caller.hang_up()


async def test_an_agent_serves_a_queue(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """Alice waits with music, bob dials in, they hear each other; alice hangs up, and both get their result."""
    alice, bob = await phone("alice"), await phone("bob")
    queue = f"q{server.number}"
    webhook["left"] = webhook["served"] = ""
    webhook["voice"] = [
        response(f"<Enqueue action='left'>{queue}</Enqueue>"),
        response(f"<Dial action='served'><Queue>{queue}</Queue></Dial>"),
    ]
    waiting = await alice.invite(server.uri, say=A)
    await waiting.answered()
    await webhook.next("voice")
    await asyncio.sleep(1)
    assert waiting.heard().last(0.5).seconds_of_sound > 0, "music"
    status, listed = await server.node.rest("GET", "Queues.json")
    assert status == 200
    assert [each["current_size"] for each in listed["queues"] if each["friendly_name"] == queue] == [1]
    serving = await bob.invite(server.uri, say=B)
    assert await waiting.hears(B)
    assert await serving.hears(A)
    await waiting.hang_up()
    assert (await webhook.next("left"))["QueueResult"] == "bridged"
    assert (await webhook.next("served"))["DialCallStatus"] == "completed"


async def test_refer_asks_the_callers_phone(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """`<Refer>`: alice's phone calls bob itself, and the application gets the final code."""
    alice, bob = await phone("alice"), await phone("bob")
    await bob.answers_always(say=B)
    webhook["voice"] = response(f"<Refer action='referred'><Sip>{bob.uri}</Sip></Refer>")
    webhook["referred"] = response("<Hangup/>")
    await (await alice.invite(server.uri, say=A)).answered()
    await bob.next_call()
    asked = await webhook.next("referred")
    assert (asked["ReferSipResponseCode"], asked["NotifySipResponseCode"]) == ("202", "200")
    assert asked["ReferCallStatus"] == "in-progress"


async def test_an_invite_with_replaces_takes_the_place_of_a_party(new_node: NodeFactory) -> None:
    """Carol's phone picks up bob's call (RFC 3891): bob gets a BYE, alice and carol talk; wrong tags get 481."""
    node, webhook = await new_node()
    async with talk(node, webhook) as talking, RawPhone("carol") as carol, RtpPeer() as rtp:
        invite = talking.callee.invite
        dialog = f"{invite['Call-ID']};to-tag={invite.tag('From')};from-tag="
        wrong = carol.invite(
            node.uri("1"), node.sip_address, headers=[("Replaces", dialog + "wrong")], body=sdp(rtp.port)
        )
        await wrong.gets("INVITE", 481)
        call = carol.invite(
            node.uri("1"),
            node.sip_address,
            headers=[("Replaces", dialog + str(talking.callee.tag)), ("Require", "replaces")],
            body=sdp(rtp.port),
        )
        answer = await call.gets("INVITE", 200)
        call.request("ACK")
        assert answer.audio
        rtp.speak(answer.audio, C)
        await talking.callee.gets("BYE")
        assert await talking.caller_rtp.hears(C)
        assert await rtp.hears(CALLER_HZ)
        talking.caller.request("BYE")
        await call.gets("BYE")
