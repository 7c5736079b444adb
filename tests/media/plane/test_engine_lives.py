"""What the native media plane leaves behind: nothing. And video, which it passes on untouched."""

import asyncio
import errno
import os
import struct
import threading
from pathlib import Path

import pytest

from callapi.media import Direction, MediaAddress, RecordOptions, StreamClosed, VideoFormat, VideoParameters
from callapi.media.plane.engine import NativePlane
from tests.media.party import Party, prompt, tone


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def resident_kib() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


async def cycles(plane: NativePlane, count: int, directory: Path) -> None:
    async with Party() as alice:
        for number in range(count):
            caller, callee = plane.open_stream(), plane.open_stream()
            caller.configure(alice.parameters())
            callee.configure(alice.parameters())
            caller.play(prompt(440, 0.1))
            plane.bridge(caller, callee)
            if number % 50 == 0:
                caller.record(directory / f"{number}.wav", RecordOptions(channels=2))
            callee.send_digits("12")
            callee.close()
            caller.close()
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.5)


@pytest.mark.timeout(60)
async def test_thousands_of_calls_leave_nothing_behind(tmp_path: Path) -> None:
    async with NativePlane(rtp_ports="43000-43399", threads=2) as plane:
        await cycles(plane, 500, tmp_path)
        before = (open_files(), threads())
        memory = resident_kib()
        await cycles(plane, 2500, tmp_path)
        assert (open_files(), threads()) == before
        assert resident_kib() - memory < 8 * 1024
        statistics = plane.statistics()
        assert (statistics.streams, statistics.bridges, statistics.recordings) == (0, 0, 0)
        assert (statistics.ports_in_use, statistics.ports_free) == (0, 200)
        assert statistics.events_lost == 0


async def test_a_plane_can_be_opened_again_and_leaves_no_thread() -> None:
    before = (open_files(), threads() - threading.active_count())
    for _ in range(3):
        async with NativePlane(rtp_ports="43400-43409", threads=2) as plane:
            plane.open_stream()
        await plane.close()
        with pytest.raises(StreamClosed):
            plane.open_stream()
    await asyncio.sleep(0.1)  # the executor lets go of what it ran
    assert open_files() == before[0]
    assert threads() - threading.active_count() == before[1], (
        "those that Python does not know are packet threads"
    )


async def test_ports_are_even_and_not_used_again_at_once() -> None:
    async with NativePlane(rtp_ports="43411-43421", advertised_address="192.0.2.9", threads=1) as plane:
        first = plane.open_stream()
        assert first.local == MediaAddress("192.0.2.9", 43_412)
        first.close()
        await asyncio.sleep(0.1)
        assert [plane.open_stream().local.port for _ in range(4)] == [43_414, 43_416, 43_418, 43_420]


def video(
    party: Party, formats: tuple[VideoFormat, ...], direction: Direction = Direction.SENDRECV
) -> VideoParameters:
    return VideoParameters(party.address, formats, direction=direction)


async def test_video_is_passed_on_untouched_but_for_the_payload_type() -> None:
    async with NativePlane(rtp_ports="43430-43449", threads=2) as plane, Party() as alice, Party() as bob:
        one, other = plane.open_video(), plane.open_video()
        one.configure(video(alice, (VideoFormat("H264", 99, 99), VideoFormat("VP8", 96, 96))))
        other.configure(video(bob, (VideoFormat("VP8", 120, 121),)))
        bridge = plane.bridge_video(one, other)
        await asyncio.sleep(0.05)
        alice.send(one.local, b"key frame", payload_type=96, marker=True)
        alice.send(one.local, b"not offered to bob", payload_type=99)
        bob.send(other.local, b"answer", payload_type=121)
        pli = struct.pack("!BBHII", 0x81, 206, 2, 1, alice.ssrc)
        bob.send_rtcp(other.local, pli)
        await asyncio.sleep(0.05)
        assert [(p.payload, p.payload_type, p.marker, p.ssrc) for p in bob.packets] == [
            (b"key frame", 120, True, alice.ssrc)
        ]
        assert bob.packets[0].sequence == 65_500
        assert [(p.payload, p.payload_type) for p in alice.packets] == [(b"answer", 96)]
        assert alice.rtcp == [pli]
        assert one.statistics().packets_received == 2
        other.configure(video(bob, (VideoFormat("VP8", 120, 121),), Direction.RECVONLY))
        await asyncio.sleep(0.05)
        alice.send(one.local, b"held", payload_type=96)
        await asyncio.sleep(0.05)
        assert len(bob.packets) == 1
        bridge.close()
        await asyncio.sleep(0.05)  # commands are carried out after this turn of the loop
        bob.send(other.local, b"alone", payload_type=121)
        await asyncio.sleep(0.05)
        assert len(alice.packets) == 1
        one.close()
        one.close()
        with pytest.raises(StreamClosed):
            one.configure(video(alice, ()))
        assert plane.statistics().video_streams == 1


async def test_a_bridge_ends_when_a_leg_joins_another() -> None:
    async with (
        NativePlane(rtp_ports="43450-43469", threads=2) as plane,
        Party() as alice,
        Party() as bob,
        Party() as carol,
    ):
        legs = [plane.open_stream() for _ in range(3)]
        for leg, party in zip(legs, (alice, bob, carol), strict=True):
            leg.configure(party.parameters())
        first = plane.bridge(legs[0], legs[1])
        plane.bridge(legs[2], legs[0])
        first.close()
        await asyncio.sleep(0.05)
        await alice.say(legs[0].local, tone(440, 0.1))
        await bob.say(legs[1].local, tone(440, 0.1))
        assert (len(carol.audio()), len(bob.audio()), len(alice.audio())) == (5, 0, 0)
        assert plane.statistics().bridges == 1
        with pytest.raises(ValueError, match="itself"):
            plane.bridge(legs[0], legs[0])


def may_hurry() -> bool:
    """Whether this process may have a real-time priority; it has the ordinary one again afterwards."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        return False
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    return True


@pytest.mark.parametrize("is_refused", [False, True])
async def test_packet_threads_go_first_where_the_system_allows_it(
    is_refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_granted = may_hurry() and not is_refused

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    if is_refused:
        monkeypatch.setattr(os, "sched_setscheduler", refuse)
    async with (
        NativePlane(rtp_ports="43470-43479", threads=2, realtime=True) as plane,
        NativePlane(rtp_ports="43480-43489", threads=1) as other,
        Party() as alice,
    ):
        policies = [os.sched_getscheduler(each) for each in plane._open_plane().thread_ids]
        assert policies == 2 * [os.SCHED_RR if is_granted else os.SCHED_OTHER]
        assert (plane.is_realtime, other.is_realtime) == (is_granted, False)
        stream = plane.open_stream()
        stream.configure(alice.parameters())
        assert await asyncio.wait_for(stream.play(prompt(440, 0.1)).ended(), 2)
