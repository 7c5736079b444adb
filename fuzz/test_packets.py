"""Anything at all to the ports of a running stream, from the very party that it talks with: the talk goes on after it.

Strangers' datagrams are dropped by their source; what a stream's own party sends is read by everything behind the
socket: RTP, RTCP, events, jitter buffer, transcoding, recording.
"""

import asyncio
import os
import random
import time
from contextlib import suppress
from pathlib import Path

import pytest
from tests.media.party import PCMA, Party, pitch, tone

from callapi.media import Stalled
from callapi.media.plane.engine import NativePlane
from callapi.media.plane.native_streams import NativeStream
from fuzz.mutation import Mutator

SECONDS = float(os.environ.get("FUZZ_SECONDS", "2"))
SEED = int(os.environ.get("FUZZ_SEED", str(time.time_ns() % 2**32)))
CORPUS = Path(__file__).parent / "corpus/packets"
WORDS = (
    b"\x80\x00",
    b"\x80\xc8",
    b"\x81\xc9",
    b"\x80\x65",
    b"\x21\x12\xa4\x42",
    b"\xbe\xde\xff\xff",
    b"\xff" * 4,
)
GROWTH_MB = 24

pytestmark = pytest.mark.timeout(60 + 2 * SECONDS)


def _corpus() -> list[bytes]:
    lines = [line for path in sorted(CORPUS.glob("*.hex")) for line in path.read_text().splitlines()]
    return [bytes.fromhex(line) for line in lines if not line.startswith("#")]


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def test_packets(tmp_path: Path) -> None:
    """Junk on RTP and RTCP, from the party and a stranger; afterwards the talk goes on, and nothing has grown."""
    mutator = Mutator(random.Random(SEED), _corpus(), WORDS)
    async with (
        NativePlane(rtp_ports="43500-43699", threads=1, timeout_s=60 + SECONDS) as plane,
        Party() as alice,
        Party(codec=PCMA) as bob,
        Party() as stranger,
    ):
        caller, callee = plane.open_stream(), plane.open_stream()
        caller.configure(alice.parameters())
        callee.configure(bob.parameters())
        plane.bridge(caller, callee)
        caller.record(tmp_path / "junk.wav")
        await bob.say(callee.local, tone(440, 0.1))  # from now on a stranger is a stranger
        await _talk(alice, caller, bob, 440)
        before, count, until = _resident_mb(), 0, time.monotonic() + SECONDS
        while time.monotonic() < until:
            for _ in range(20):
                junk = mutator.make()[:1400]
                alice.send_raw(caller.local, junk)
                alice.send_rtcp(caller.local, junk)
                stranger.send_raw(callee.local, junk)
                count += 3
            await asyncio.sleep(0.002)
        bob.packets.clear()
        await _talk(alice, caller, bob, 700)
        grown = _resident_mb() - before
        assert grown < GROWTH_MB, f"FUZZ_SEED={SEED}: {grown:.0f} MB more after {count} datagrams"
        for stream in (caller, callee):
            assert not await _stalled(stream), f"FUZZ_SEED={SEED}: a stream was given up"


async def _talk(alice: Party, caller: NativeStream, bob: Party, hertz: int) -> None:
    """Bob hears alice's tone by its pitch, within some seconds."""
    async with asyncio.timeout(10):
        while True:
            bob.packets.clear()
            await alice.say(caller.local, tone(hertz, 0.3))
            if abs(pitch(bob.heard()[-1600:]) - hertz) < 15:
                return


async def _stalled(stream: NativeStream) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(0.1):
            while True:
                if isinstance(await stream.next_event(), Stalled):
                    return True
    return False
