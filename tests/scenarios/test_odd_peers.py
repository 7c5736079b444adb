"""Calls with peers that public reports describe: offers that go unanswered, forks, odd answers, odd endings."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.scenarios.harness.application import Application, Webhook, response
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.raw_phone import RawPhone, sdp
from tests.scenarios.harness.rtp_peer import PCMA, PCMU, RtpPeer
from tests.scenarios.harness.waiting import eventually
from tests.scenarios.harness.wire import SipMessage

PLAY = response("<Pause length='0'/>", "<Say>hello</Say>", "<Pause length='60'/>")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared(application: Application, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Node]:
    """One node for all tests here."""
    numbers = [{"number": "*", "voice_url": application.webhook("odd").url("voice")}]
    settings = {"speech": {"engine": "none"}}
    async with Node(tmp_path_factory.mktemp("odd"), numbers=numbers, settings=settings) as node:
        yield node


@pytest.fixture
def webhook(application: Application) -> Webhook:
    """A fresh application."""
    return application.webhook("odd")


async def notifications(node: Node, sid: str) -> list[str]:
    status, page = await node.rest("GET", f"Calls/{sid}/Notifications.json")
    assert status == 200
    return [str(each["error_code"]) for each in page["notifications"]]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        sdp(0),
        sdp().replace("RTP/AVP 0 101", "RTP/AVP 18").replace("a=rtpmap:0 PCMU/8000", "a=x:1"),
        "v=0\r\n",
    ],
    ids=["no description", "port 0", "another format", "half a description"],
)
async def test_an_offer_of_ours_that_is_never_answered(
    shared: Node, webhook: Webhook, answer: str | None
) -> None:
    """RFC 3261 §13.2.2.4: BYE at once, and a notification; the verb does not wait for a party that cannot be heard."""
    webhook["voice"] = response("<Pause length='1'/>", "<Record/>")
    async with RawPhone("eve") as eve:
        call = eve.invite(shared.uri("1000"), shared.sip_address, body=None)
        sid = (await webhook.next("voice"))["CallSid"]
        ok = await call.gets("INVITE", 200)
        assert "m=audio" in ok.body
        call.request("ACK", body=answer)
        bye = await call.gets("BYE", timeout=10)
        assert "cause=488" in (bye["Reason"] or "")
        assert (await shared.final(sid))["status"] == "completed"
        assert "60017" in await notifications(shared, sid)


async def test_a_reinvite_without_an_offer_whose_answer_does_not_come(shared: Node, webhook: Webhook) -> None:
    webhook["voice"] = response("<Pause length='0'/>", "<Record/>")
    async with RawPhone("eve") as eve:
        call = eve.invite(shared.uri("1000"), shared.sip_address, body=sdp())
        await call.gets("INVITE", 200)
        call.request("ACK")
        call.request("INVITE")
        await eventually("the offer", lambda: [each for each in call.received if each["CSeq"] == "2 INVITE"])
        call.request("ACK", number=2)
        await call.gets("BYE", timeout=10)


async def test_the_callers_reason_for_giving_up_reaches_the_phone_that_rings(
    shared: Node, webhook: Webhook
) -> None:
    """RFC 3326: a CANCEL that says `completed elsewhere` keeps the phone from listing a missed call."""
    async with RawPhone("eve") as eve, RawPhone("bob") as bob:
        webhook["voice"] = response(f"<Dial answerOnBridge='true'><Sip>{bob.uri}</Sip></Dial>")
        call = eve.invite(shared.uri("1000"), shared.sip_address, body=sdp())
        rung = await bob.next_call()
        rung.ring()
        await call.gets("INVITE", 180)
        reason = 'SIP;cause=200;text="Call completed elsewhere"'
        call.cancel([("Reason", reason)])
        cancel = await rung.gets("CANCEL")
        assert cancel["Reason"] == reason
        rung.refuse(487)


async def test_a_cancel_whose_via_names_another_host(shared: Node, webhook: Webhook) -> None:
    async with RawPhone("eve") as eve, RawPhone("bob") as bob:
        webhook["voice"] = response(f"<Dial answerOnBridge='true'><Sip>{bob.uri}</Sip></Dial>")
        call = eve.invite(shared.uri("1000"), shared.sip_address, body=sdp())
        rung = await bob.next_call()
        rung.ring()
        await call.gets("INVITE", 180)
        call.cancel(sent_by="192.0.2.77:5060")
        await call.gets("CANCEL", 200)
        await call.gets("INVITE", 487)
        await rung.gets("CANCEL")
        rung.refuse(487)


async def test_a_phone_that_hangs_up_while_it_rings(shared: Node, webhook: Webhook) -> None:
    async with RawPhone("eve") as eve, RawPhone("bob") as bob:
        webhook["voice"] = response(f"<Dial action='after' timeout='20'><Sip>{bob.uri}</Sip></Dial>")
        webhook["after"] = response("<Hangup/>")
        call = eve.invite(shared.uri("1000"), shared.sip_address, body=sdp())
        await call.gets("INVITE", 200)
        call.request("ACK")
        rung = await bob.next_call()
        rung.ring()
        rung.request("BYE")
        await rung.gets("BYE", 200)
        after = await webhook.next("after", timeout=10)
        assert after["DialCallStatus"] == "no-answer"
        await rung.gets("CANCEL")
        rung.refuse(487)


async def test_the_answer_of_the_fork_that_accepts_counts(shared: Node, webhook: Webhook) -> None:
    """Two 183 with To tags and ports of their own, then the 200 of the first without a body."""
    async with RawPhone("eve") as eve, RawPhone("bob") as bob:
        webhook["voice"] = response(f"<Dial><Sip>{bob.uri}</Sip></Dial>")
        call = eve.invite(shared.uri("1000"), shared.sip_address, body=sdp())
        await call.gets("INVITE", 200)
        call.request("ACK")
        rung = await bob.next_call()
        first = rung.tag
        rung.respond(rung.invite, 183, body=sdp(40000))
        rung.tag = "second"
        rung.respond(rung.invite, 183, body=sdp(40002))
        rung.tag = first
        rung.respond(rung.invite, 200)
        await rung.gets("ACK")
        rung.request("BYE")
        await rung.gets("BYE", 200)


async def test_a_number_by_its_tel_uri(shared: Node, webhook: Webhook) -> None:
    webhook["voice"] = response("<Reject/>")
    async with RawPhone("eve") as eve:
        call = eve.invite("tel:+15550100", shared.sip_address, body=sdp())
        request = await webhook.next("voice")
        assert request["To"] == "+15550100"
        await call.gets("INVITE", 603)
        call.request("ACK")


async def test_a_challenge_of_two_proxies(shared: Node, webhook: Webhook) -> None:
    async with RawPhone("eve") as eve, RawPhone("bob") as bob:
        webhook["voice"] = response(f"<Dial><Sip username='u' password='p'>{bob.uri}</Sip></Dial>")
        call = eve.invite(shared.uri("1000"), shared.sip_address, body=sdp())
        await call.gets("INVITE", 200)
        call.request("ACK")
        rung = await bob.next_call()
        rung.refuse(407, [challenge("edge")])
        second = await rung.gets_invite(1)
        rung.respond(second, 407, [challenge("core")])
        again = await rung.gets_invite(2)
        assert len(again.all("Proxy-Authorization")) == 2
        rung.respond(again, 486)
        await call.gets("BYE")


def challenge(realm: str) -> tuple[str, str]:
    return "Proxy-Authenticate", f'Digest realm="{realm}", nonce="{realm}-1", qop="auth"'


async def test_a_host_name_in_the_connection_line(shared: Node, webhook: Webhook) -> None:
    """RFC 8866 §5.7: a caller's offer and a callee's answer may name a host."""
    named = sdp().replace("c=IN IP4 127.0.0.1", "c=IN IP4 localhost")
    async with RawPhone("eve") as eve, RawPhone("bob") as bob:
        webhook["voice"] = response(f"<Dial><Sip>{bob.uri}</Sip></Dial>")
        call = eve.invite(shared.uri("1000"), shared.sip_address, body=named)
        await call.gets("INVITE", 200)
        call.request("ACK")
        rung = await bob.next_call()
        rung.respond(rung.invite, 200, body=named)
        await rung.gets("ACK")
        rung.request("BYE")
        await rung.gets("BYE", 200)
        await call.gets("BYE")


async def test_the_second_audio_line_is_the_one_that_can_be_used(shared: Node, webhook: Webhook) -> None:
    webhook["voice"] = response("<Pause length='0'/>", "<Record/>")
    lines = sdp(40000).replace("m=audio", "m=audio 40002 RTP/AVP 18\r\nm=audio")
    async with RawPhone("eve") as eve:
        call = eve.invite(shared.uri("1000"), shared.sip_address, body=lines)
        ok = await call.gets("INVITE", 200)
        call.request("ACK")
        audio = [line for line in ok.body.splitlines() if line.startswith("m=audio")]
        assert audio[0].startswith("m=audio 0 ")
        assert not audio[1].startswith("m=audio 0 ")
        call.request("BYE")
        await call.gets("BYE", 200)


async def test_a_redirection_is_followed(shared: Node, webhook: Webhook) -> None:
    """RFC 3261 §8.1.3.4: the same call at another place, and those who are asked are shown where."""
    async with RawPhone("eve") as eve, RawPhone("bob") as bob, RawPhone("carol") as carol:
        webhook["voice"] = response(
            f"<Dial action='after'><Sip statusCallback='{webhook.url('status')}'>{bob.uri}</Sip></Dial>"
        )
        webhook["after"] = response("<Hangup/>")
        webhook["status"] = ""
        call = eve.invite(shared.uri("1000"), shared.sip_address, body=sdp())
        await call.gets("INVITE", 200)
        call.request("ACK")
        rung = await bob.next_call()
        rung.refuse(302, [("Contact", f"<{carol.uri}>;q=0.5"), ("Contact", "<tel:+15550100>")])
        followed = await carol.next_call()
        assert bob.uri in (followed.invite["To"] or "")
        assert followed.invite["Call-ID"] == rung.invite["Call-ID"]
        followed.answer()
        await followed.gets("ACK")
        followed.request("BYE")
        after = await webhook.next("after")
        assert after["DialCallStatus"] == "completed"
        [branch] = json.loads(after["DialBranches"])
        assert branch["redirected_to"] == carol.uri
        assert (await webhook.next("status"))["SipRedirectedTo"] == carol.uri


async def test_redirections_in_a_circle_end(shared: Node, webhook: Webhook) -> None:
    async with RawPhone("eve") as eve, RawPhone("bob") as bob, RawPhone("carol") as carol:
        webhook["voice"] = response(f"<Dial action='after'><Sip>{bob.uri}</Sip></Dial>")
        webhook["after"] = response("<Hangup/>")
        call = eve.invite(shared.uri("1000"), shared.sip_address, body=sdp())
        await call.gets("INVITE", 200)
        call.request("ACK")
        (await bob.next_call()).refuse(302, [("Contact", f"<{carol.uri}>")])
        (await carol.next_call()).refuse(302, [("Contact", f"<{bob.uri}>")])
        assert (await webhook.next("after"))["DialCallStatus"] == "failed"


async def test_every_format_of_an_answer_is_heard(shared: Node, webhook: Webhook) -> None:
    """The callee answers `0 8 101` and sends PCMA, then PCMU (RFC 3264 §6.1, §7)."""
    async with (
        RawPhone("eve") as eve,
        RawPhone("bob") as bob,
        RtpPeer(PCMU) as eves,
        RtpPeer(PCMA) as bobs,
    ):
        webhook["voice"] = response(f"<Dial><Sip>{bob.uri}</Sip></Dial>")
        call = eve.invite(shared.uri("1000"), shared.sip_address, body=sdp(eves.port))
        ok = await call.gets("INVITE", 200)
        call.request("ACK")
        rung = await bob.next_call()
        both = sdp(bobs.port).replace("RTP/AVP 0 101", "RTP/AVP 0 8 101")
        rung.respond(rung.invite, 200, body=both)
        await rung.gets("ACK")
        eves.speak(rtp_of(ok), None)
        bobs.speak(rtp_of(rung.invite), 600)
        assert await eves.hears(600)
        await bobs.be_silent()
        bobs.kind = PCMU
        bobs.speak(rtp_of(rung.invite), 900)
        assert await eves.hears(900)
        call.request("BYE")
        await call.gets("BYE", 200)


async def test_a_straggler_after_a_move_counts_no_more(shared: Node, webhook: Webhook) -> None:
    """RFC 3264 §8: media moves to another port by re-INVITE; a late packet still comes from the old one."""
    webhook["voice"] = response("<Echo/>")
    async with RawPhone("eve") as eve, RtpPeer() as old, RtpPeer() as new:
        call = eve.invite(shared.uri("1000"), shared.sip_address, body=sdp(old.port))
        node = rtp_of(await call.gets("INVITE", 200))
        call.request("ACK")
        old.speak(node, 600)
        assert await old.hears(600)
        await old.be_silent()
        call.request("INVITE", body=sdp(new.port))
        await eventually("the answer", lambda: [each for each in call.received if each["CSeq"] == "2 INVITE"])
        call.request("ACK", number=2)
        await asyncio.sleep(0.2)  # what is on its way to the old port arrives
        before = old.packets
        for _ in range(5):
            old.send_one(node)
        new.speak(node, 900)
        assert await new.hears(900)
        assert old.packets == before
        call.request("BYE")
        await call.gets("BYE", 200)


async def test_a_party_that_has_not_moved_after_all_is_heard(shared: Node, webhook: Webhook) -> None:
    """A re-INVITE names another port; packets come from the old one for a second, then from the new one after all."""
    webhook["voice"] = response("<Echo/>")
    async with RawPhone("eve") as eve, RtpPeer() as old, RtpPeer() as new:
        call = eve.invite(shared.uri("1000"), shared.sip_address, body=sdp(old.port))
        node = rtp_of(await call.gets("INVITE", 200))
        call.request("ACK")
        old.speak(node, 600)
        assert await old.hears(600)
        call.request("INVITE", body=sdp(new.port))
        await eventually("the answer", lambda: [each for each in call.received if each["CSeq"] == "2 INVITE"])
        call.request("ACK", number=2)
        await eventually("the change", lambda: time.monotonic() - old.arrivals[-1] > 0.3)
        silent = old.arrivals[-1]
        await eventually("the old port to be believed", lambda: old.arrivals[-1] > silent)
        assert old.arrivals[-1] - silent > 0.8
        new.speak(node, 900)
        assert await new.hears(900, seconds=0.3)
        count = old.packets
        assert await new.hears(900, seconds=0.6)
        assert old.packets == count, "it speaks still, and counts no more"
        call.request("BYE")
        await call.gets("BYE", 200)


def rtp_of(message: SipMessage) -> tuple[str, int]:
    """Where the description of a message wants packets."""
    port = next(line.split()[1] for line in message.body.splitlines() if line.startswith("m=audio"))
    return "127.0.0.1", int(port)
