"""Extensions of SIP on the wire of the product: RFC 3262, 3311, 4028, and an INVITE without an offer."""

from tests.scenarios.conftest import NodeFactory, PhoneFactory, Server
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.raw_phone import RawPhone, audio_port, sdp
from tests.scenarios.harness.rtp_peer import RtpPeer
from tests.scenarios.harness.waiting import eventually

ONE_WAY_AUDIO, MEDIA_TIMEOUT = 60001, 60002


async def test_a_reliable_provisional_is_acknowledged(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """RFC 3262: the callee's 183 with `Require: 100rel` gets its PRACK, and its early media reaches the caller."""
    alice = await phone("alice")
    async with RawPhone("bob") as bob, RtpPeer() as rtp:
        webhook["voice"] = response(f'<Dial answerOnBridge="true"><Sip>{bob.uri}</Sip></Dial>')
        call = await alice.invite(server.uri)
        ringing = await bob.next_call()
        assert "100rel" in (ringing.invite["Supported"] or "")
        reliable = (("Require", "100rel"), ("RSeq", "7"))
        ringing.respond(ringing.invite, 183, reliable, body=sdp(rtp.port))
        prack = await ringing.gets("PRACK")
        assert prack["RAck"] == f"7 {ringing.invite['CSeq']}"
        ringing.respond(prack, 200)
        rtp.speak(("127.0.0.1", audio_port(ringing.invite.body)), 880)
        assert await call.hears(880)
        ringing.answer(port=rtp.port)
        await ringing.gets("ACK")
        await call.answered()
        await call.hang_up()
        await ringing.gets("BYE")


async def test_a_caller_who_requires_reliable_provisionals(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """RFC 3262 §3: our 180 bears an RSeq and is repeated until its PRACK; then the call is made as ever."""
    bob = await phone("bob")
    async with RawPhone("carol") as carol:
        webhook["voice"] = response(f'<Dial answerOnBridge="true"><Sip>{bob.uri}</Sip></Dial>')
        call = carol.invite(server.uri, server.node.sip_address, headers=(("Require", "100rel"),), body=sdp())
        called = await bob.next_call()
        await called.ring()
        ringing = await call.gets("INVITE", 180)
        assert "100rel" in (ringing["Require"] or "")
        await eventually("the 180 again", lambda: call.count("INVITE", 180) > 1)
        call.request("PRACK", (("RAck", f"{ringing['RSeq']} 1 INVITE"),))
        await call.gets("PRACK", 200)
        await called.answer()
        assert audio_port((await call.gets("INVITE", 200)).body)
        call.request("ACK")
        call.request("BYE")
        await call.gets("BYE", 200)


async def test_session_timers_are_agreed_upon(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """RFC 4028: an interval below Min-SE is 422 with ours; one that will do comes back in the 200."""
    bob = await phone("bob")
    webhook["voice"] = response(f"<Dial><Sip>{bob.uri}</Sip></Dial>")
    supported = ("Supported", "timer")
    async with RawPhone("carol") as carol:
        short = carol.invite(
            server.uri, server.node.sip_address, headers=(supported, ("Session-Expires", "60")), body=sdp()
        )
        assert int((await short.gets("INVITE", 422))["Min-SE"] or 0) >= 90
        short.request("ACK")
        wanted = (supported, ("Session-Expires", "1800;refresher=uac"))
        call = carol.invite(server.uri, server.node.sip_address, headers=wanted, body=sdp())
        answer = await call.gets("INVITE", 200)
        assert (answer["Session-Expires"] or "").replace(" ", "") == "1800;refresher=uac"
        call.request("ACK")
        call.request("UPDATE", wanted)
        assert (await call.gets("UPDATE", 200))["Session-Expires"]
        call.request("BYE")
        await call.gets("BYE", 200)


async def test_a_call_without_an_offer(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """RFC 3261 §13.2.1: the offer is in our 200, the answer in the ACK; both are heard."""
    bob = await phone("bob")
    webhook["voice"] = response(f"<Dial><Sip>{bob.uri}</Sip></Dial>")
    async with RawPhone("carol") as carol, RtpPeer() as rtp:
        call = carol.invite(server.uri, server.node.sip_address)
        offer = (await call.gets("INVITE", 200)).body
        call.request("ACK", body=sdp(rtp.port))
        called = await bob.next_call()
        await called.answer(say=660)
        rtp.speak(("127.0.0.1", audio_port(offer)), 440)
        assert await rtp.hears(660)
        assert await called.hears(440)
        call.request("BYE")
        await call.gets("BYE", 200)


async def test_what_we_do_not_speak_is_said(server: Server) -> None:
    """405 with Allow for a method, 420 with Unsupported for an extension (RFC 3261 §8.2.1, §8.2.2.3)."""
    async with RawPhone("carol") as carol:
        call = carol.invite(
            server.uri, server.node.sip_address, headers=(("Require", "teleportation"),), body=sdp()
        )
        assert (await call.gets("INVITE", 420))["Unsupported"] == "teleportation"
        call.request("PUBLISH")
        assert "INVITE" in ((await call.gets("PUBLISH", 405))["Allow"] or "")


async def test_silence_is_noticed(new_node: NodeFactory, phone: PhoneFactory) -> None:
    """Nothing is heard from a joined callee: reported after 5 s; after `media.timeout_s` the call ends."""
    node, webhook = await new_node(media={"timeout_s": 7})
    alice = await phone("alice")
    async with RawPhone("bob") as bob:
        webhook["voice"] = response(f'<Dial action="after"><Sip>{bob.uri}</Sip></Dial>')
        webhook["after"] = response("<Hangup/>")
        call = await alice.invite(node.uri("1000"), say=440)
        called = await bob.next_call()
        called.answer()
        await called.gets("BYE", timeout=15)
        after = await webhook.next("after")
        await call.ended()
    child = after["DialCallSid"]
    assert (await node.final(child))["end_reason"] == "no RTP for 7 s"
    _, page = await node.rest("GET", f"Calls/{child}/Notifications.json")
    reported = {int(each["error_code"]) for each in page["notifications"]}
    assert reported == {ONE_WAY_AUDIO, MEDIA_TIMEOUT}
