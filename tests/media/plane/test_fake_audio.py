"""The audio door and the rooms of the fake plane keep the promises that the protocols make."""

from pathlib import Path

import numpy as np
import pytest

from callapi.media import (
    AudioFormat,
    AudioFrame,
    BufferFull,
    MediaPlane,
    PlayedMark,
    Prompt,
    RoomFull,
    SpeakingStarted,
    SpeakingStopped,
    StreamClosed,
    Track,
)
from callapi.media.plane.fake import FakePlane

MULAW = AudioFormat()
PROMPT = Prompt(np.zeros(800, np.int16), 8000)


async def test_frames_that_a_test_makes_are_read_in_order_and_too_many_are_dropped() -> None:
    stream = FakePlane().open_stream()
    listening = stream.listen(MULAW, track=Track.OUTBOUND)
    listening.put(b"a", b"b")
    assert await listening.next() == [AudioFrame(0, b"a"), AudioFrame(20, b"b")]
    assert listening.read() == []
    listening.put(*[b"c"] * 60)
    assert (len(listening.read()), listening.dropped) == (50, 10)
    stream.close()
    with pytest.raises(StreamClosed):
        await listening.next()
    assert stream.listenings == [listening]


async def test_what_is_written_leaves_when_the_test_says_so() -> None:
    stream = FakePlane().open_stream()
    playback = stream.play(PROMPT)
    feeding = stream.feed(MULAW, max_buffer_s=0.1)
    assert not playback.is_playing
    assert not stream.play(PROMPT).is_playing
    feeding.write(bytes(480))
    feeding.mark("one")
    feeding.write(bytes(320))
    feeding.mark("two")
    with pytest.raises(BufferFull):
        feeding.write(b"x")
    feeding.play(60)
    assert await feeding.next_mark() == PlayedMark("one")
    assert (feeding.buffered_ms, feeding.pending_marks) == (40, ["two"])
    feeding.clear()
    assert await feeding.next_mark() == PlayedMark("two", is_cleared=True)
    stream.feed(MULAW)
    assert feeding.is_closed
    with pytest.raises(StreamClosed):
        await feeding.next_mark()
    with pytest.raises(ValueError, match="44100"):
        stream.feed(AudioFormat("L16", 44_100))


async def test_a_room_keeps_who_is_in_it_and_how(tmp_path: Path) -> None:
    plane = FakePlane()
    room = plane.open_room()
    first, second = plane.open_stream(), plane.open_stream()
    plane.bridge(first, second)
    agent = room.join(first)
    assert plane.bridges[0].is_open is False
    coach = room.join(second, muted=True, coach=agent)
    assert (coach.is_muted, coach.coached, room.members) == (True, agent, 2)
    agent.speak()
    assert await room.next_event() == SpeakingStarted(agent.member_id)
    recording = room.record(tmp_path / "all.wav")
    announcement = room.announce(PROMPT)
    announcement.finish()
    assert await announcement.ended()
    other = plane.open_room()
    other.join(first)
    assert (room.people, other.members) == ([coach], 1)
    assert await room.next_event() == SpeakingStopped(agent.member_id)
    assert plane.statistics().rooms == 2
    room.close()
    assert (second.member, recording.is_recording) == (None, False)
    with pytest.raises(StreamClosed):
        await room.next_event()
    with pytest.raises(StreamClosed):
        room.join(second)


def test_a_room_has_250_members_at_most() -> None:
    plane = FakePlane()
    room = plane.open_room()
    for _ in range(250):
        room.join(plane.open_stream())
    with pytest.raises(RoomFull):
        room.join(plane.open_stream())


def test_it_is_a_media_plane() -> None:
    plane: MediaPlane = FakePlane()
    assert plane.open_room().members == 0
