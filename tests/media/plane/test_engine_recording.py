"""Recordings of the native media plane: content, alignment, ends, and what happens when the disk refuses."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from callapi.media import CodecFormat, RecordingCause, RecordingEnded, RecordOptions, StreamParameters
from callapi.media.plane.engine import NativePlane
from tests.media.party import PCMA, PCMU, Party, Samples, pitch, prompt, tone


@pytest.fixture
async def plane() -> AsyncIterator[NativePlane]:
    async with NativePlane(rtp_ports="42300-42399", threads=2) as plane:
        yield plane


def read(ended: RecordingEnded) -> tuple[Samples, int]:
    assert ended.path is not None, ended
    samples, rate = soundfile.read(ended.path, dtype="int16", always_2d=True)
    assert len(samples) * 1000 // rate == ended.duration_ms
    return samples, rate


def first_sound(samples: Samples) -> int:
    return int(np.argmax(np.abs(samples) > 500))


async def test_both_directions_of_a_bridge_on_two_channels(plane: NativePlane, tmp_path: Path) -> None:
    async with Party() as alice, Party(PCMA) as bob:
        caller, callee = plane.open_stream(), plane.open_stream()
        caller.configure(alice.parameters())
        callee.configure(bob.parameters())
        recording = caller.record(tmp_path / "call.wav", RecordOptions(channels=2))
        plane.bridge(caller, callee)
        await asyncio.sleep(0.2)
        await asyncio.gather(alice.say(caller.local, tone(440, 1.0)), bob.say(callee.local, tone(700, 1.0)))
        assert (tmp_path / "call.wav.part").exists()
        recording.stop()
        recording.stop()
        ended = await recording.ended()
        assert (ended.cause, ended.path, ended.error) == (RecordingCause.STOPPED, tmp_path / "call.wav", None)
        assert not ended.is_silent
        assert await caller.next_event()
        samples, rate = read(ended)
        assert rate == 8000
        assert len(samples) == pytest.approx(1.2 * 8000, abs=400)
        assert pitch(samples[3200:8000, 0]) == pytest.approx(440, abs=6)
        assert pitch(samples[3200:8000, 1]) == pytest.approx(700, abs=6)
        assert not (tmp_path / "call.wav.part").exists()


async def test_channels_are_aligned(plane: NativePlane, tmp_path: Path) -> None:
    """What one leg says and the other hears is at the same place, at both ends, within 20 ms."""
    async with Party() as alice, Party() as bob:
        caller, callee = plane.open_stream(), plane.open_stream()
        caller.configure(alice.parameters())
        callee.configure(bob.parameters())
        plane.bridge(caller, callee)
        recordings = [
            leg.record(tmp_path / f"{name}.wav", RecordOptions(channels=2))
            for name, leg in (("caller", caller), ("callee", callee))
        ]
        silence = np.zeros(2400, np.int16)
        await alice.say(caller.local, np.concatenate([silence, tone(440, 0.3)]))
        for recording in recordings:
            recording.stop()
        heard, said = [read(await recording.ended())[0] for recording in recordings]
        assert abs(first_sound(heard[:, 0]) - first_sound(said[:, 1])) <= 160


@pytest.mark.timing
async def test_lost_packets_are_concealed_at_their_real_length(plane: NativePlane, tmp_path: Path) -> None:
    async with Party() as alice:
        stream = plane.open_stream()
        stream.configure(alice.parameters())
        recording = stream.record(tmp_path / "a.wav", RecordOptions(received_only=True))
        await alice.say(stream.local, tone(440, 1.0), lose=(10, *range(20, 30)))
        recording.stop()
        samples, _ = read(await recording.ended())
        assert len(samples) == pytest.approx(8000, abs=400)
        start = first_sound(samples[:, 0])
        for lost in (10, 20):
            assert pitch(samples[start + lost * 160 : start + (lost + 1) * 160, 0]) == pytest.approx(
                440, abs=15
            )
        assert np.abs(samples[start + 25 * 160 : start + 30 * 160 - 20, 0]).max() == 0
        assert pitch(samples[start : start + 20 * 160, 0]) == pytest.approx(440, abs=3)
        assert pitch(samples[start + 30 * 160 : start + 48 * 160, 0]) == pytest.approx(440, abs=3)


async def test_one_channel_mixes_what_is_said_and_played(plane: NativePlane, tmp_path: Path) -> None:
    async with Party() as alice:
        stream = plane.open_stream()
        stream.configure(alice.parameters())
        recording = stream.record(tmp_path / "a.wav")
        stream.play(prompt(1000, 1.0))
        await alice.say(stream.local, tone(440, 0.8))
        recording.stop()
        samples, _ = read(await recording.ended())
        spectrum = np.abs(np.fft.rfft(samples[1600:5600, 0]))
        assert set(np.argsort(spectrum)[-2:] * 2) == {440, 1000}


async def test_a_beep_then_a_key_ends_it(plane: NativePlane, tmp_path: Path) -> None:
    async with Party() as alice:
        stream = plane.open_stream()
        stream.configure(alice.parameters())
        options = RecordOptions(beep=True, finish_on_key="#", received_only=True)
        recording = stream.record(tmp_path / "a.wav", options)
        await asyncio.sleep(0.5)
        assert pitch(alice.heard()) == pytest.approx(1000, abs=3)
        await alice.say(stream.local, tone(440, 0.6))
        await alice.press(stream.local, "1")
        await alice.press(stream.local, "#")
        ended = await recording.ended()
        assert (ended.cause, ended.digit) == (RecordingCause.DIGIT, "#")
        assert 800 <= ended.duration_ms <= 1300


async def test_silence_ends_it_and_is_cut_off(plane: NativePlane, tmp_path: Path) -> None:
    async with Party() as alice:
        stream = plane.open_stream()
        stream.configure(alice.parameters())
        options = RecordOptions(silence_timeout_s=0.8, trim=True, received_only=True)
        recording = stream.record(tmp_path / "a.wav", options)
        await alice.say(stream.local, np.zeros(2400, np.int16))
        await alice.say(stream.local, tone(440, 0.6))
        ended = await asyncio.wait_for(recording.ended(), 3)
        assert ended.cause is RecordingCause.SILENCE
        assert 600 <= ended.duration_ms <= 850
        assert not ended.is_silent
        samples, _ = read(ended)
        assert pitch(samples[1600:4000, 0]) == pytest.approx(440, abs=3)


async def test_nothing_heard_is_silent_and_the_greatest_length_is_exact(
    plane: NativePlane, tmp_path: Path
) -> None:
    async with Party(PCMU) as alice:
        stream = plane.open_stream()
        stream.configure(alice.parameters())
        recording = stream.record(tmp_path / "a.wav", RecordOptions(max_length_s=0.5))
        ended = await asyncio.wait_for(recording.ended(), 3)
        assert (ended.cause, ended.duration_ms, ended.is_silent) == (RecordingCause.MAX_LENGTH, 500, True)


@pytest.mark.parametrize("name", ["G722", "opus"])
async def test_wide_codecs_are_recorded_at_16_khz(plane: NativePlane, tmp_path: Path, name: str) -> None:
    rate, channels = (48_000, 2) if name == "opus" else (8000, 1)
    codec = CodecFormat(name, 111, rate, channels, 111)
    one, other = plane.open_stream(), plane.open_stream()
    one.configure(StreamParameters(other.local, codec))
    other.configure(StreamParameters(one.local, codec))
    recordings = [
        leg.record(tmp_path / f"{leg.local.port}.wav", RecordOptions(channels=2)) for leg in (one, other)
    ]
    assert await asyncio.wait_for(one.play(prompt(3000, 0.6, 16_000)).ended(), 3)
    for recording in recordings:
        recording.stop()
    (said, rate), (heard, _) = [read(await recording.ended()) for recording in recordings]
    assert rate == 16_000
    for samples in (said[:, 1], heard[:, 0]):
        start = first_sound(samples)
        assert pitch(samples[start + 3200 : start + 8000], rate) == pytest.approx(3000, abs=5)
    assert abs(first_sound(said[:, 1]) - first_sound(heard[:, 0])) <= 320


async def test_it_goes_on_through_bridge_and_unbridge(plane: NativePlane, tmp_path: Path) -> None:
    async with Party() as alice, Party() as bob:
        caller, callee = plane.open_stream(), plane.open_stream()
        caller.configure(alice.parameters())
        callee.configure(bob.parameters())
        recording = caller.record(tmp_path / "a.wav", RecordOptions(channels=2))
        for _ in range(2):
            bridge = plane.bridge(caller, callee)
            await bob.say(callee.local, tone(700, 0.2))
            bridge.close()
            await bob.say(callee.local, tone(900, 0.2))
        recording.stop()
        samples, _ = read(await recording.ended())
        assert len(samples) == pytest.approx(6400, abs=400)
        heard = samples[:, 1]
        assert pitch(heard) == pytest.approx(700, abs=3)
        assert np.count_nonzero(heard) == pytest.approx(3200, abs=700)


@pytest.mark.parametrize("path", ["missing/a.wav", "/dev/full"])
async def test_a_disk_that_refuses_ends_the_recording_and_not_the_call(
    plane: NativePlane, tmp_path: Path, path: str
) -> None:
    async with Party() as alice:
        stream = plane.open_stream()
        stream.configure(alice.parameters())
        target = tmp_path / path
        if path == "/dev/full":
            target = tmp_path / "full.wav"
            (tmp_path / "full.wav.part").symlink_to("/dev/full")
        recording = stream.record(target, RecordOptions(max_length_s=1))
        ended = await asyncio.wait_for(recording.ended(), 3)
        assert (ended.cause, ended.path, ended.duration_ms) == (RecordingCause.FAILED, None, 0)
        assert ended.error
        assert await asyncio.wait_for(stream.play(prompt(440, 0.1)).ended(), 2)


async def test_closing_stream_and_plane_completes_recordings(tmp_path: Path) -> None:
    async with NativePlane(rtp_ports="42400-42409", threads=1) as plane, Party() as alice:
        first, second = plane.open_stream(), plane.open_stream()
        first.configure(alice.parameters())
        recordings = [stream.record(tmp_path / f"{stream.local.port}.wav") for stream in (first, second)]
        await alice.say(first.local, tone(440, 0.2))
        first.close()
        assert (await recordings[0].ended()).cause is RecordingCause.STOPPED
        assert plane.statistics().recordings == 1
    ended = await recordings[1].ended()
    assert ended.cause is RecordingCause.STOPPED
    names = [path.name for path in await asyncio.to_thread(lambda: list(tmp_path.iterdir()))]
    assert sorted(names) == sorted(f"{stream.local.port}.wav" for stream in (first, second))
