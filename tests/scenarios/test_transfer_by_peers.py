"""Transfers as phones of several makes ask for them, and what becomes of those that fail: no party is left alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from tests.scenarios.conftest import PhoneFactory, Server
from tests.scenarios.harness import sipp_scenarios
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.phone import Baresip, Phone
from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.raw_phone import RawCall, RawPhone, sdp
from tests.scenarios.harness.rtp_peer import RtpPeer
from tests.scenarios.harness.sipp import Sipp
from tests.scenarios.harness.talk import CALLEE_HZ, CALLER_HZ, Conversation, talk
from tests.scenarios.harness.waiting import WAIT_S, eventually

A, B, C = 440.0, 660.0, 1000.0


@pytest_asyncio.fixture(loop_scope="session")
async def baresip(server: Server, tmp_path: Path) -> AsyncIterator[Phone]:
    """A baresip phone that registers nowhere."""
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(
            Baresip(
                "bary",
                tmp_path,
                identity="",
                registrar=f"sip:127.0.0.1:{server.node.sip_port}",
                udp_port=str(free_port()),
            )
        )


async def _ends(server: Server, webhook: Webhook) -> None:
    """Each call of this number, and each that it dialled, is over and `completed`; the action was requested once."""
    await webhook.next("after")
    parents = await server.node.calls(To=f"sip:{server.number}@127.0.0.1")
    for parent in parents:
        assert (await server.node.final(parent["sid"]))["status"] == "completed"
        for child in await server.node.calls(ParentCallSid=parent["sid"]):
            assert (await server.node.final(child["sid"]))["status"] == "completed", child
    await webhook.never("after", within=0.2)


# ---- by phones of other makers


@pytest.mark.parametrize("by", ["callee", "caller"])
async def test_baresip_transfers_blindly(
    server: Server, phone: PhoneFactory, webhook: Webhook, baresip: Phone, by: str
) -> None:
    other, carol = await phone("alice"), await phone("carol")
    caller, callee = (other, baresip) if by == "callee" else (baresip, other)
    webhook["voice"] = response(f"<Dial action='after'><Sip>{callee.uri}</Sip></Dial>")
    webhook["after"] = ""
    call = await caller.invite(server.uri, say=A)
    ringing = await callee.next_call()
    await ringing.answer(say=B)
    assert await call.hears(B)
    referrer, stays, hertz = (ringing, call, A) if by == "callee" else (call, ringing, B)
    await referrer.transfer(carol.uri)
    third = await carol.next_call()
    await third.answer(say=C)
    assert await stays.hears(C)
    assert await third.hears(hertz)
    await referrer.transferred(200)
    await referrer.ended()
    await third.hang_up()
    await stays.ended()
    await _ends(server, webhook)


async def test_baresip_transfers_attended(
    server: Server, phone: PhoneFactory, webhook: Webhook, baresip: Phone
) -> None:
    """It holds alice, consults carol over the node, and joins the two."""
    alice, carol = await phone("alice"), await phone("carol")
    webhook["voice"] = response(f"<Dial action='after'><Sip>{baresip.uri}</Sip></Dial>")
    webhook["after"] = ""
    call = await alice.invite(server.uri, say=A)
    ringing = await baresip.next_call()
    await ringing.answer(say=B)
    assert await call.hears(B)
    webhook["voice"] = response(f"<Dial><Sip>{carol.uri}</Sip></Dial>")
    consulting = await baresip.invite(server.uri, say=B)
    third = await carol.next_call()
    await third.answer(say=C)
    assert await consulting.hears(C)
    await ringing.transfer(consulting)
    assert await call.hears(C)
    assert await third.hears(A)
    await ringing.ended()
    await consulting.ended()
    await call.hang_up()
    await third.ended()
    await _ends(server, webhook)


async def test_the_caller_consults(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """PJSIP's `xferReplaces` by the calling side."""
    alice, bob, carol = await phone("alice"), await phone("bob"), await phone("carol")
    webhook["voice"] = response(f"<Dial action='after'><Sip>{bob.uri}</Sip></Dial>")
    webhook["after"] = ""
    call = await alice.invite(server.uri, say=A)
    ringing = await bob.next_call()
    await ringing.answer(say=B)
    assert await call.hears(B)
    webhook["voice"] = response(f"<Dial><Sip>{carol.uri}</Sip></Dial>")
    consulting = await alice.invite(server.uri, say=A)
    third = await carol.next_call()
    await third.answer(say=C)
    assert await consulting.hears(C)
    await call.transfer(consulting)
    assert await ringing.hears(C)
    assert await third.hears(B)
    await call.ended()
    await consulting.ended()
    await ringing.hang_up()
    await third.ended()
    await _ends(server, webhook)


async def test_sipp_refers_and_answers_no_notify(
    server: Server, phone: PhoneFactory, webhook: Webhook, sipp: Path
) -> None:
    """Its silence about NOTIFY holds neither the transfer nor its own BYE."""
    alice, carol = await phone("alice"), await phone("carol")
    webhook["after"] = ""
    async with Sipp(sipp, sipp_scenarios.referring(carol.uri)) as referrer:
        webhook["voice"] = response(f"<Dial action='after'><Sip>{referrer.uri}</Sip></Dial>")
        call = await alice.invite(server.uri, say=A)
        third = await carol.next_call()
        await third.answer(say=C)
        assert await call.hears(C)
        assert await third.hears(A)
        await referrer.done()
        assert referrer.received("NOTIFY")
    await call.hang_up()
    await third.ended()
    await _ends(server, webhook)


async def test_refer_to_a_phone_that_sends_no_notify(server: Server, webhook: Webhook) -> None:
    """`<Refer>`: the caller's phone answers 202, says no more, and hangs up: the action is requested with the 202."""
    webhook["voice"] = response("<Refer action='referred'><Sip>sip:carol@127.0.0.1:9</Sip></Refer>")
    webhook["referred"] = ""
    async with RawPhone("alice") as alice:
        call = alice.invite(server.uri, server.node.sip_address, body=sdp())
        await call.gets("INVITE", 200)
        call.request("ACK")
        call.respond(await call.gets("REFER"), 202)
        await asyncio.sleep(0.2)
        call.request("BYE")
        await call.gets("BYE", 200)
        asked = await webhook.next("referred")
    assert asked["ReferSipResponseCode"] == "202"
    assert "NotifySipResponseCode" not in asked


# ---- by hand: what goes wrong


def _notified(call: RawCall) -> list[str]:
    """The status lines of the NOTIFYs of a REFER, without repetitions."""
    found = {each["CSeq"]: each.body.strip() for each in call.received if each.start.startswith("NOTIFY")}
    return [each.removeprefix("SIP/2.0 ") for each in found.values()]


async def _refer(talking: Conversation, to: str) -> RawCall:
    """The callee asks for a transfer, once the two hear each other."""
    await talking.goes_on()
    return _sends_refer(talking.callee, to)


def _sends_refer(call: RawCall, to: str) -> RawCall:
    call.answers.add("NOTIFY")
    call.request("REFER", [("Refer-To", f"<{to}>")])
    return call


async def _final(call: RawCall, code: int, timeout: float = WAIT_S) -> None:
    """The last NOTIFY has this code, and it is the only final one."""
    await eventually(
        f"NOTIFY {code}", lambda: any(each.startswith(str(code)) for each in _notified(call)), timeout
    )
    finals = [each for each in _notified(call) if int(each[:3]) >= 200]
    assert len(finals) == 1, finals


@pytest.mark.parametrize("code", [486, 603])
async def test_a_target_that_refuses(server: Server, webhook: Webhook, code: int) -> None:
    webhook["after"] = ""
    async with (
        talk(server.node, webhook, number=server.number, attributes="action='after'") as talking,
        RawPhone("carol") as carol,
    ):
        referrer = await _refer(talking, carol.uri)
        target = await carol.next_call()
        target.refuse(code)
        await _final(referrer, code)
        await talking.goes_on()
        await talking.ends()
        assert (await webhook.next("after"))["DialCallStatus"] == "completed"


async def test_a_target_that_does_not_answer(server: Server, webhook: Webhook) -> None:
    """The time of the Dial bounds its ringing: CANCEL, NOTIFY 480, and the two talk on."""
    async with (
        talk(server.node, webhook, number=server.number, attributes="timeout='2'") as talking,
        RawPhone("carol") as carol,
    ):
        referrer = await _refer(talking, carol.uri)
        target = await carol.next_call()
        target.ring()
        await target.gets("CANCEL")
        target.refuse(487)
        await eventually("NOTIFY 180", lambda: any(each.startswith("180") for each in _notified(referrer)))
        await _final(referrer, 480)
        await talking.goes_on()
        await talking.ends()


@pytest.mark.parametrize("which", ["unknown call", "wrong tags", "itself"])
async def test_replaces_that_leads_nowhere(server: Server, webhook: Webhook, which: str) -> None:
    """481 for a dialog that does not exist, 603 for the very call that is to be transferred; both talk on."""
    async with talk(server.node, webhook, number=server.number) as talking:
        call = talking.callee
        ours, theirs = call.invite.tag("From"), call.tag
        replaces = {
            "unknown call": f"nowhere%3Bto-tag%3D{ours}%3Bfrom-tag%3D{theirs}",
            "wrong tags": f"{call.invite['Call-ID']}%3Bto-tag%3Dwrong%3Bfrom-tag%3D{theirs}",
            "itself": f"{call.invite['Call-ID']}%3Bto-tag%3D{ours}%3Bfrom-tag%3D{theirs}",
        }[which]
        referrer = await _refer(talking, f"sip:carol@127.0.0.1:9?Replaces={replaces}")
        await referrer.gets("REFER", 603 if which == "itself" else 481)
        assert not _notified(referrer)
        await talking.goes_on()
        await talking.ends()


@pytest.mark.parametrize("answer", [486, 200])
async def test_a_phone_transfers_to_itself(server: Server, webhook: Webhook, answer: int) -> None:
    """Refer-To is the referrer's own address: another call to it. Busy: the old one stands; answered: it takes over."""
    async with talk(server.node, webhook, number=server.number) as talking, RtpPeer() as audio:
        phone = talking.callee.phone
        referrer = await _refer(talking, phone.uri)
        again = await phone.next_call()
        if answer == 200:
            again.answer(port=audio.port)
            assert again.invite.audio
            audio.speak(again.invite.audio, C)
        else:
            again.refuse(answer)
        await _final(referrer, answer)
        if answer == 486:
            await talking.goes_on()
            await talking.ends()
            return
        await referrer.gets("BYE")
        assert await talking.caller_rtp.hears(C)
        assert await audio.hears(CALLER_HZ)
        talking.caller.request("BYE")
        await again.gets("BYE")


@pytest.mark.parametrize("who", ["referrer", "transferee", "target"])
async def test_a_party_hangs_up_in_between(server: Server, webhook: Webhook, who: str) -> None:
    """While the target rings: the referrer's BYE stops nothing, the transferee's ends all; a target that is picked up
    and put down again leaves the transferee with the end of the call."""
    async with (
        talk(server.node, webhook, number=server.number) as talking,
        RawPhone("carol") as carol,
        RtpPeer() as audio,
    ):
        referrer = await _refer(talking, carol.uri)
        target = await carol.next_call()
        target.ring()
        await eventually("NOTIFY 180", lambda: any(each.startswith("180") for each in _notified(referrer)))
        if who == "transferee":
            talking.caller.request("BYE")
            await target.gets("CANCEL")
            target.refuse(487)
            await _final(referrer, 487)
            await referrer.gets("BYE")
            return
        if who == "referrer":
            referrer.request("BYE")
            await referrer.gets("BYE", 200)
        target.answer(port=audio.port)
        assert target.invite.audio
        audio.speak(target.invite.audio, C)
        assert await talking.caller_rtp.hears(C)
        assert await audio.hears(CALLER_HZ)
        await _final(referrer, 200)
        target.request("BYE")
        await target.gets("BYE", 200)
        await talking.caller.gets("BYE")


async def test_both_parties_ask_at_once(server: Server, webhook: Webhook) -> None:
    """One REFER is accepted, the other gets 491; the accepted one leads to two parties that hear each other."""
    async with (
        talk(server.node, webhook, number=server.number) as talking,
        RawPhone("carol") as carol,
        RawPhone("dave") as dave,
        RtpPeer() as audio,
    ):
        await talking.goes_on()
        first, second = _sends_refer(talking.callee, carol.uri), _sends_refer(talking.caller, dave.uri)
        answers = {(await each.gets_final("REFER")).status for each in (first, second)}
        assert answers == {202, 491}
        is_callees = first.count("REFER", 202) == 1
        target = await (carol if is_callees else dave).next_call()
        target.answer(port=audio.port)
        assert target.invite.audio
        audio.speak(target.invite.audio, C)
        stays, hertz = (talking.caller_rtp, CALLER_HZ) if is_callees else (talking.callee_rtp, CALLEE_HZ)
        assert await stays.hears(C)
        assert await audio.hears(hertz)
        await _final(first if is_callees else second, 200)
        target.request("BYE")
        await (talking.caller if is_callees else talking.callee).gets("BYE")


# ---- the phones of a ring group that did not answer


async def test_baresip_shows_no_missed_call(
    server: Server, phone: PhoneFactory, webhook: Webhook, baresip: Phone
) -> None:
    """RFC 3326: the CANCEL of a leg that lost says that the call was completed elsewhere."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(f"<Dial><Sip>{bob.uri}</Sip><Sip>{baresip.uri}</Sip></Dial>")
    await alice.invite(server.uri, say=A)
    ringing, loses = await bob.next_call(), await baresip.next_call()
    await ringing.answer(say=B)
    await loses.ended()
    assert 'SIP;cause=200;text="Call completed elsewhere"' in loses.reason, (
        "what it looks for in a missed call"
    )
