"""Datagrams that cross: played by hand, because here the test says which leaves when."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from tests.scenarios.conftest import PhoneFactory, Server
from tests.scenarios.harness import sipp_scenarios
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.raw_phone import RawPhone, sdp
from tests.scenarios.harness.sipp import Sipp
from tests.scenarios.harness.waiting import eventually


async def test_five_phones_answer_in_the_same_instant(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """Five 200 OK leave back to back: one is joined, four get ACK and BYE, each exactly once."""
    alice = await phone("alice")
    async with AsyncExitStack() as stack:
        phones = [await stack.enter_async_context(RawPhone(f"fork{number}")) for number in range(5)]
        nouns = "".join(f'<Sip statusCallback="status">{each.uri}</Sip>' for each in phones)
        webhook["voice"] = response(f'<Dial action="after">{nouns}</Dial>')
        webhook["after"] = response("<Hangup/>")
        webhook["status"] = ""
        call = await alice.invite(server.uri)
        calls = [await each.next_call() for each in phones]
        for each in calls:
            each.ring()
        for each in calls:
            each.answer()
        for each in calls:
            await each.gets("ACK")
        await eventually("four BYEs", lambda: sum(each.count("BYE") for each in calls) >= 4)
        await call.answered()
        await asyncio.sleep(0.5)
        byes = [each.count("BYE") for each in calls]
        assert sorted(byes) == [0, 1, 1, 1, 1]
        winner = calls[byes.index(0)]
        winner.request("BYE")
        await winner.gets("BYE", 200)
        after = await webhook.next("after")
        assert after["DialCallStatus"] == "completed"
        assert after["DialSipCallId"] == winner.invite["Call-ID"]
        ends = [await webhook.next("status") for _ in calls]
        assert len({each["CallSid"] for each in ends}) == 5
        assert sorted(each["CallStatus"] for each in ends).count("completed") >= 1
        assert (
            next(each for each in ends if each["CallSid"] == after["DialCallSid"])["CallStatus"]
            == "completed"
        )
        await webhook.never("status", within=0.3)


async def test_the_same_with_sipp_five_times(
    server: Server, phone: PhoneFactory, webhook: Webhook, sipp: Path
) -> None:
    """Five SIPp answer without ringing; four of them are said BYE long before the talk is over."""
    alice = await phone("alice")
    async with AsyncExitStack() as stack:
        answering = sipp_scenarios.answering(ring=False)
        phones = [await stack.enter_async_context(Sipp(sipp, answering)) for _ in range(5)]
        nouns = "".join(f"<Sip>{each.uri}</Sip>" for each in phones)
        webhook["voice"] = response(f"<Dial>{nouns}</Dial>")
        call = await alice.invite(server.uri)
        await call.answered()
        await eventually("four BYEs", lambda: sum(each.process.returncode == 0 for each in phones) >= 4)
        await asyncio.sleep(0.3)
        assert sum(each.process.returncode is None for each in phones) == 1
        await call.hang_up()
        for each in phones:
            await each.done()


async def test_a_200_that_crosses_our_cancel(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """The caller leaves, we send CANCEL, and the phone had just been picked up: its 200 gets ACK, then BYE."""
    alice = await phone("alice")
    async with RawPhone("late") as late:
        webhook["voice"] = response(
            f'<Dial action="after"><Sip statusCallback="status">{late.uri}</Sip></Dial>'
        )
        webhook["after"] = response()
        webhook["status"] = ""
        call = await alice.invite(server.uri)
        ringing = await late.next_call()
        ringing.answers.discard("CANCEL")
        ringing.ring()
        await asyncio.sleep(0.2)
        await call.hang_up()
        cancel = await ringing.gets("CANCEL")
        ringing.answer()
        await ringing.gets("ACK")
        bye = await ringing.gets("BYE")
        ringing.respond(cancel, 200)
        assert bye.tag("To") == ringing.tag
        await asyncio.sleep(0.7)
        assert ringing.count("BYE") == 1, "the 200 was acknowledged, so it and the BYE are not repeated"
        assert (await webhook.next("after"))["DialCallStatus"] == "canceled"
        assert (await webhook.next("status"))["CallStatus"] == "canceled"


async def test_a_200_that_comes_after_the_timeout(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """`timeout` was over, the CANCEL on its way, the phone answers: ACK, BYE, and `no-answer` stays true."""
    alice = await phone("alice")
    async with RawPhone("late") as late:
        webhook["voice"] = response(f'<Dial action="after" timeout="1"><Sip>{late.uri}</Sip></Dial>')
        webhook["after"] = response("<Hangup/>")
        await alice.invite(server.uri)
        ringing = await late.next_call()
        ringing.ring()
        await ringing.gets("CANCEL")
        ringing.answer()
        await ringing.gets("ACK")
        await ringing.gets("BYE")
        assert (await webhook.next("after"))["DialCallStatus"] == "no-answer"


async def test_an_ack_that_is_lost_is_sent_again(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """The callee did not see our ACK and repeats its 200: each repetition is acknowledged."""
    alice = await phone("alice")
    async with RawPhone("deaf") as deaf:
        webhook["voice"] = response(f"<Dial><Sip>{deaf.uri}</Sip></Dial>")
        call = await alice.invite(server.uri)
        ringing = await deaf.next_call()
        ringing.answer()
        await ringing.gets("ACK")
        ringing.answer()
        ringing.answer()
        await eventually("three ACKs", lambda: ringing.count("ACK") >= 3)
        await call.answered()
        await call.hang_up()
        await ringing.gets("BYE")


async def test_both_hang_up_at_once(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """Two BYEs cross: both are answered 200, the call ends once, the action is asked once."""
    bob = await phone("bob")
    async with RawPhone("eve") as eve:
        webhook["voice"] = response(f'<Dial action="after"><Sip>{bob.uri}</Sip></Dial>')
        webhook["after"] = response("<Hangup/>")
        call = eve.invite(server.uri, server.node.sip_address, body=sdp())
        ringing = await bob.next_call()
        await ringing.answer()
        await call.gets("INVITE", 200)
        call.request("ACK")
        await asyncio.sleep(0.2)
        call.request("BYE")
        await ringing.hang_up()
        await call.gets("BYE", 200)
        assert await ringing.ended() == 200
        await webhook.next("after")
        await webhook.never("after", within=0.5)


async def test_a_cancel_that_crosses_our_200(server: Server, webhook: Webhook) -> None:
    """The caller cancels when the 200 is under way: CANCEL gets 200, the call stays up (RFC 3261 §9.2)."""
    async with RawPhone("eve") as eve:
        webhook["voice"] = response("<Play>missing.wav</Play>", '<Pause length="20"/>')
        call = eve.invite(server.uri, server.node.sip_address, body=sdp())
        await call.gets("INVITE", 200)
        call.cancel()
        await call.gets("CANCEL", 200)
        call.request("ACK")
        await asyncio.sleep(0.3)
        assert call.count("BYE") == 0
        call.request("BYE")
        await call.gets("BYE", 200)
