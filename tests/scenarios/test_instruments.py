"""The instruments themselves: phones that call each other without a node between them.

What a scenario says is worth as much as its listening: here it hears what is known to be there, and does not hear what
is not.
"""

from pathlib import Path

import numpy

from tests.scenarios.conftest import PhoneFactory
from tests.scenarios.harness import sipp_scenarios
from tests.scenarios.harness.audio import Heard, silence, tone, write_wav
from tests.scenarios.harness.raw_phone import RawPhone
from tests.scenarios.harness.relay import LossyRelay, Weather
from tests.scenarios.harness.rtp_peer import PCMA, PCMU, RtpPeer, encode
from tests.scenarios.harness.sipp import Sipp


def test_a_tone_differs_from_another_from_noise_and_from_silence(tmp_path: Path) -> None:
    """440 Hz is 440 Hz, not 480; noise is nothing; when each began is known to a tenth of a second."""
    noise = (numpy.random.default_rng(1).standard_normal(8000) * 5000).astype(numpy.int16)
    parts = [silence(0.5), tone(440, 1.0), noise, tone(480, 0.5) // 2 + tone(350, 0.5) // 2]
    heard = Heard.from_wav(write_wav(tmp_path / "mixed.wav", numpy.concatenate(parts)))
    assert abs(heard.seconds_of(440) - 1.0) < 0.11
    assert heard.seconds_of(660) == 0
    assert heard.first(440) == 0.5
    assert abs(heard.seconds_of(480, 350) - 0.5) < 0.11
    assert heard.between(0.0, 0.5).seconds_of_sound == 0
    assert heard.between(1.6, 2.4).seconds_of(440) == 0


def test_g711_of_the_rtp_peer_is_worth_its_bits() -> None:
    """Both laws carry a tone with the 35 dB that they are known for."""
    spoken = tone(1000, 1.0)
    for kind in (PCMU, PCMA):
        back = RtpPeer(kind)
        back._frames.append(encode(spoken, kind))
        error = back.heard().samples.astype(float) - spoken
        assert 10 * numpy.log10(numpy.mean(spoken.astype(float) ** 2) / numpy.mean(error**2)) > 35


async def test_two_softphones_hear_each_other(phone: PhoneFactory) -> None:
    """Tones both ways, digits, hold and resume, over UDP and TCP."""
    alice, bob = await phone("alice"), await phone("bob")
    for uri in (bob.uri, bob.tcp_uri):
        outgoing = await alice.invite(uri, say=440, headers=[("X-Room", "kitchen")])
        incoming = await bob.next_call()
        assert incoming.invite["X-Room"] == "kitchen"
        await incoming.ring()
        await outgoing.ringing()
        await incoming.answer(say=660)
        assert await outgoing.hears(660)
        assert await incoming.hears(440)
        await outgoing.press("12#")
        await incoming.pressed("12#")
        await outgoing.hold()
        assert await incoming.hears_nothing()
        await outgoing.resume()
        assert await incoming.hears(440)
        await incoming.hang_up()
        assert await outgoing.ended() == 200


async def test_softphone_and_sipp_hear_each_other(phone: PhoneFactory, sipp: Path) -> None:
    """SIPp signals, the RTP peer speaks for it; both transports, both directions."""
    alice = await phone("alice")
    await alice.use_codecs("PCMU/8000")
    for transport in ("udp", "tcp"):
        async with RtpPeer() as rtp:
            answering = sipp_scenarios.answering([("X-Floor", "2")], port=str(rtp.port))
            async with Sipp(sipp, answering, transport=transport) as uas:
                call = await alice.invite(uas.uri, say=440)
                await call.answered()
                assert call.final()["X-Floor"] == "2"
                [invite] = uas.received("INVITE")
                assert invite.audio
                rtp.speak(invite.audio, 1000)
                assert await rtp.hears(440)
                assert await call.hears(1000)
                await rtp.press(invite.audio, "42", payload_type=invite.telephone_event or 0)
                await call.pressed("42")
                await call.hang_up()
                await uas.done()
    async with RtpPeer() as rtp:
        calling = sipp_scenarios.calling(talk_ms=1500, port=str(rtp.port))
        async with Sipp(sipp, calling, towards=alice.udp_address, number="alice") as uac:
            call = await alice.next_call()
            await call.answer(say=660)
            assert await rtp.hears(660)
            await uac.done()


async def test_sipp_refuses_rings_and_hangs_up(phone: PhoneFactory, sipp: Path) -> None:
    """The ways a call may end are those that the scenario names."""
    alice = await phone("alice")
    async with Sipp(sipp, sipp_scenarios.refusing(486, [("X-Why", "busy")])) as uas:
        call = await alice.invite(uas.uri)
        assert await call.ended() == 486
        assert call.final()["X-Why"] == "busy"
        await uas.done()
    async with Sipp(sipp, sipp_scenarios.ringing_for_ever()) as uas:
        call = await alice.invite(uas.uri)
        await call.ringing()
        await call.hang_up()
        assert await call.ended() == 487
        await uas.done()
    async with Sipp(sipp, sipp_scenarios.answering_then_hanging_up(300)) as uas:
        call = await alice.invite(uas.uri)
        await call.answered()
        assert await call.ended() == 200
        await uas.done()


async def test_raw_phone_answers_a_softphone(phone: PhoneFactory) -> None:
    """By hand: 180, 200, ACK, BYE from either side."""
    alice = await phone("alice")
    async with RawPhone("eve") as eve:
        call = await alice.invite(eve.uri)
        raw = await eve.next_call()
        raw.ring()
        await call.ringing()
        raw.answer()
        await raw.gets("ACK")
        raw.request("BYE")
        await raw.gets("BYE", 200)
        assert await call.ended() == 200
        host, port = alice.udp_address.split(":")
        out = eve.invite(alice.uri, (host, int(port)))
        incoming = await alice.next_call()
        await incoming.ring()
        await out.gets("INVITE", 180)
        out.cancel()
        await out.gets("INVITE", 487)


async def test_bad_weather_loses_and_the_softphones_get_over_it(phone: PhoneFactory) -> None:
    """A fifth of all datagrams lost, and the call is made and ended; the relay did lose some."""
    alice, bob = await phone("alice"), await phone("bob")
    await bob.answers_always()
    host, port = bob.udp_address.split(":")
    async with LossyRelay((host, int(port)), Weather(loss=0.2), seed=7) as relay:
        for _ in range(4):
            call = await alice.invite(f"sip:bob@{relay.front[0]}:{relay.front[1]}")
            await call.answered(20)
            await call.hang_up()
            await call.ended(20)
    assert relay.lost
    assert relay.passed > relay.lost
