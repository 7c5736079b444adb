"""A supervisor hears a live call whole: nothing of it is lost, whatever else the machine does."""

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import numpy

from tests.scenarios.conftest import Server
from tests.scenarios.harness.application import Answer, Webhook, response
from tests.scenarios.harness.audio import Samples, write_wav
from tests.scenarios.harness.caller import calling
from tests.scenarios.harness.waiting import eventually

RATE = 16_000
STEP = RATE // 50
"""Samples of 20 ms."""
LEVELS = numpy.arange(-15, 16, dtype=numpy.int16) * 1000
"""A staircase of 620 ms: each stair is as long as a packet, and has a level of its own."""
SECONDS = 3


def staircase(folder: Path) -> bytes:
    """The stairs as a WAV of 8 kHz, half a minute of them."""
    stairs = numpy.tile(numpy.repeat(LEVELS, 160), 50)
    return write_wav(folder / "stairs.wav", stairs).read_bytes()


def stairs_in(samples: Samples) -> list[int]:
    """Which stair is heard in each 20 ms, read where the level stands still."""
    pieces = samples[: len(samples) // STEP * STEP].reshape(-1, STEP).astype(int)
    edges = numpy.abs(numpy.diff(pieces, axis=1)).sum(axis=0)
    middle = (int(edges.argmax()) + STEP // 2) % STEP
    return [int(numpy.abs(LEVELS - samples[at]).argmin()) for at in range(middle, len(samples) - STEP, STEP)]


async def listenings_of(server: Server, sid: str) -> list[dict[str, Any]]:
    """What the timeline notes of listenings that are over, once there is one."""
    for _ in range(200):
        _, page = await server.node.rest("GET", f"Calls/{sid}/Events.json")
        noted = [each["data"] for each in page["events"] if each["kind"] == "listening"]
        if ends := [each for each in noted if each["event"] == "listening-stopped"]:
            return ends
        await asyncio.sleep(0.05)
    raise AssertionError("the timeline does not note the end of the listening")


async def test_a_listener_misses_nothing(server: Server, webhook: Webhook, tmp_path: Path) -> None:
    """Every packet that the caller is sent is in the sound of the listener, once, in its order; the timeline agrees."""
    webhook["stairs.wav"] = Answer(staircase(tmp_path), content_type="audio/wav")
    webhook["voice"] = response('<Play loop="0">stairs.wav</Play>')
    node = server.node
    auth = {"Authorization": aiohttp.encode_basic_auth(node.account_sid, node.auth_token)}
    async with calling(server.uri, node.sip_address) as call, aiohttp.ClientSession(headers=auth) as http:
        sid = (await webhook.next("voice"))["CallSid"]
        await eventually("sound", lambda: call.rtp.packets > 10)
        url = f"{node.http_url}/2010-04-01/Accounts/{node.account_sid}/Calls/{sid}/Audio.wav"
        async with http.get(url) as wav:
            async with asyncio.timeout(60):
                sound = await wav.content.readexactly(44 + SECONDS * RATE * 4)
        heard = numpy.frombuffer(sound[44:], numpy.int16).reshape(-1, 2)[:, 1]
        stairs = stairs_in(heard[RATE // 2 :])

        ends = await listenings_of(server, sid)
    assert [each["missed_ms"] for each in ends] == [0]
    steps = [(later - former) % len(LEVELS) for former, later in pairwise(stairs)]
    assert steps == [1] * len(steps), (
        f"{[(at, each) for at, each in enumerate(steps) if each != 1]} in {stairs}"
    )
    assert len(steps) > 50 * (SECONDS - 1)
