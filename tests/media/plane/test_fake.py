"""The fake plane obeys a test and keeps what it was asked."""

from pathlib import Path

import numpy as np
import pytest

from callapi.media import (
    CodecFormat,
    DigitPressed,
    FirstPacket,
    MediaAddress,
    MediaPlane,
    NothingHeard,
    PlaybackEnded,
    PortsExhausted,
    Prompt,
    RecordingCause,
    RecordingEnded,
    RecordOptions,
    Stalled,
    StreamClosed,
    StreamParameters,
)
from callapi.media.plane.fake import Digits, FakePlane, Tone

PROMPT = Prompt(np.zeros(8000, np.int16), 8000)
PARAMETERS = StreamParameters(MediaAddress("127.0.0.1", 4000), CodecFormat("PCMU", 0, 8000, 1, 0))


async def test_a_playback_ends_when_the_test_says_so() -> None:
    async with FakePlane() as plane:
        stream = plane.open_stream()
        playback = stream.play(PROMPT, loop=2)
        assert (playback.audio, playback.loop, playback.is_playing) == (PROMPT, 2, True)
        playback.finish()
        assert await playback.ended()
        assert await stream.next_event() == PlaybackEnded(playback.playback_id, finished=True)


async def test_a_second_playback_replaces_the_first_but_digits_go_over_it() -> None:
    stream = FakePlane().open_stream()
    first = stream.play(PROMPT)
    digits = stream.send_digits("12w#")
    assert first.is_playing
    tone = stream.play_tone("de")
    assert not await first.ended()
    assert (digits.audio, tone.audio) == (Digits("12w#"), Tone("de"))
    with pytest.raises(ValueError, match="something else"):
        stream.send_digits("12x")


async def test_playbacks_finish_by_themselves_if_wanted_but_endless_ones_do_not() -> None:
    stream = FakePlane(finishes_playbacks=True).open_stream()
    assert await stream.play(PROMPT).ended()
    assert stream.play_tone("us").is_playing
    assert stream.play(PROMPT, loop=0).is_playing


async def test_what_the_party_does() -> None:
    stream = FakePlane().open_stream()
    stream.hear()
    stream.press("1")
    stream.hear_nothing()
    stream.stall()
    assert [await stream.next_event() for _ in range(4)] == [
        FirstPacket(MediaAddress("127.0.0.1", 40_000)),
        DigitPressed("1"),
        NothingHeard(5.0),
        Stalled(60.0),
    ]


async def test_a_recording_ends_by_its_key(tmp_path: Path) -> None:
    stream = FakePlane().open_stream()
    recording = stream.record(tmp_path / "a.wav", RecordOptions(finish_on_key="#"))
    stream.press("1#")
    ended = await recording.ended()
    assert ended == RecordingEnded(
        recording.recording_id, RecordingCause.DIGIT, 1000, tmp_path / "a.wav", digit="#"
    )


async def test_a_recording_can_fail(tmp_path: Path) -> None:
    recording = FakePlane().open_stream().record(tmp_path / "a.wav")
    recording.end(RecordingCause.FAILED)
    ended = await recording.ended()
    assert ended.path is None
    assert ended.error


async def test_bridging_silences_both_and_ends_an_earlier_bridge() -> None:
    plane = FakePlane()
    caller, callee, other = (plane.open_stream() for _ in range(3))
    ringing = caller.play_tone("us")
    first = plane.bridge(caller, callee)
    assert not ringing.is_playing
    assert caller.partner is callee
    second = plane.bridge(caller, other)
    assert (first.is_open, second.is_open, callee.partner, other.partner) == (False, True, None, caller)
    second.close()
    assert caller.partner is None


async def test_closing_ends_everything_and_refuses_more(tmp_path: Path) -> None:
    plane = FakePlane()
    caller, callee = plane.open_stream(), plane.open_stream()
    caller.configure(PARAMETERS)
    bridge = plane.bridge(caller, callee)
    recording = caller.record(tmp_path / "a.wav")
    playback = caller.play(PROMPT)
    assert plane.statistics().recordings == 1
    caller.close()
    caller.close()
    assert not bridge.is_open
    assert not await playback.ended()
    assert (await recording.ended()).cause is RecordingCause.STOPPED
    assert caller.statistics().codec == "PCMU"
    for command in (lambda: caller.configure(PARAMETERS), lambda: plane.bridge(callee, caller)):
        with pytest.raises(StreamClosed):
            command()
    await plane.close()
    assert plane.statistics().streams == 0


async def test_ports_run_out_when_the_test_says_so() -> None:
    plane: MediaPlane = FakePlane(is_exhausted=True)
    with pytest.raises(PortsExhausted):
        plane.open_stream()
    with pytest.raises(PortsExhausted):
        plane.open_video()


async def test_video_is_kept_and_bridged() -> None:
    plane = FakePlane()
    one, other = plane.open_video(), plane.open_video()
    bridge = plane.bridge_video(one, other)
    assert (plane.statistics().video_streams, plane.statistics().bridges) == (2, 1)
    one.close()
    assert not bridge.is_open
