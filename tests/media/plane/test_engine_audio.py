"""Listening to a leg and feeding it, over real sockets: frames without a gap, marks that do not lie, clear."""

import asyncio
import time
from collections.abc import AsyncIterator

import numpy as np
import pytest

from callapi.media import (
    AudioFormat,
    AudioFrame,
    BufferFull,
    CodecFormat,
    Direction,
    Listening,
    MediaAddress,
    PlayedMark,
    StreamClosed,
    StreamParameters,
    Track,
)
from callapi.media.plane.engine import NativePlane
from callapi.media.plane.native_streams import NativeStream
from tests.media.party import PCMA, Party, Samples, decode, encode, pitch, prompt, tone

G722 = CodecFormat("G722", 9, 8000, 1, 9)
OPUS = CodecFormat("opus", 111, 48_000, 2, 111)
MULAW = AudioFormat()
SILENCE = b"\xff"


@pytest.fixture
async def plane() -> AsyncIterator[NativePlane]:
    async with NativePlane(rtp_ports="42900-43099", threads=2) as plane:
        yield plane


def open_leg(plane: NativePlane, party: Party, direction: Direction = Direction.SENDRECV) -> NativeStream:
    stream = plane.open_stream()
    stream.configure(party.parameters(direction=direction))
    return stream


async def frames_for(listening: Listening, seconds: float) -> list[AudioFrame]:
    """What comes within `seconds`, each frame once."""
    frames: list[AudioFrame] = []
    end = asyncio.get_running_loop().time() + seconds
    while (left := end - asyncio.get_running_loop().time()) > 0:
        try:
            async with asyncio.timeout(left):
                frames += await listening.next()
        except TimeoutError:
            break
    return frames


def whole(frames: list[AudioFrame]) -> bytes:
    return b"".join(frame.payload for frame in frames)


def assert_without_a_gap(frames: list[AudioFrame], octets: int = 160) -> None:
    first = frames[0].timestamp_ms
    assert [frame.timestamp_ms for frame in frames] == [first + 20 * at for at in range(len(frames))]
    assert {len(frame.payload) for frame in frames} == {octets}


async def test_a_frame_comes_every_20_ms_in_silence_speech_hold_and_mute(plane: NativePlane) -> None:
    async with Party() as alice:
        stream = open_leg(plane, alice)
        listening = stream.listen(MULAW)
        silent = await frames_for(listening, 0.2)
        said, _ = await asyncio.gather(frames_for(listening, 0.4), alice.say(stream.local, tone(440, 0.4)))
        stream.mute(True)
        muted, _ = await asyncio.gather(frames_for(listening, 0.4), alice.say(stream.local, tone(440, 0.4)))
        stream.mute(False)
        stream.configure(alice.parameters(direction=Direction.INACTIVE))
        held = await frames_for(listening, 0.2)
        frames = silent + said + muted + held
        assert frames[0].timestamp_ms == 0
        assert_without_a_gap(frames)
        assert 58 <= len(frames) <= 64
        assert set(whole(silent)) == set(SILENCE)
        assert pitch(decode("PCMU", whole(said[2:-2]))) == pytest.approx(440, abs=5)
        assert set(whole(muted[-3:])) == set(SILENCE)
        assert set(whole(held[-5:])) == set(SILENCE)


async def test_codes_come_out_as_the_party_sent_them(plane: NativePlane) -> None:
    async with Party() as alice:
        stream = open_leg(plane, alice)
        listening = stream.listen(MULAW)
        # The negative zero is read as the positive one.
        sent = encode("PCMU", tone(700, 0.5)).replace(b"\x7f", SILENCE)
        frames, _ = await asyncio.gather(frames_for(listening, 0.7), alice.say(stream.local, tone(700, 0.5)))
        assert sent[800:2400] in whole(frames)
        assert listening.dropped == 0


async def test_both_tracks_through_bridge_and_unbridge(plane: NativePlane) -> None:
    async with Party() as alice, Party(PCMA) as bob:
        caller, callee = open_leg(plane, alice), open_leg(plane, bob)
        inbound, outbound = caller.listen(MULAW), caller.listen(MULAW, track=Track.OUTBOUND)

        async def talk() -> tuple[Samples, Samples]:
            heard, sent, *_ = await asyncio.gather(
                frames_for(inbound, 0.5),
                frames_for(outbound, 0.5),
                alice.say(caller.local, tone(440, 0.5)),
                bob.say(callee.local, tone(1000, 0.5)),
            )
            for frames in (heard, sent):
                assert_without_a_gap(frames)
            return decode("PCMU", whole(heard[8:-2])), decode("PCMU", whole(sent[8:-2]))

        bridge = plane.bridge(caller, callee)
        heard, sent = await talk()
        assert pitch(heard) == pytest.approx(440, abs=8)
        assert pitch(sent) == pytest.approx(1000, abs=8)
        bridge.close()
        await asyncio.sleep(0.1)
        outbound.read()
        inbound.read()
        heard, sent = await talk()
        assert pitch(heard) == pytest.approx(440, abs=8)
        assert pitch(sent) == 0
        # Same codec on both sides: packets are relayed as they are, and also heard.
        callee.configure(StreamParameters(bob.address, alice.codec))
        bob.codec = alice.codec
        plane.bridge(caller, callee)
        heard, sent = await talk()
        assert pitch(sent) == pytest.approx(1000, abs=8)


async def test_another_codec_is_followed_without_a_gap(plane: NativePlane) -> None:
    async with Party() as alice:
        stream = open_leg(plane, alice)
        listening = stream.listen(MULAW)
        before, _ = await asyncio.gather(frames_for(listening, 0.3), alice.say(stream.local, tone(440, 0.3)))
        alice.codec = PCMA
        stream.configure(alice.parameters())
        after, _ = await asyncio.gather(frames_for(listening, 0.4), alice.say(stream.local, tone(1000, 0.4)))
        assert_without_a_gap(before + after)
        assert pitch(decode("PCMU", whole(after[6:-2]))) == pytest.approx(1000, abs=8)


@pytest.mark.parametrize("codec", [G722, OPUS], ids=lambda codec: codec.name)
async def test_a_wideband_leg_keeps_its_band_both_ways(plane: NativePlane, codec: CodecFormat) -> None:
    """One leg is fed 6 kHz at 24,000 samples a second; the other, at its far end, hears it at 16,000."""
    near, far = plane.open_stream(), plane.open_stream()
    near.configure(StreamParameters(MediaAddress("127.0.0.1", far.local.port), codec))
    far.configure(StreamParameters(MediaAddress("127.0.0.1", near.local.port), codec))
    listening = far.listen(AudioFormat("L16", 16_000))
    feeding = near.feed(AudioFormat("L16", 24_000))
    feeding.write(tone(6000, 1.0, 24_000).astype("<i2").tobytes())
    frames = await frames_for(listening, 1.0)
    assert_without_a_gap(frames, 640)
    samples = np.frombuffer(whole(frames), "<i2")[8000:14_000]
    assert pitch(samples, 16_000) == pytest.approx(6000, abs=20)
    assert np.abs(samples).max() > 4000


async def test_a_mark_comes_when_its_last_sample_has_left_and_never_before(plane: NativePlane) -> None:
    async with Party() as alice:
        stream = open_leg(plane, alice)
        feeding = stream.feed(MULAW)
        said = encode("PCMU", tone(440, 0.5)).replace(b"\x7f", SILENCE)
        for start in range(0, len(said), 333):
            feeding.write(said[start : start + 333])
        feeding.mark("half a second")
        feeding.write(encode("PCMU", tone(1000, 0.25)))
        feeding.mark("the rest")
        assert 700 <= feeding.buffered_ms <= 750
        assert await feeding.next_mark() == PlayedMark("half a second")
        marked = time.time()
        assert await feeding.next_mark() == PlayedMark("the rest")
        packets = await alice.hears(37)
        # By when the kernel got them: our own loop may be late, with packets and marks.
        assert packets[24].at - packets[0].at >= 0.4
        assert packets[24].at <= marked <= packets[24].at + 2
        assert feeding.buffered_ms == 0
        heard = b"".join(packet.payload for packet in alice.audio())
        assert said in heard
        # Afterwards there is silence, and it goes on.
        before = len(alice.audio())
        await asyncio.sleep(0.1)
        silence = alice.audio()[before + 1 :]
        assert len(silence) >= 3
        assert {packet.payload for packet in silence} == {SILENCE * 160}
        numbers = [packet.sequence for packet in alice.audio()]
        assert numbers == [(numbers[0] + at) & 0xFFFF for at in range(len(numbers))]


@pytest.mark.timing
async def test_clear_is_heard_within_40_ms_and_says_which_marks_it_dropped(plane: NativePlane) -> None:
    async with Party() as alice:
        stream = open_leg(plane, alice)
        feeding = stream.feed(MULAW)
        feeding.write(encode("PCMU", tone(440, 5.0)))
        feeding.mark("one")
        feeding.mark("two")
        await alice.hears(10)
        cleared_at = time.time()
        feeding.clear()
        assert await feeding.next_mark() == PlayedMark("one", is_cleared=True)
        assert await feeding.next_mark() == PlayedMark("two", is_cleared=True)
        assert feeding.buffered_ms == 0
        await asyncio.sleep(0.1)
        loud = [packet.at for packet in alice.audio() if packet.payload != SILENCE * 160]
        assert max(loud) - cleared_at < 0.04
        feeding.write(encode("PCMU", tone(1000, 0.1)))
        feeding.mark("three")
        assert await feeding.next_mark() == PlayedMark("three")


async def test_what_is_too_much_is_refused_whole(plane: NativePlane) -> None:
    async with Party() as alice:
        stream = open_leg(plane, alice, Direction.RECVONLY)
        feeding = stream.feed(MULAW, max_buffer_s=1.0)
        feeding.write(bytes(7000))
        with pytest.raises(BufferFull, match=r"875 ms are queued and no more than 1 s"):
            feeding.write(bytes(1001))
        assert feeding.buffered_ms == 875
        feeding.write(bytes(1000))
        # Nothing leaves while the leg may not send; it does afterwards.
        feeding.mark("later")
        await asyncio.sleep(0.2)
        assert feeding.buffered_ms == 1000
        assert not alice.audio()
        stream.configure(alice.parameters())
        assert await feeding.next_mark() == PlayedMark("later")
        assert len(alice.audio()) >= 50


async def test_a_feed_has_the_word_over_a_bridge_until_it_is_closed(plane: NativePlane) -> None:
    async with Party() as alice, Party() as bob:
        caller, callee = open_leg(plane, alice), open_leg(plane, bob)
        playback = caller.play(prompt(600, 5))
        feeding = caller.feed(MULAW)
        assert not await playback.ended()
        assert not await caller.play(prompt(600, 5)).ended()
        plane.bridge(caller, callee)
        await bob.say(callee.local, tone(1000, 0.2))
        assert set(b"".join(packet.payload for packet in alice.audio())) == set(SILENCE)
        feeding.write(bytes(8000))
        feeding.mark("never")
        feeding.close()
        assert await feeding.next_mark() == PlayedMark("never", is_cleared=True)
        with pytest.raises(StreamClosed):
            await feeding.next_mark()
        with pytest.raises(StreamClosed):
            feeding.write(b"")
        await asyncio.sleep(0.05)
        count = len(alice.audio())
        await bob.say(callee.local, tone(1000, 0.2))
        assert pitch(alice.heard()[(count + 1) * 160 :]) == pytest.approx(1000, abs=10)


async def test_the_end_of_a_stream_ends_both(plane: NativePlane) -> None:
    async with Party() as alice:
        stream = open_leg(plane, alice)
        listening, feeding = stream.listen(MULAW), stream.feed(MULAW)
        feeding.mark("pending")
        assert await frames_for(listening, 0.1)
        stream.close()

        async def to_the_end() -> None:
            while True:
                await listening.next()

        with pytest.raises(StreamClosed):
            await asyncio.wait_for(to_the_end(), 5)
        assert await feeding.next_mark() in (PlayedMark("pending"), PlayedMark("pending", is_cleared=True))
        with pytest.raises(StreamClosed):
            stream.listen(MULAW)
        with pytest.raises(ValueError, match="16000"):
            plane.open_stream().feed(AudioFormat("PCMA", 16_000))


async def test_who_does_not_read_for_a_second_loses_frames_and_learns_how_many(plane: NativePlane) -> None:
    listening = plane.open_stream().listen(MULAW)
    await asyncio.sleep(1.3)
    frames = await frames_for(listening, 0.2)
    times = [frame.timestamp_ms for frame in frames]
    assert times == sorted(set(times))
    assert 10 <= listening.dropped <= 25
    assert times[-1] // 20 + 1 == len(frames) + listening.dropped
