"""Conferences over real sockets: who hears whom, at which rate, and that nothing clicks."""

import asyncio
import itertools
import wave
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import numpy as np
import pytest

from callapi.media import (
    AudioFormat,
    CodecFormat,
    JitterDelay,
    MediaAddress,
    RecordingCause,
    RoomEvent,
    RoomFull,
    SpeakingStarted,
    SpeakingStopped,
    StreamClosed,
    StreamParameters,
)
from callapi.media.plane.engine import NativePlane
from callapi.media.plane.native_rooms import NativeRoom
from callapi.media.plane.native_streams import NativeStream
from tests.media.party import PCMA, PCMU, Party, Samples, encode, pitch, prompt, tone

G722 = CodecFormat("G722", 9, 8000, 1, 9)
OPUS = CodecFormat("opus", 111, 48_000, 2, 111)
TONES = (440.0, 700.0, 1100.0)
SILENCE = b"\xff"


@pytest.fixture
async def plane() -> AsyncIterator[NativePlane]:
    async with NativePlane(rtp_ports="41000-41799", threads=2, realtime=True) as plane:
        yield plane


@pytest.fixture
async def three(plane: NativePlane) -> AsyncIterator[list[tuple[Party, NativeStream]]]:
    """Alice and carol speak µ-law, bob A-law."""
    async with AsyncExitStack() as stack:
        legs = []
        for codec in (PCMU, PCMA, PCMU):
            party = await stack.enter_async_context(Party(codec))
            stream = plane.open_stream()
            stream.configure(party.parameters())
            legs.append((party, stream))
        yield legs


async def talk(legs: list[tuple[Party, NativeStream]], seconds: float = 0.5) -> list[set[float]]:
    """Each says its tone; which tones each has heard meanwhile (what was underway at the ends is left out)."""
    for party, _ in legs:
        party.packets.clear()
    says = zip(legs, TONES, strict=False)
    await asyncio.gather(
        *(party.say(stream.local, tone(hertz, seconds, level=4000)) for (party, stream), hertz in says)
    )
    return [tones_in(party.heard()[1600:-320]) for party, _ in legs]


async def hear(legs: list[tuple[Party, NativeStream]], tones: list[set[float]]) -> None:
    """They hear these tones of each other; a talk from which a busy machine took the sound is held again."""
    for _ in range(3):
        if (heard := await talk(legs)) == tones:
            break
    assert heard == tones


def tones_in(samples: Samples) -> set[float]:
    if len(samples) < 800:
        return set()
    window = np.hanning(len(samples))
    spectrum = np.abs(np.fft.rfft(samples * window)) / window.sum() * 2
    strength = {hertz: spectrum[round(hertz * len(samples) / 8000)] for hertz in TONES}
    return {hertz for hertz, level in strength.items() if level > 400}


async def test_each_hears_the_others_and_not_itself(
    plane: NativePlane, three: list[tuple[Party, NativeStream]]
) -> None:
    room = plane.open_room()
    for _, stream in three:
        room.join(stream)
    assert room.members == 3
    await hear(three, [{700, 1100}, {440, 1100}, {440, 700}])
    # All is one RTP source at its own pace, independent of the speaker.
    for party, _ in three:
        packets = party.audio()
        assert {packet.ssrc for packet in packets} == {packets[0].ssrc}
        steps = {(b.sequence - a.sequence) & 0xFFFF for a, b in itertools.pairwise(packets)}
        assert steps == {1}
        ticks = {b.timestamp - a.timestamp for a, b in itertools.pairwise(packets)}
        assert ticks == {160}


async def test_mute_and_coach(plane: NativePlane, three: list[tuple[Party, NativeStream]]) -> None:
    room = plane.open_room()
    alice, bob, carol = (room.join(stream) for _, stream in three)
    alice.mute(True)
    await hear(three, [{700, 1100}, {1100}, {700}])
    alice.mute(False)
    three[1][1].play(prompt(440, 0.5))
    assert (await talk(three))[1] == {440}, "it hears what its stream plays, in place of the room"
    carol.coach(bob)
    await hear(three, [{700}, {440, 1100}, {440, 700}])
    carol.coach(None)
    await hear(three, [{700, 1100}, {440, 1100}, {440, 700}])


async def test_a_party_is_heard_before_it_answers(
    plane: NativePlane, three: list[tuple[Party, NativeStream]]
) -> None:
    """As a ringing tone until it sends sound of its own; it hears nothing."""
    room = plane.open_room()
    (alice, stream), (bob, bobs), _ = three
    room.join(stream)
    unanswered = plane.open_stream()
    room.join(unanswered, early=True)
    await alice.hears(30)
    assert round(pitch(alice.heard()[-3200:]), -1) in {440, 480}, "no codec is needed to ring"
    unanswered.close()
    member = room.join(bobs, early=True)
    await asyncio.gather(
        bob.say(bobs.local, tone(700, 0.5, level=4000)), alice.say(stream.local, tone(1100, 0.5))
    )
    async with asyncio.timeout(5):  # a busy machine sends what bob says late and all at once
        while round(pitch(alice.heard()[-2400:-320]), -1) != 700:
            await alice.hears(len(alice.audio()) + 1)
    assert not bob.audio()
    async with asyncio.timeout(5):
        while tones_in(alice.heard()[-800:]):  # what was underway
            await alice.hears(len(alice.audio()) + 1)
    alice.packets.clear()
    await alice.hears(15)
    assert tones_in(alice.heard()) == set(), "it does not ring again"
    member.leave()
    room.join(bobs)
    await hear(three, [{700}, {440}, set()])


@pytest.mark.parametrize(
    ("delay", "heard"),
    [(JitterDelay(0, 0), {1100}), (JitterDelay(60, 1000), {700, 1100}), (None, {700, 1100})],
)
async def test_the_jitter_buffer_is_as_deep_as_asked_for(
    plane: NativePlane,
    three: list[tuple[Party, NativeStream]],
    delay: JitterDelay | None,
    heard: set[float],
) -> None:
    """Packets that come two at a time, each of a tone of its own: both are heard, or, without a buffer, the last."""
    room = plane.open_room()
    (alice, stream), (bob, hers), _ = three
    room.join(stream, delay=delay)
    room.join(hers)
    sounds = [encode("PCMU", tone(hertz, 0.02)) for hertz in (700, 1100)]
    clock = asyncio.get_running_loop().time
    start = clock()
    for burst in range(1, 38):
        for sound in sounds:
            alice.send(stream.local, sound)
        await asyncio.sleep(max(0.0, start + 0.04 * burst - clock()))
    assert tones_in(bob.heard()[4000:]) == heard


async def test_a_silent_room_sends_silence_and_no_noise(
    plane: NativePlane, three: list[tuple[Party, NativeStream]]
) -> None:
    room = plane.open_room()
    for _, stream in three:
        room.join(stream)
    rng = np.random.default_rng(1)
    hiss = rng.integers(-8, 9, 4000).astype(np.int16)
    await asyncio.gather(*(party.say(stream.local, hiss) for party, stream in three))
    party = three[0][0]
    assert len(party.audio()) >= 23
    assert set(b"".join(packet.payload for packet in party.audio())) == set(SILENCE)


async def test_members_come_and_go(plane: NativePlane, three: list[tuple[Party, NativeStream]]) -> None:
    room, other = plane.open_room(), plane.open_room()
    members = [room.join(stream) for _, stream in three]
    members[1].leave()
    assert room.members == 2
    await hear(three, [{1100}, set(), {440}])
    # Joining another room, a bridge and the end of a stream take a member out.
    other.join(three[0][1])
    assert (room.members, other.members) == (1, 1)
    bridge = plane.bridge(three[0][1], three[1][1])
    assert other.members == 0
    await hear(three, [{700}, {440}, set()])
    room.join(three[0][1])
    room.join(three[1][1])
    bridge.close()
    await hear(three, [{700, 1100}, {440, 1100}, {440, 700}])
    three[2][1].close()
    assert room.members == 2
    assert (await talk(three))[:2] == [{700}, {440}]
    room.close()
    await hear(three, [set(), set(), set()])
    with pytest.raises(StreamClosed):
        room.join(three[0][1])
    assert plane.statistics().rooms == 1


async def test_an_announcement_is_heard_by_all_over_what_is_said(
    plane: NativePlane, three: list[tuple[Party, NativeStream]]
) -> None:
    room = plane.open_room()
    for _, stream in three[:2]:
        room.join(stream)
    announcement = room.announce(prompt(1100, 0.7, 16_000))
    await hear(three[:2], [{700, 1100}, {440, 1100}])
    assert await asyncio.wait_for(announcement.ended(), 2)
    endless = room.announce(prompt(1100, 0.2), loop=0)
    second = room.announce(prompt(1100, 0.2))
    assert not await endless.ended()
    assert await second.ended()
    endless = room.announce(prompt(1100, 0.2), loop=0)
    endless.stop()
    assert not await asyncio.wait_for(endless.ended(), 1)


async def test_the_recording_holds_all(
    plane: NativePlane, three: list[tuple[Party, NativeStream]], tmp_path: Path
) -> None:
    room = plane.open_room()
    for _, stream in three:
        room.join(stream)
    recording = room.record(tmp_path / "all.wav")
    assert plane.statistics().recordings == 1
    await talk(three, 0.6)
    recording.stop()
    ended = await recording.ended()
    assert (ended.cause, ended.path) == (RecordingCause.STOPPED, tmp_path / "all.wav")
    with wave.open(str(tmp_path / "all.wav")) as file:
        assert (file.getnchannels(), file.getframerate()) == (1, 16_000)
        samples = np.frombuffer(file.readframes(1 << 20), np.int16)
    assert 0.5 <= len(samples) / 16_000 <= 0.8
    middle = samples[4800:8000][::2]
    assert tones_in(middle) == set(TONES)
    late = room.record(tmp_path / "late.wav")
    room.close()
    assert (await late.ended()).cause is RecordingCause.STOPPED


async def events_of(room: NativeRoom, seconds: float) -> list[RoomEvent]:
    events = []
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                events.append(await room.next_event())
    return events


async def test_who_speaks_is_reported(plane: NativePlane, three: list[tuple[Party, NativeStream]]) -> None:
    room = plane.open_room()
    alice, bob = (room.join(stream) for _, stream in three[:2])
    party, stream = three[0]
    events, _ = await asyncio.gather(
        events_of(room, 2.2), party.say(stream.local, tone(440, 0.6, level=4000))
    )
    assert events == [SpeakingStarted(alice.member_id), SpeakingStopped(alice.member_id)]
    party, stream = three[1]
    await party.say(stream.local, tone(440, 0.3, level=4000))
    bob.leave()
    assert await events_of(room, 0.3) == [SpeakingStarted(bob.member_id), SpeakingStopped(bob.member_id)]


@pytest.mark.parametrize("listens", [PCMU, G722, OPUS], ids=lambda codec: codec.name)
@pytest.mark.parametrize("speaks", [PCMU, OPUS], ids=lambda codec: codec.name)
async def test_a_tone_goes_through_a_room_without_gap_or_click(
    plane: NativePlane, speaks: CodecFormat, listens: CodecFormat
) -> None:
    """A machine that stands still for longer than the jitter buffer holds makes a gap: one of three tries is whole."""
    tries = [await impurity(plane, speaks, listens)]
    while min(tries) > 0.01 and len(tries) < 3:
        tries.append(await impurity(plane, speaks, listens))
    assert min(tries) < 0.01, f"what is not the tone has {10 * np.log10(min(tries)):.0f} dB of it"


async def impurity(plane: NativePlane, speaks: CodecFormat, listens: CodecFormat) -> float:
    """The far ends are streams of the same plane: one is fed a tone, the other is listened to."""
    room = plane.open_room()
    ends = []
    for codec in (speaks, listens):
        inside, outside = plane.open_stream(), plane.open_stream()
        inside.configure(StreamParameters(MediaAddress("127.0.0.1", outside.local.port), codec))
        outside.configure(StreamParameters(MediaAddress("127.0.0.1", inside.local.port), codec))
        room.join(inside)
        ends += [inside, outside]
    rate = 8000 if listens is PCMU else 16_000
    listening = ends[3].listen(AudioFormat("L16", rate))
    ends[1].feed(AudioFormat("L16", 8000)).write(tone(1000, 2.5).astype("<i2").tobytes())
    heard = bytearray()
    with suppress(TimeoutError):
        async with asyncio.timeout(2.3):
            while True:
                for frame in await listening.next():
                    heard += frame.payload
    for stream in ends:
        stream.close()
    samples = np.frombuffer(bytes(heard), "<i2")[int(rate * 0.6) :].astype(float)
    return worst_window(samples, rate)


def worst_window(samples: "np.ndarray[tuple[int], np.dtype[np.float64]]", rate: int) -> float:
    """Power beside 1 kHz in proportion to that at 1 kHz, in the worst 32 ms: a gap or a click shows there."""
    size = rate * 32 // 1000
    window = np.hanning(size)
    line = round(1000 * size / rate)
    worst, levels = 0.0, []
    for start in range(0, len(samples) - size, size // 2):
        power = np.abs(np.fft.rfft(samples[start : start + size] * window)) ** 2
        near = float(power[line - 3 : line + 4].sum()) + 1.0
        worst = max(worst, (float(power.sum()) - near) / near)
        levels.append(near)
    assert len(levels) > 60
    return worst if min(levels) > 0.5 * max(levels) else 1.0


async def test_the_best_rate_of_the_room_is_heard(plane: NativePlane) -> None:
    """A G.722 and an Opus member hear each other beyond 4 kHz while a narrowband one is in the room."""
    room = plane.open_room()
    far = []
    for codec in (PCMU, G722, OPUS):
        inside, outside = plane.open_stream(), plane.open_stream()
        inside.configure(StreamParameters(MediaAddress("127.0.0.1", outside.local.port), codec))
        outside.configure(StreamParameters(MediaAddress("127.0.0.1", inside.local.port), codec))
        room.join(inside)
        far.append(outside)
    listenings = [far[0].listen(AudioFormat("L16", 8000)), far[2].listen(AudioFormat("L16", 16_000))]
    feeding = far[1].feed(AudioFormat("L16", 16_000))
    both = tone(6000, 1.2, 16_000, 4000) + tone(1000, 1.2, 16_000, 4000)
    feeding.write(both.astype("<i2").tobytes())
    await asyncio.sleep(0.95)
    narrow, full = (
        np.frombuffer(b"".join(frame.payload for frame in listening.read()), "<i2")
        for listening in listenings
    )
    assert pitch(narrow[4800:7200]) == pytest.approx(1000, abs=10)
    spectrum = np.abs(np.fft.rfft(full[8000:13_120] * np.hanning(5120)))
    assert spectrum[1920] > 0.3 * spectrum[320], "6 kHz beside 1 kHz"


async def test_a_room_has_250_members_at_most(plane: NativePlane) -> None:
    room = plane.open_room()
    for _ in range(250):
        room.join(plane.open_stream())
    with pytest.raises(RoomFull):
        room.join(plane.open_stream())
    await asyncio.sleep(0.1)
    room.close()


async def test_members_that_change_threads_all_the_time_are_heard_in_the_end(
    plane: NativePlane, three: list[tuple[Party, NativeStream]]
) -> None:
    rooms = [plane.open_room() for _ in range(4)]
    for turn in range(40):
        for at, (_, stream) in enumerate(three):
            rooms[(turn + at) % 4].join(stream)
        await asyncio.sleep(0.003)
    last = plane.open_room()
    for _, stream in three:
        last.join(stream)
    assert [room.members for room in rooms] == [0, 0, 0, 0]
    await hear(three, [{700, 1100}, {440, 1100}, {440, 700}])
