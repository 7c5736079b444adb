"""The native media plane with real sockets: what one party says is what the other hears."""

import asyncio
import struct
from collections.abc import AsyncIterator

import numpy as np
import pytest

from callapi.media import (
    DigitPressed,
    FirstPacket,
    MediaAddress,
    PortsExhausted,
    StreamClosed,
    StreamParameters,
)
from callapi.media.plane.engine import NativePlane
from callapi.media.plane.native_streams import NativeStream
from tests.media.party import PCMA, PCMU, Party, decode, pitch, prompt, tone


@pytest.fixture
async def plane() -> AsyncIterator[NativePlane]:
    async with NativePlane(rtp_ports="42000-42199", threads=2) as plane:
        yield plane


async def next_event(stream: NativeStream) -> object:
    async with asyncio.timeout(3):
        return await stream.next_event()


async def bridged(plane: NativePlane, alice: StreamParameters, bob: StreamParameters) -> list[NativeStream]:
    """Two configured streams that are joined, in whichever threads they were."""
    legs = [plane.open_stream(), plane.open_stream()]
    legs[0].configure(alice)
    legs[1].configure(bob)
    plane.bridge(*legs)
    await asyncio.sleep(0.02)
    return legs


async def test_what_one_says_the_other_hears_octet_for_octet(plane: NativePlane) -> None:
    async with Party() as alice, Party() as bob:
        caller, callee = await bridged(plane, alice.parameters(), bob.parameters())
        await asyncio.gather(alice.say(caller.local, tone(440, 0.5)), bob.say(callee.local, tone(700, 0.5)))
        await bob.hears(25)
        await alice.hears(25)
        assert pitch(bob.heard()) == pytest.approx(440, abs=6)
        assert pitch(alice.heard()) == pytest.approx(700, abs=6)
        assert np.array_equal(bob.heard(), decode("PCMU", b"".join(packet.payload for packet in bob.audio())))
        sequences = [packet.sequence for packet in bob.audio()]
        assert sequences == [(sequences[0] + number) & 0xFFFF for number in range(25)]
        timestamps = [packet.timestamp for packet in bob.audio()]
        assert timestamps == [(timestamps[0] + 160 * number) & 0xFFFFFFFF for number in range(25)]
        assert [packet.marker for packet in bob.audio()] == [True] + 24 * [False]
        assert {packet.ssrc for packet in bob.audio()} != {alice.ssrc}
        assert bob.audio()[0].source == (callee.local.host, callee.local.port)


async def test_legs_of_different_laws_hear_each_other(plane: NativePlane) -> None:
    async with Party(PCMU) as alice, Party(PCMA) as bob:
        caller, callee = await bridged(plane, alice.parameters(), bob.parameters())
        await asyncio.gather(alice.say(caller.local, tone(440, 0.6)), bob.say(callee.local, tone(700, 0.6)))
        await bob.hears(25)
        await alice.hears(25)
        assert pitch(bob.heard()[800:4000]) == pytest.approx(440, abs=6)
        assert pitch(alice.heard()[800:4000]) == pytest.approx(700, abs=6)


@pytest.mark.timing
async def test_a_prompt_is_played_with_exact_pace_and_ends(plane: NativePlane) -> None:
    async with Party() as alice:
        stream = plane.open_stream()
        stream.configure(alice.parameters())
        playback = stream.play(prompt(440, 0.5), loop=2)
        assert await asyncio.wait_for(playback.ended(), 3)
        packets = alice.audio()
        assert len(packets) == 50
        assert pitch(alice.heard()) == pytest.approx(440, abs=6)
        span = packets[-1].at - packets[0].at
        assert span == pytest.approx(49 * 0.02, abs=0.02)
        assert [packet.marker for packet in packets] == [True] + 49 * [False]


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 48_000])
async def test_prompts_of_any_rate_sound_as_they_are(plane: NativePlane, rate: int) -> None:
    async with Party() as alice:
        stream = plane.open_stream()
        stream.configure(alice.parameters())
        assert await asyncio.wait_for(stream.play(prompt(440, 0.4, rate)).ended(), 3)
        assert len(alice.audio()) == pytest.approx(20, abs=1)
        assert pitch(alice.heard()[400:3000]) == pytest.approx(440, abs=6)
        loudness = np.sqrt(np.mean(np.square(alice.heard()[400:3000].astype(np.float64))))
        assert loudness == pytest.approx(8000 / np.sqrt(2), rel=0.05)


async def test_a_ringing_tone_is_the_country_s_and_stops(plane: NativePlane) -> None:
    async with Party() as alice:
        stream = plane.open_stream()
        stream.configure(alice.parameters())
        ringing = stream.play_tone("de")
        await alice.hears(20)
        assert pitch(alice.heard()[:3200]) == pytest.approx(425, abs=6)
        ringing.stop()
        assert not await ringing.ended()
        count = len(alice.audio())
        await asyncio.sleep(0.1)
        assert len(alice.audio()) <= count + 1


async def test_version_6_of_the_internet_protocol() -> None:
    async with NativePlane("::1", rtp_ports="42210-42219", threads=2) as plane:
        one, other = plane.open_stream(), plane.open_stream()
        one.configure(StreamParameters(other.local, PCMU))
        other.configure(StreamParameters(one.local, PCMU))
        await asyncio.wait_for(one.play(prompt(440, 0.2)).ended(), 3)
        assert await next_event(other) == FirstPacket(one.local)
        assert other.statistics().packets_received == 10


async def test_digits_are_reported_once_and_cross_the_bridge_with_the_other_payload_type(
    plane: NativePlane,
) -> None:
    async with Party() as alice, Party() as bob:
        caller, _ = await bridged(plane, alice.parameters(), bob.parameters(event=96, receive_event=96))
        await alice.say(caller.local, tone(440, 0.1))
        assert isinstance(await next_event(caller), FirstPacket)
        await alice.press(caller.local, "5")
        await alice.press(caller.local, "#")
        assert await next_event(caller) == DigitPressed("5")
        assert await next_event(caller) == DigitPressed("#")
        events = [packet for packet in bob.packets if packet.payload_type == 96]
        assert len(events) == 16
        assert {packet.payload[0] for packet in events} == {5, 11}
        assert len({packet.timestamp for packet in events}) == 2
        sequences = [packet.sequence for packet in bob.packets]
        assert sequences == [(sequences[0] + number) & 0xFFFF for number in range(len(sequences))]


async def test_digits_are_sent_as_events(plane: NativePlane) -> None:
    async with Party() as alice:
        stream = plane.open_stream()
        stream.configure(alice.parameters(event=97))
        assert await asyncio.wait_for(stream.send_digits("1#").ended(), 3)
        events = [packet for packet in alice.packets if packet.payload_type == 97]
        decoded = [struct.unpack("!BBH", packet.payload) for packet in events]
        assert [code for code, flags, _ in decoded if flags & 0x80] == [1, 1, 1, 11, 11, 11]
        assert [duration for _, flags, duration in decoded if not flags & 0x80] == [160, 320, 480, 640] * 2
        assert [packet.marker for packet in events] == ([True] + 6 * [False]) * 2


async def test_an_intruder_is_not_heard(plane: NativePlane) -> None:
    async with Party() as alice, Party() as bob, Party(ssrc=666) as intruder:
        caller, _ = await bridged(plane, alice.parameters(), bob.parameters())
        both = (alice.say(caller.local, tone(440, 0.4)), intruder.say(caller.local, tone(1500, 0.4)))
        await asyncio.gather(*both)
        await bob.hears(20)
        assert len(bob.audio()) == 20
        assert pitch(bob.heard()) == pytest.approx(440, abs=6)
        assert caller.statistics().remote == alice.address
        assert not intruder.packets


async def test_a_party_behind_a_nat_is_answered_where_it_is(plane: NativePlane) -> None:
    async with Party() as alice:
        stream = plane.open_stream()
        stream.configure(alice.parameters(remote=MediaAddress("127.0.0.1", 9)))
        await alice.say(stream.local, tone(440, 0.1))
        assert await next_event(stream) == FirstPacket(alice.address)
        stream.play(prompt(600, 0.2))
        await alice.hears(10)
        assert stream.statistics().remote == alice.address


async def test_ports_run_out_and_come_back() -> None:
    async with NativePlane(rtp_ports="42200-42203", threads=1) as plane:
        first, _ = plane.open_stream(), plane.open_stream()
        with pytest.raises(PortsExhausted, match="2 RTP port pairs"):
            plane.open_stream()
        first.close()
        await asyncio.sleep(0.1)
        assert plane.open_stream().local.port == first.local.port


async def test_a_closed_stream_takes_no_commands_and_its_events_end(plane: NativePlane) -> None:
    stream = plane.open_stream()
    playback = stream.play(prompt(440, 5))
    stream.close()
    stream.close()
    assert not await playback.ended()
    with pytest.raises(StreamClosed):
        stream.play(prompt(440, 5))
    assert [event async for event in stream.events] != []
    with pytest.raises(StreamClosed):
        await stream.next_event()


async def test_what_no_stream_can_do_is_refused(plane: NativePlane) -> None:
    stream = plane.open_stream()
    async with Party() as alice:
        with pytest.raises(ValueError, match="codec"):
            stream.configure(StreamParameters(alice.address, PCMU.__class__("speex", 97, 8000, 1, 97)))
        with pytest.raises(ValueError, match="IP address"):
            stream.configure(alice.parameters(remote=MediaAddress("example.org", 4000)))
        with pytest.raises(ValueError, match="ptime_ms"):
            stream.configure(alice.parameters(ptime_ms=7))
        with pytest.raises(ValueError, match="0-9"):
            stream.send_digits("x")
