"""A phone calls, the application is asked, `<Dial><Sip>` rings another phone, and the two hear each other."""

from pathlib import Path

import pytest

from tests.scenarios.conftest import PhoneFactory, Server
from tests.scenarios.harness import sipp_scenarios
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.rtp_peer import RtpPeer
from tests.scenarios.harness.sipp import Sipp
from tests.scenarios.harness.waiting import eventually

TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])


@TRANSPORTS
async def test_two_softphones_hear_each_other(
    server: Server, phone: PhoneFactory, webhook: Webhook, transport: str
) -> None:
    """Alice says 440 Hz, Bob says 660 Hz; each hears the other and nothing else, on either transport."""
    alice, bob = await phone("alice"), await phone("bob")
    target = bob.uri if transport == "udp" else bob.tcp_uri
    webhook["voice"] = response(f"<Dial><Sip>{target}</Sip></Dial>")

    call = await alice.invite(server.uri if transport == "udp" else server.tcp_uri, say=440)
    ringing = await bob.next_call()
    assert f"SIP/2.0/{transport.upper()}" in (ringing.invite["Via"] or "")
    await ringing.ring()
    await ringing.answer(say=660)
    await call.answered()

    assert await call.hears(660, seconds=1.0)
    assert await ringing.hears(440, seconds=1.0)
    assert ringing.heard().seconds_of(660) == 0
    await call.hang_up()
    assert await ringing.ended() == 200


@TRANSPORTS
async def test_a_softphone_calls_and_sipp_answers(
    server: Server, phone: PhoneFactory, webhook: Webhook, sipp: Path, transport: str
) -> None:
    """What Alice says arrives at SIPp without a packet lost; what is said there arrives at hers."""
    alice = await phone("alice")
    async with (
        RtpPeer() as rtp,
        Sipp(sipp, sipp_scenarios.answering(port=str(rtp.port)), transport=transport) as uas,
    ):
        webhook["voice"] = response(f"<Dial><Sip>{uas.uri}</Sip></Dial>")
        call = await alice.invite(server.uri, say=440)
        assert await rtp.hears(440, seconds=1.0)
        [invite] = uas.received("INVITE")
        assert invite.audio
        rtp.speak(invite.audio, 1000)
        assert await call.hears(1000, seconds=1.0)
        await call.hang_up()
        tally = await uas.done()
    assert tally.retransmissions == 0
    assert rtp.lost == 0
    assert {source[1] for source in rtp.sources} == {invite.audio[1]}, "RTP comes from the port of the SDP"


@TRANSPORTS
async def test_sipp_calls_and_a_softphone_answers(
    server: Server, phone: PhoneFactory, webhook: Webhook, sipp: Path, transport: str
) -> None:
    """The other way round."""
    bob = await phone("bob")
    webhook["voice"] = response(f"<Dial><Sip>{bob.uri}</Sip></Dial>")
    async with RtpPeer() as rtp:
        calling = sipp_scenarios.calling(talk_ms=3000, port=str(rtp.port))
        towards = f"127.0.0.1:{server.node.sip_port}"
        async with Sipp(sipp, calling, towards=towards, number=server.number, transport=transport) as uac:
            call = await bob.next_call()
            await call.answer(say=660)
            assert await rtp.hears(660)
            [answer] = uac.received("INVITE", 200)
            assert answer.audio
            rtp.speak(answer.audio, 880)
            assert await call.hears(880)
            assert await call.ended() == 200
            await uac.done()


async def test_sipp_calls_and_sipp_answers_and_echoes(server: Server, webhook: Webhook, sipp: Path) -> None:
    """SIPp on both ends: what the caller says is echoed by the callee and heard again, over both legs."""
    async with RtpPeer() as rtp, Sipp(sipp, sipp_scenarios.answering(), options=["-rtp_echo"]) as uas:
        webhook["voice"] = response(f"<Dial><Sip>{uas.uri}</Sip></Dial>")
        calling = sipp_scenarios.calling(talk_ms=2500, port=str(rtp.port))
        towards = f"127.0.0.1:{server.node.sip_port}"
        async with Sipp(sipp, calling, towards=towards, number=server.number) as uac:
            request = await webhook.next("voice")
            assert request["CallStatus"] == "ringing"
            await eventually("a 200", lambda: uac.received("INVITE", 200))
            [answer] = uac.received("INVITE", 200)
            assert answer.audio
            rtp.speak(answer.audio, 770)
            assert await rtp.hears(770)
            await uac.done()
            await uas.done()


@pytest.mark.parametrize(
    ("caller", "callee"),
    [
        ("PCMU/8000", "PCMA/8000"),
        ("PCMA/8000", "PCMU/8000"),
        ("G722/16000", "PCMU/8000"),
        ("G722/16000", "G722/16000"),
    ],
)
async def test_legs_may_differ_in_codec(
    server: Server, phone: PhoneFactory, webhook: Webhook, caller: str, callee: str
) -> None:
    """Each phone knows one codec alone; they still understand each other."""
    alice, bob = await phone("alice"), await phone("bob")
    await alice.use_codecs(caller)
    await bob.use_codecs(callee)
    webhook["voice"] = response(f"<Dial><Sip>{bob.uri}</Sip></Dial>")
    call = await alice.invite(server.uri, say=440)
    ringing = await bob.next_call()
    await ringing.answer(say=660)
    assert await call.hears(660)
    assert await ringing.hears(440)


async def test_digits_go_across_whatever_their_payload_types(
    server: Server, phone: PhoneFactory, webhook: Webhook, sipp: Path
) -> None:
    """Alice numbers telephone-events otherwise than SIPp (120 and 101): keys arrive both ways, each once."""
    alice = await phone("alice")
    async with RtpPeer() as rtp, Sipp(sipp, sipp_scenarios.answering(port=str(rtp.port))) as uas:
        webhook["voice"] = response(f"<Dial><Sip>{uas.uri}</Sip></Dial>")
        call = await alice.invite(server.uri, say=440)
        assert await rtp.hears(440)
        [invite] = uas.received("INVITE")
        assert invite.audio
        assert invite.telephone_event
        rtp.speak(invite.audio, None)
        await call.press("159#")
        await rtp.press(invite.audio, "2*0", payload_type=invite.telephone_event)
        await call.pressed("2*0")
        await eventually("four digits", lambda: len(rtp.digits) >= 4)
        await call.hang_up()
        await uas.done()
    assert rtp.digits == "159#"
    assert rtp.payload_types == {0, 101}


async def test_the_caller_may_send_from_another_port_than_it_announced(
    server: Server, phone: PhoneFactory, webhook: Webhook, sipp: Path
) -> None:
    """Behind a NAT, RTP comes from where no SDP said: the node answers to where it really comes from."""
    bob = await phone("bob")
    webhook["voice"] = response(f"<Dial><Sip>{bob.uri}</Sip></Dial>")
    async with RtpPeer() as announced, RtpPeer() as real:
        calling = sipp_scenarios.calling(talk_ms=3000, port=str(announced.port))
        towards = f"127.0.0.1:{server.node.sip_port}"
        async with Sipp(sipp, calling, towards=towards, number=server.number) as uac:
            call = await bob.next_call()
            await call.answer(say=660)
            await call.answered()
            await eventually("a 200", lambda: uac.received("INVITE", 200))
            [answer] = uac.received("INVITE", 200)
            assert answer.audio
            real.speak(answer.audio, 880)
            assert await call.hears(880)
            assert await real.hears(660)
            await uac.done()


async def test_hold_stays_on_its_own_leg(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """Alice holds and resumes: Bob's phone sees no re-INVITE, hears silence meanwhile, and her again afterwards."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(f"<Dial><Sip>{bob.uri}</Sip></Dial>")
    call = await alice.invite(server.uri, say=440)
    ringing = await bob.next_call()
    await ringing.answer(say=660)
    assert await ringing.hears(440)
    await call.hold()
    assert await ringing.hears_nothing()
    await call.resume()
    assert await ringing.hears(440)
    assert await call.hears(660)
    assert [each.method for each in ringing.received if each.is_request] == ["INVITE"]
    await ringing.hold()
    assert await call.hears_nothing()
    await ringing.resume()
    assert await call.hears(660)
    assert [each for each in call.received if each.is_request] == []
