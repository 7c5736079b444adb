"""The native media plane in the situations of calls: hold, re-INVITE, NAT, silence, other codecs, keys as tones."""

import asyncio
import struct
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import numpy as np
import pytest

from callapi.media import (
    CodecFormat,
    DigitPressed,
    DigitSource,
    Direction,
    FirstPacket,
    MediaAddress,
    NothingHeard,
    Stalled,
    StreamEvent,
    StreamParameters,
)
from callapi.media.plane.engine import NativePlane
from callapi.media.plane.native_streams import NativeStream
from tests.media.party import PCMA, Party, Samples, pitch, prompt, tone

G722 = CodecFormat("G722", 9, 8000, 1, 9)
OPUS = CodecFormat("opus", 111, 48_000, 2, 111)
KEY_5 = (770, 1336)


@pytest.fixture
async def plane() -> AsyncIterator[NativePlane]:
    async with NativePlane(rtp_ports="42500-42699", threads=2, timeout_s=0.7) as plane:
        yield plane


async def bridged(plane: NativePlane, alice: StreamParameters, bob: StreamParameters) -> list[NativeStream]:
    legs = [plane.open_stream(), plane.open_stream()]
    legs[0].configure(alice)
    legs[1].configure(bob)
    plane.bridge(*legs)
    await asyncio.sleep(0.02)
    return legs


async def events_of(stream: NativeStream, seconds: float) -> list[StreamEvent]:
    events = []
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                events.append(await stream.next_event())
    return events


def key_tone(seconds: float = 0.1) -> Samples:
    low, high = KEY_5
    return tone(low, seconds, level=5000) + tone(high, seconds, level=6000)


def loudest_two(samples: Samples) -> list[float]:
    """The two frequencies of a key, in Hz."""
    low, high = samples.astype(np.float64), samples.astype(np.float64)
    spectrum = np.abs(np.fft.rfft(low * np.hanning(len(low)), 8000))
    high = spectrum.copy()
    high[:1100] = 0
    low = spectrum.copy()
    low[1100:] = 0
    return [float(low.argmax()), float(high.argmax())]


async def test_on_hold_nothing_is_sent_and_nothing_passed_on(plane: NativePlane) -> None:
    async with Party() as alice, Party() as bob:
        caller, callee = await bridged(plane, alice.parameters(), bob.parameters())
        callee.configure(bob.parameters(direction=Direction.INACTIVE))
        await asyncio.gather(alice.say(caller.local, tone(440, 0.2)), bob.say(callee.local, tone(700, 0.2)))
        assert not alice.audio()
        assert not bob.audio()
        callee.configure(bob.parameters(direction=Direction.SENDONLY))
        await asyncio.gather(alice.say(caller.local, tone(440, 0.2)), bob.say(callee.local, tone(700, 0.2)))
        assert len(await bob.hears(10)) == 10
        assert not alice.audio()
        callee.configure(bob.parameters())
        await bob.say(callee.local, tone(700, 0.2))
        assert len(await alice.hears(10)) == 10


async def test_without_an_address_a_prompt_goes_on_unheard(plane: NativePlane) -> None:
    async with Party() as alice:
        stream = plane.open_stream()
        stream.configure(StreamParameters(None, alice.codec))
        playback = stream.play(prompt(440, 0.4))
        await asyncio.sleep(0.2)
        stream.configure(alice.parameters())
        assert await playback.ended()
        assert 5 <= len(alice.audio()) <= 12


async def test_stalled_is_reported_for_each_period_and_not_on_hold(plane: NativePlane) -> None:
    async with Party() as alice:
        stream = plane.open_stream()
        stream.configure(alice.parameters())
        events = await events_of(stream, 1.9)
        assert [round(event.silence_s, 1) for event in events if isinstance(event, Stalled)] == pytest.approx(
            [0.7, 1.4], abs=0.3
        )
        stream.configure(alice.parameters(direction=Direction.SENDONLY))
        assert await events_of(stream, 1.2) == []


async def test_one_way_audio_is_reported_once() -> None:
    async with NativePlane(rtp_ports="42700-42709", threads=2) as plane, Party() as alice, Party() as bob:
        caller, callee = await bridged(plane, alice.parameters(), bob.parameters())
        await alice.say(caller.local, tone(440, 0.1))
        heard, missing = await asyncio.gather(events_of(caller, 6), events_of(callee, 6))
        assert heard == [FirstPacket(alice.address)]
        assert missing == [NothingHeard(5.0)]


async def test_one_source_through_play_bridge_and_play(plane: NativePlane) -> None:
    async with Party() as alice, Party() as bob:
        caller, callee = plane.open_stream(), plane.open_stream()
        caller.configure(alice.parameters())
        callee.configure(bob.parameters())
        ringing = caller.play_tone("us")
        await alice.hears(5)
        bridge = plane.bridge(caller, callee)
        assert not await ringing.ended()
        await bob.say(callee.local, tone(700, 0.2))
        bridge.close()
        await caller.play(prompt(440, 0.2)).ended()
        packets = alice.audio()
        assert len({packet.ssrc for packet in packets}) == 1
        first = packets[0].sequence
        assert [packet.sequence for packet in packets] == [(first + n) & 0xFFFF for n in range(len(packets))]
        starts = [packet for packet in packets if packet.marker]
        assert len(starts) == 3
        clock = [(packet.timestamp - packets[0].timestamp) / 8000 for packet in starts]
        assert clock == pytest.approx([packet.at - packets[0].at for packet in starts], abs=0.04)


@pytest.mark.timing
async def test_sound_starts_within_a_packet_time(plane: NativePlane) -> None:
    async with Party() as alice:
        stream = plane.open_stream()
        stream.configure(alice.parameters())
        for _ in range(5):
            before = time.time()
            playback = stream.play(prompt(440, 5))
            count = len(alice.audio())
            packets = await alice.hears(count + 1)
            assert packets[count].at - before < 0.02
            playback.stop()
            assert not await playback.ended()
            await asyncio.sleep(0.03)


async def test_another_packet_time_is_made_of_the_same_codec(plane: NativePlane) -> None:
    async with Party() as alice, Party() as bob:
        caller, _ = await bridged(plane, alice.parameters(), bob.parameters(ptime_ms=30))
        await alice.say(caller.local, tone(440, 0.6))
        packets = await bob.hears(15)
        assert {len(packet.payload) for packet in packets} == {240}
        assert pitch(bob.heard()[800:3200]) == pytest.approx(440, abs=6)


@pytest.mark.parametrize("codec", [G722, OPUS], ids=lambda codec: codec.name)
async def test_through_another_codec_and_back(plane: NativePlane, codec: CodecFormat) -> None:
    """alice, PCMU - a leg of `codec`, over the network, another leg of `codec` - bob, PCMA."""
    async with Party() as alice, Party(PCMA) as bob:
        legs = [plane.open_stream() for _ in range(4)]
        legs[0].configure(alice.parameters())
        legs[1].configure(
            StreamParameters(legs[2].local, codec, telephone_event=101, receive_telephone_event=101)
        )
        legs[2].configure(
            StreamParameters(legs[1].local, codec, telephone_event=101, receive_telephone_event=101)
        )
        legs[3].configure(bob.parameters())
        plane.bridge(legs[0], legs[1])
        plane.bridge(legs[2], legs[3])
        await asyncio.sleep(0.05)
        await alice.say(legs[0].local, tone(440, 1.0))
        await bob.hears(40)
        assert pitch(bob.heard()[2400:6400]) == pytest.approx(440, abs=3)
        loudness = np.sqrt(np.mean(np.square(bob.heard()[2400:6400].astype(np.float64))))
        assert loudness == pytest.approx(8000 / np.sqrt(2), rel=0.2)
        await alice.press(legs[0].local, "7")
        ended = [packet for packet in bob.packets if packet.payload_type == 101 and packet.payload[1] & 0x80]
        assert {struct.unpack("!BBH", packet.payload)[::2] for packet in ended} == {(7, 800)}


async def test_keys_as_tones_are_reported(plane: NativePlane) -> None:
    async with Party() as alice:
        stream = plane.open_stream()
        stream.configure(alice.parameters(event=None, receive_event=None))
        silence = np.zeros(1600, np.int16)
        await alice.say(stream.local, np.concatenate([silence, key_tone(), silence, key_tone(), silence]))
        digits = [event for event in await events_of(stream, 0.2) if isinstance(event, DigitPressed)]
        assert [(event.digit, event.source) for event in digits] == 2 * [("5", DigitSource.INBAND)]


async def test_digits_for_a_party_without_events_are_tones(plane: NativePlane) -> None:
    async with Party() as alice, Party() as bob:
        caller, callee = await bridged(
            plane, alice.parameters(), bob.parameters(event=None, receive_event=None)
        )
        assert await asyncio.wait_for(callee.send_digits("5").ended(), 2)
        sounding = bob.heard()
        assert loudest_two(sounding[80:720]) == pytest.approx(KEY_5, abs=15)
        count = len(bob.audio())
        await alice.press(caller.local, "5")
        await bob.hears(count + 5)
        assert loudest_two(bob.heard()[count * 160 + 80 :][:640]) == pytest.approx(KEY_5, abs=15)
        assert {packet.payload_type for packet in bob.packets} == {0}


async def test_who_is_muted_is_not_heard_but_hears_and_dials(plane: NativePlane) -> None:
    async with Party() as alice, Party() as bob:
        caller, callee = await bridged(plane, alice.parameters(), bob.parameters())
        caller.mute(True)
        await asyncio.gather(alice.say(caller.local, tone(440, 0.2)), bob.say(callee.local, tone(700, 0.2)))
        await alice.press(caller.local, "1")
        assert not bob.packets
        assert len(alice.audio()) == 10
        events = await events_of(caller, 0.1)
        assert events == [FirstPacket(alice.address), DigitPressed("1")]
        caller.mute(False)
        await alice.say(caller.local, tone(440, 0.2))
        assert len(bob.audio()) == 10


async def test_a_new_address_in_the_sdp_is_learned_anew(plane: NativePlane) -> None:
    async with Party() as alice, Party(ssrc=99) as moved:
        stream = plane.open_stream()
        stream.configure(alice.parameters())
        await alice.say(stream.local, tone(440, 0.4))
        stream.configure(moved.parameters())
        stream.play(prompt(440, 0.2))
        await moved.hears(5)
        await moved.say(stream.local, tone(440, 0.1))
        assert stream.statistics().remote == moved.address
        events = [event for event in await events_of(stream, 0.1) if isinstance(event, FirstPacket)]
        assert events == [FirstPacket(alice.address), FirstPacket(moved.address)]


async def test_after_a_silence_a_party_that_moved_is_found_again() -> None:
    async with NativePlane(rtp_ports="42710-42719", threads=1) as plane, Party() as alice, Party() as moved:
        stream = plane.open_stream()
        stream.configure(alice.parameters())
        await alice.say(stream.local, tone(440, 0.5))
        await moved.say(stream.local, tone(440, 0.5))
        assert stream.statistics().remote == alice.address
        await asyncio.sleep(3.3)
        await moved.say(stream.local, tone(440, 0.4))
        assert stream.statistics().remote == moved.address


@pytest.mark.parametrize("mux", [False, True])
async def test_rtcp_reports_both_ways(mux: bool) -> None:
    async with NativePlane(rtp_ports="42720-42729", threads=1) as plane, Party() as alice:
        stream = plane.open_stream()
        stream.configure(alice.parameters(rtcp_mux=mux))
        stream.play(prompt(440, 10), loop=0)
        await alice.say(stream.local, tone(440, 4.0), lose=range(50, 100))
        report = alice.rtcp[0]
        first, kind, _, ssrc, _, middle, _, _, packets, octets = struct.unpack_from("!BBHIHIHIII", report)
        assert (first, kind, ssrc) == (0x81, 200, alice.audio()[0].ssrc)
        assert octets == packets * 160
        source, lost = struct.unpack_from("!II", report, 28)
        assert source == alice.ssrc
        assert lost & 0xFFFFFF in {0, 50} or lost & 0xFFFFFF < 50
        block = struct.pack("!IIIIII", ssrc, 0, 0, 0, middle, 0)
        datagram = struct.pack("!BBHI", 0x81, 201, 7, alice.ssrc) + block
        (alice.send_raw if mux else alice.send_rtcp)(stream.local, datagram)
        await asyncio.sleep(0.4)
        statistics = stream.statistics()
        assert statistics.round_trip_ms is not None
        assert 0 <= statistics.round_trip_ms < 5000
        assert (statistics.packets_received, statistics.packets_lost) == (150, 50)
        assert statistics.bytes_received == 150 * 160
        assert statistics.jitter_ms < 100  # of this process, which sends on time if it is let
        assert statistics.mos is not None
        assert 1 <= statistics.mos < 3
        stream.close()
        await asyncio.sleep(0.1)
        assert struct.pack("!BBHI", 0x81, 203, 1, ssrc) in alice.rtcp[-1]
        assert stream.statistics().packets_received == 150


async def test_what_is_no_rtp_is_counted_and_dropped(plane: NativePlane) -> None:
    async with Party() as alice, Party() as bob:
        caller, _ = await bridged(plane, alice.parameters(), bob.parameters())
        for datagram in (b"", b"x", b"\x80" * 11, b"\x00" * 172, b"\x80\x7f" + bytes(170), bytes(4000)):
            alice.send_raw(caller.local, datagram)
        await asyncio.sleep(0.05)
        assert not bob.packets
        assert caller.statistics().packets_received == 0
        assert caller.statistics().packets_dropped >= 4
        assert plane.statistics().packets_dropped >= 4
        assert caller.statistics().remote == MediaAddress(alice.address.host, alice.address.port)
