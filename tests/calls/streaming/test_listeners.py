"""Who listens to a live call: both directions side by side, within bounds, noted on the timeline, closed again."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callapi.base.ids import CallSid
from callapi.calls.control import NotModifiable
from callapi.calls.live import LiveCalls
from callapi.calls.one_shot import OneShot
from callapi.calls.streaming.frame_pairing import MAX_WAIT, FramePairing
from callapi.calls.streaming.listeners import MAX_OF_CALL, Listeners, TooManyListeners
from callapi.media import AudioFrame, Track
from callapi.media.plane.fake import FakePlane, FakeStream
from callapi.store import Json

SID = CallSid("CA" + "1" * 32)
SAMPLES = 320


def frame(slot: int, value: int) -> AudioFrame:
    """20 ms of one value."""
    return AudioFrame(slot * 20, value.to_bytes(2, "little") * SAMPLES)


def channels(octets: bytes) -> list[tuple[int, int]]:
    """Left and right of the first sample of each 20 ms."""
    step = 4 * SAMPLES
    assert len(octets) % step == 0
    return [
        (
            int.from_bytes(octets[at : at + 2], "little"),
            int.from_bytes(octets[at + 2 : at + 4], "little"),
        )
        for at in range(0, len(octets), step)
    ]


def test_frames_of_one_moment_stand_side_by_side() -> None:
    """Left is the party, right what it hears."""
    assert channels(FramePairing().put([frame(0, 5), frame(1, 6)], [frame(0, 7), frame(1, 8)])) == [
        (5, 7),
        (6, 8),
    ]


def test_a_frame_waits_for_its_partner() -> None:
    """The tracks are read one after the other: the partner may come with the next reading."""
    pairing = FramePairing()
    assert pairing.put([frame(0, 5)], []) == b""
    assert channels(pairing.put([frame(1, 6)], [frame(0, 7), frame(1, 8)])) == [(5, 7), (6, 8)]


def test_a_partner_that_does_not_come_is_silence() -> None:
    """A later frame of its track shows that it is lost, or enough frames of the other that the time has passed."""
    pairing = FramePairing()
    assert pairing.put([frame(0, 5), frame(1, 6)], []) == b""
    assert channels(pairing.put([], [frame(1, 8)])) == [(5, 0), (6, 8)]
    assert pairing.missed == 1
    late = [frame(2 + number, 10 + number) for number in range(MAX_WAIT + 1)]
    assert channels(pairing.put(late, [])) == [(10, 0)]
    rest = channels(pairing.put([], [frame(2, 9), *(frame(3 + number, 20) for number in range(MAX_WAIT))]))
    assert rest == [(11 + number, 20) for number in range(MAX_WAIT)]
    assert pairing.missed == 2


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(-9, MAX_WAIT))))
def test_however_the_tracks_are_read_nothing_is_lost(reads: list[tuple[int, int]]) -> None:
    """Each track is read in pieces of any size; the right one is behind by `MAX_WAIT` frames at most, or ahead."""
    pairing, heard, left, right = FramePairing(), b"", 0, 0
    for step, lag in [*reads, (0, 0)]:
        former_left, former_right = left, right
        left = min(left + step, right + MAX_WAIT)
        right = max(right, left - lag)
        heard += pairing.put(
            [frame(slot, slot) for slot in range(former_left, left)],
            [frame(slot, 1000 + slot) for slot in range(former_right, right)],
        )
    assert channels(heard) == [(slot, 1000 + slot) for slot in range(left)]
    assert pairing.missed == 0


def test_what_was_missed_is_silence_of_the_same_length() -> None:
    """A slow reader hears a gap, and no shift; a gap of minutes is cut to a second."""
    pairing = FramePairing()
    pairing.put([frame(0, 5)], [frame(0, 5)])
    assert channels(pairing.put([frame(3, 6)], [frame(3, 6)])) == [(0, 0), (0, 0), (6, 6)]
    assert len(channels(pairing.put([frame(5000, 7)], [frame(5000, 7)]))) == 51


class World:
    """A directory with one call, and what was noted."""

    def __init__(self) -> None:
        self.stream: FakeStream = FakePlane().open_stream()
        self.ended: OneShot[None] = OneShot()
        self.noted: list[tuple[str, Mapping[str, Json]]] = []
        self.now = 0.0
        call: Any = SimpleNamespace(leg=SimpleNamespace(stream=self.stream), ended=self.ended)
        live = {SID: call}

        def note(sid: CallSid, kind: str, data: Mapping[str, Json]) -> None:
            assert sid == SID
            self.noted.append((kind, data))

        self.listeners = Listeners(cast("LiveCalls", live), note, lambda: self.now)


async def test_a_listening_is_noted_and_closed_again() -> None:
    """Two tracks are opened for the listener alone, and are closed when it leaves."""
    world = World()
    assert world.stream.listenings == []
    async with aclosing(world.listeners.pcm(SID, "SK1")) as pieces:
        first = asyncio.ensure_future(anext(pieces))
        await asyncio.sleep(0)
        said, heard = world.stream.listenings
        assert [said.track, heard.track] == [Track.INBOUND, Track.OUTBOUND]
        heard.put(frame(0, 7).payload)
        said.put(frame(0, 5).payload)
        assert channels(await first) == [(5, 7)]
        assert world.noted == [("listening", {"event": "listening-started", "by": "SK1"})]
        world.now = 2.5
    assert said.is_closed
    assert heard.is_closed
    assert world.noted[-1] == (
        "listening",
        {"event": "listening-stopped", "by": "SK1", "seconds": 2.5, "missed_ms": 0},
    )


async def test_a_call_that_is_over_cannot_be_heard() -> None:
    """Nor one that is not here; a listening ends with its stream."""
    world = World()
    with pytest.raises(NotModifiable):
        world.listeners.check(CallSid("CA" + "2" * 32))
    listening = world.listeners.pcm(SID, "SK1")
    first = asyncio.ensure_future(anext(listening, None))
    await asyncio.sleep(0)
    for each in world.stream.listenings:
        each.close()
    assert await first is None
    world.ended.set(None)
    with pytest.raises(NotModifiable):
        world.listeners.check(SID)


async def test_listeners_of_one_call_are_bounded() -> None:
    """One more is refused; a place is free again when one leaves."""
    world = World()
    listening = [world.listeners.pcm(SID, f"SK{number}") for number in range(MAX_OF_CALL)]
    reading = [asyncio.ensure_future(anext(each, None)) for each in listening]
    await asyncio.sleep(0)
    with pytest.raises(TooManyListeners):
        world.listeners.check(SID)
    for each in world.stream.listenings:
        each.close()
    await asyncio.gather(*reading)
    world.listeners.check(SID)
