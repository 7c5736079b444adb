"""Where sounds lie in a recording, and how long it is: known bursts on both sides of a call, within 20 ms."""

import asyncio
import re
import time
from dataclasses import dataclass
from pathlib import Path

import numpy
import pytest

from tests.scenarios.conftest import Measured, Server
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.audio import Heard, silence, tone
from tests.scenarios.harness.raw_phone import RawPhone, sdp
from tests.scenarios.harness.rtp_peer import PCMU, RtpPeer, encode
from tests.scenarios.harness.wire import SipMessage

BOUND_S = 0.02
PACKET = 160
BURST_S = 0.2


@dataclass
class Part:
    """What one party says: a burst of a tone at one of its packets, silence before and after."""

    rtp: RtpPeer
    to: tuple[str, int]
    frequency: float
    at_packet: int
    packets: int = 90
    burst_at: float = 0.0

    async def say(self) -> None:
        """A packet each 20 ms; `burst_at` is when the burst's first one left."""
        lead = silence(self.at_packet * 0.02)
        rest = silence(self.packets * 0.02 - len(lead) / 8000 - BURST_S)
        coded = encode(numpy.concatenate([lead, tone(self.frequency, BURST_S), rest]), PCMU)
        due = time.monotonic()
        for number in range(self.packets):
            if number == self.at_packet:
                self.burst_at = time.monotonic()
            self.rtp._send(self.to, PCMU, coded[number * PACKET :][:PACKET], timestamp=number * PACKET)
            due += 0.02
            await asyncio.sleep(max(0.0, due - time.monotonic()))


def audio_of(message: SipMessage) -> tuple[str, int]:
    port = re.search(r"^m=audio (\d+) ", message.body, re.MULTILINE)
    assert port, message.body
    return "127.0.0.1", int(port[1])


def place_of(heard: Heard) -> tuple[float, float]:
    """From when to when there is sound, in seconds."""
    loud = numpy.flatnonzero(numpy.abs(heard.samples.astype(int)) > 500)
    assert loud.size, heard.score()
    return loud[0] / heard.rate, (loud[-1] + 1) / heard.rate


@dataclass(frozen=True)
class Errors:
    """Seconds by which a recording is off."""

    between: float
    """The caller's burst to the callee's."""
    to_end: float
    """The callee's burst to the end."""
    length: float

    @property
    def largest(self) -> float:
        return max(abs(self.between), abs(self.to_end), abs(self.length))


async def _recorded(server: Server, webhook: Webhook, folder: Path) -> Errors:
    """One recorded call."""
    async with RawPhone("alice") as alice, RawPhone("bob") as bob, RtpPeer() as one, RtpPeer() as other:
        webhook["voice"] = response(
            f'<Dial record="record-from-answer-dual" action="after"><Sip>{bob.uri}</Sip></Dial>'
        )
        webhook["after"] = response("<Hangup/>")
        call = alice.invite(server.uri, server.node.sip_address, body=sdp(one.port))
        ringing = await bob.next_call()
        accepted = await call.gets("INVITE", 200)
        call.request("ACK")
        ringing.answer(port=other.port)
        await ringing.gets("ACK")
        joined = time.monotonic()
        caller = Part(one, audio_of(accepted), 500, at_packet=30)
        callee = Part(other, audio_of(ringing.invite), 700, at_packet=55)
        await asyncio.gather(caller.say(), callee.say())
        ended = time.monotonic()
        ringing.request("BYE")
        after = await webhook.next("after")
        await call.gets("BYE")
    path = folder / "both.wav"
    path.write_bytes(await server.node.download(after["RecordingUrl"] + ".wav"))
    left, right = Heard.from_wav(path), Heard.from_wav(path, channel=1)
    (begins, ends), (follows, is_over) = place_of(left), place_of(right)
    for heard, (begin, end), frequency in ((left, (begins, ends), 500), (right, (follows, is_over), 700)):
        assert end - begin == pytest.approx(BURST_S, abs=BOUND_S)
        assert heard.between(begin, end).share_of(frequency) > 0.8, heard.score()
    return Errors(
        between=(follows - begins) - (callee.burst_at - caller.burst_at),
        to_end=(left.seconds - follows) - (ended - callee.burst_at),
        length=left.seconds - (ended - joined),
    )


@pytest.mark.timing
async def test_what_both_say_lies_where_it_was_said(
    server: Server, webhook: Webhook, tmp_path: Path, measured: Measured
) -> None:
    """In a recording on two channels: each burst in its channel, at its time, and the length is that of the talk."""
    tries: list[Errors] = []
    while len(tries) < 3 and min((each.largest for each in tries), default=1.0) > BOUND_S:
        tries.append(await _recorded(server, webhook, tmp_path))  # a test that was late itself tries again
    best = min(tries, key=lambda each: each.largest)
    ms = [f"{each * 1000:+.1f} ms" for each in (best.between, best.to_end, best.length)]
    measured(f"recording: bursts of both sides off by {ms[0]}, the end by {ms[1]}, the length by {ms[2]}")
    assert best.largest <= BOUND_S, tries
