"""A party whose every packet of 20 ms has a tone of its own, so that each packet that goes missing can be named."""

import asyncio
import itertools
import struct
import time

import numpy

from tests.scenarios.harness.audio import Samples, tone
from tests.scenarios.harness.rtp_peer import PCMA, PCMU, Address, RtpPeer, decode, encode

STEPS = 25
FRAME = 160
_LOWEST, _STEP_HZ = 300, 100
_LOUD = 1000


def tone_of(step: int) -> Samples:
    """20 ms of the tone of a step."""
    return tone(_LOWEST + _STEP_HZ * (step % STEPS), 0.02)


def step_of(samples: Samples) -> int | None:
    """The step that 20 ms are of; None: silence."""
    if numpy.sqrt(numpy.mean(numpy.square(samples.astype(numpy.float64)))) < _LOUD:
        return None
    power = numpy.abs(numpy.fft.rfft(samples * numpy.hanning(len(samples)), 10 * FRAME))
    frequency = float(numpy.fft.rfftfreq(10 * FRAME, 1 / 8000)[int(power.argmax())])
    return round((frequency - _LOWEST) / _STEP_HZ) % STEPS


def missing_in_a_row(steps: list[int | None]) -> int:
    """The longest run of steps that are not there, between the first and the last of them."""
    heard = [step for step in steps if step is not None]
    jumps = [(after - before) % STEPS for before, after in itertools.pairwise(heard)]
    # A step that comes again was made up, in place of a late one.
    return max((jump - 1 for jump in jumps if 0 < jump < STEPS - 2), default=0)


class Staircase(RtpPeer):
    """`climb(to)`, and look at what the other side has `heard_steps()` of."""

    def __init__(self, number: int = PCMU, numbers: dict[int, int] | None = None) -> None:
        super().__init__(PCMU)
        self.number = number
        """The payload type of what it says from now on."""
        self.codecs = {PCMU: PCMU, PCMA: PCMA, **(numbers or {})}
        """The codec of each payload type."""
        self.heard_packets: list[tuple[int, int, bytes]] = []
        """Payload type, timestamp and payload of all that came."""

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """As RtpPeer, with every format."""
        super().datagram_received(data, addr)
        _, kind, _, timestamp = struct.unpack("!BBHI", data[:8])
        if kind & 0x7F in self.codecs:
            self.heard_packets.append((kind & 0x7F, timestamp, data[12:]))

    def climb(self, to: Address) -> None:
        """Send the staircase from now on, in the format of `number`, whatever that is at each packet."""
        self._speech = asyncio.create_task(self._climb(to))

    async def _climb(self, to: Address) -> None:
        due = time.monotonic()
        step = 0
        while True:  # a late packet makes all further ones late: no bursts, which jitter buffers cut short
            payload = encode(tone_of(step), self.codecs[self.number])
            self._send(to, self.number, payload, timestamp=self._timestamp)
            self._timestamp = (self._timestamp + FRAME) & 0xFFFFFFFF
            step += 1
            due = max(due + 0.02, time.monotonic() + 0.01)
            await asyncio.sleep(due - time.monotonic())

    def heard_steps(self, since: int = 0) -> list[int | None]:
        """The step of each packet that came, from the packet numbered `since` on."""
        packets = self.heard_packets[since:]
        return [step_of(decode(payload, self.codecs[number])) for number, _, payload in packets]

    def formats_heard(self, since: int = 0) -> list[int]:
        """The payload types that came, in their order, from the packet numbered `since` on."""
        return list(dict.fromkeys(number for number, _, _ in self.heard_packets[since:]))
