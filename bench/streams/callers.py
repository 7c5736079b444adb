"""Callers of streams: their RTP, a twentieth of them in each millisecond, and the applications that they talk to."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from bench.streams.capture import CODES, FIRST_PROBE
from tests.scenarios.harness.raw_phone import RawCall, RawPhone, sdp

HERE: Final = Path(__file__).parent
PHASES: Final = 20
"""Groups of callers who send at the same instant."""
Leg = tuple[str, int]


async def send_rtp(sender: socket.socket, legs: Sequence[Leg], probes: Sequence[Leg]) -> None:
    """A packet to each leg every 20 ms, of silence or, to a probe, of the next code; until cancelled.

    Callers do not speak in step: a twentieth of the legs is sent to in each millisecond.
    """
    loop, number = asyncio.get_running_loop(), 0
    everyone = [(leg, None) for leg in legs] + [(leg, place) for place, leg in enumerate(probes)]
    parts = [list(enumerate(everyone))[start::PHASES] for start in range(PHASES)]
    due = loop.time()
    while True:
        number += 1
        head = b"\x80\x00" + (number & 0xFFFF).to_bytes(2) + (number * 160 & 0xFFFFFFFF).to_bytes(4)
        code = CODES[number % len(CODES) :][:1] * 159
        for part in parts:
            for source, (leg, place) in part:
                sound = b"\xd5" * 160 if place is None else code + bytes([FIRST_PROBE + place])
                sender.sendto(head + (source + 1).to_bytes(4) + sound, leg)
            due += 0.02 / PHASES
            await asyncio.sleep(max(0.0, due - loop.time()))


@asynccontextmanager
async def program(name: str, port: int, *prefix: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """An application of this folder on `port`, ready; `prefix` is what its command line begins with."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *prefix, sys.executable, str(HERE / name), str(port), stdin=pipe, stdout=pipe, cwd=HERE.parents[1]
    )
    try:
        assert process.stdout
        assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


class Refused(Exception):
    """The node takes no further call: it answers 503."""


async def call(
    phone: RawPhone, sender: socket.socket, uri: str, node: tuple[str, int]
) -> tuple[RawCall, Leg]:
    """A call to `uri` that is answered; its RTP is to come to `sender`. Where the node hears it. Raises Refused."""
    made = phone.invite(uri, node, body=sdp(sender.getsockname()[1]))
    answer = await made.gets_final("INVITE")
    if answer.status == 503:
        raise Refused
    made.request("ACK")
    assert answer.audio
    return made, answer.audio
