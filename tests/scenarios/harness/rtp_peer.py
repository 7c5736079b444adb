"""Sends and hears G.711 over RTP (RFC 3550, 3551, 4733), for phones that only do signalling.

Written from the RFCs for the tests alone: what the node sends is decoded here by somebody else's arithmetic.
"""

import asyncio
import random
import struct
import time
from typing import Self

import numpy

from tests.scenarios.harness.audio import SILENCE_RMS, Heard, Samples, silence, tone
from tests.scenarios.harness.waiting import WAIT_S

Address = tuple[str, int]
PCMU, PCMA = 0, 8
_FRAME = 160


def _ulaw_table() -> Samples:
    code = ~numpy.arange(256, dtype=numpy.int32) & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84 << ((code & 0x70) >> 4)) - 0x84
    return numpy.where(code & 0x80, -magnitude, magnitude).astype(numpy.int16)


def _alaw_table() -> Samples:
    code = numpy.arange(256, dtype=numpy.int32) ^ 0x55
    exponent = (code & 0x70) >> 4
    mantissa = ((code & 0x0F) << 4) + 8
    magnitude = numpy.where(exponent > 0, (mantissa + 0x100) << numpy.maximum(exponent - 1, 0), mantissa)
    return numpy.where(code & 0x80, magnitude, -magnitude).astype(numpy.int16)


_DECODE = {PCMU: _ulaw_table(), PCMA: _alaw_table()}
G711 = _DECODE[PCMU]
"""What each µ-law octet decodes to."""
_ORDER = {kind: numpy.argsort(table, kind="stable") for kind, table in _DECODE.items()}


def decode(payload: bytes, kind: int) -> Samples:
    """What a payload of PCMU or PCMA holds."""
    return _DECODE[kind][numpy.frombuffer(payload, numpy.uint8)]


def encode(samples: Samples, kind: int) -> bytes:
    """The nearest code for each sample."""
    table, order = _DECODE[kind], _ORDER[kind]
    values = table[order].astype(numpy.int32)
    wanted = samples.astype(numpy.int32)
    above = numpy.clip(numpy.searchsorted(values, wanted), 1, 255)
    nearer = numpy.where(wanted - values[above - 1] < values[above] - wanted, above - 1, above)
    return order[nearer].astype(numpy.uint8).tobytes()


class RtpPeer(asyncio.DatagramProtocol):
    """`async with RtpPeer() as rtp`: `speak(to, 440)`, then look at `heard()`, `packets`, `lost`, `digits`."""

    def __init__(self, kind: int = PCMU, telephone_event: int = 101, host: str = "127.0.0.1") -> None:
        self.kind = kind
        self.host = host
        self.telephone_event = telephone_event
        self.packets = 0
        self.sources: list[Address] = []
        self.payload_types: set[int] = set()
        self.arrivals: list[float] = []
        self.digits = ""
        self.said_at = 0.0
        self._frames: list[bytes] = []
        self._sequences: set[int] = set()
        self._last_event = -1
        self._speech: asyncio.Task[None] | None = None
        self._ssrc = random.getrandbits(32)
        self._sequence = random.getrandbits(16)
        self._timestamp = random.getrandbits(32)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.host, 0))
        self._transport = transport
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.be_silent()
        self._transport.close()

    @property
    def port(self) -> int:
        """Where it listens on its host."""
        return int(self._transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """RTP; a telephone-event counts once, at its end."""
        _, marker_type, sequence, timestamp = struct.unpack("!BBHI", data[:8])
        kind, payload = marker_type & 0x7F, data[12:]
        self.packets += 1
        self.payload_types.add(kind)
        if not self.sources or self.sources[-1] != addr:
            self.sources.append(addr)
        if kind == self.telephone_event:
            if payload[1] & 0x80 and timestamp != self._last_event:
                self._last_event = timestamp
                self.digits += "0123456789*#ABCD"[payload[0]]
        elif kind == self.kind and sequence not in self._sequences:
            self._sequences.add(sequence)
            self.arrivals.append(time.monotonic())
            self._frames.append(payload)

    @property
    def lost(self) -> int:
        """Sequence numbers missing between the first and the last (short calls: no wrap is looked for)."""
        return (
            max(self._sequences) - min(self._sequences) + 1 - len(self._sequences) if self._sequences else 0
        )

    def heard(self) -> Heard:
        """Everything heard, in order of arrival."""
        payload = b"".join(self._frames)
        return Heard(_DECODE[self.kind][numpy.frombuffer(payload, numpy.uint8)], 8000)

    async def hears(self, *frequencies: float, seconds: float = 0.5, timeout: float = WAIT_S) -> bool:
        """Whether these frequencies are heard, for `seconds` on end, before `timeout`."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            last = self.heard().last(seconds + 0.1)
            if last.seconds >= seconds and last.seconds_of(*frequencies) >= seconds - 0.05:
                return True
            await asyncio.sleep(0.05)
        print(f"rtp peer heard: {self.heard().score()}")
        return False

    def speak(self, to: Address, frequency: float | None) -> None:
        """Send a tone (None: silence) to `to` from now on, a packet each 20 ms."""
        samples = tone(frequency, 1.0) if frequency else silence(1.0)
        coded = encode(samples, self.kind)
        frames = [coded[start : start + _FRAME] for start in range(0, len(coded), _FRAME)]
        if self._speech is not None:
            self._speech.cancel()
        self._speech = asyncio.create_task(self._talk(to, frames))

    def speak_in_bursts(self, to: Address, *frequencies: float) -> None:
        """Send a packet of each tone at once, and again when all of them have been due."""
        frames = [encode(tone(each, 0.02), self.kind) for each in frequencies]
        if self._speech is not None:
            self._speech.cancel()
        self._speech = asyncio.create_task(self._talk(to, frames, burst=len(frames)))

    def say(self, to: Address, samples: Samples) -> None:
        """Send these samples once, and silence after them; `said_at` is when the first packet leaves."""
        coded = encode(samples[: len(samples) // _FRAME * _FRAME], self.kind)
        frames = [coded[start : start + _FRAME] for start in range(0, len(coded), _FRAME)]
        if self._speech is not None:
            self._speech.cancel()
        self.said_at = time.monotonic()
        self._speech = asyncio.create_task(self._talk(to, frames, is_repeated=False))

    def sound(self) -> list[tuple[float, float]]:
        """Each frame of audio that came: when, and its root mean square (0 to 32767)."""
        table = _DECODE[self.kind]
        return [
            (at, Heard(table[numpy.frombuffer(frame, numpy.uint8)], 8000).rms)
            for at, frame in zip(self.arrivals, self._frames, strict=True)
        ]

    async def sounds(self, after: float, *, frames: int = 3, timeout: float = WAIT_S) -> float:
        """When the first of `frames` frames of sound in a row came, after the instant `after`."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            loud: list[float] = []
            for at, rms in self.sound():
                loud = [*loud, at] if at >= after and rms >= SILENCE_RMS else []
                if len(loud) >= frames:
                    return loud[0]
            await asyncio.sleep(0.05)
        raise AssertionError(f"no sound within {timeout:g} s: {self.heard().score()}")

    async def falls_silent(self, after: float, *, seconds: float = 0.3, timeout: float = WAIT_S) -> float:
        """When the last sound came after the instant `after`; neither silent frames nor missing ones are sound."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            last = after
            for at, rms in self.sound():
                if at >= last and rms >= SILENCE_RMS:
                    if at - last >= seconds:
                        return last
                    last = at
            if time.monotonic() - last >= seconds + 0.1:
                return last
            await asyncio.sleep(0.05)
        raise AssertionError(f"not silent within {timeout:g} s: {self.heard().score()}")

    async def be_silent(self) -> None:
        """Send nothing any more."""
        if self._speech is not None:
            self._speech.cancel()
            await asyncio.gather(self._speech, return_exceptions=True)
            self._speech = None

    async def _talk(
        self, to: Address, frames: list[bytes], *, is_repeated: bool = True, burst: int = 1
    ) -> None:
        pause = encode(silence(0.02), self.kind)
        due = time.monotonic()
        count = 0
        while True:
            frame = frames[count % len(frames)] if is_repeated or count < len(frames) else pause
            self._send(to, self.kind, frame, timestamp=self._timestamp)
            self._timestamp = (self._timestamp + _FRAME) & 0xFFFFFFFF
            count += 1
            due += 0.02
            if count % burst == 0:
                await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _send(self, to: Address, kind: int, payload: bytes, *, timestamp: int, marker: bool = False) -> None:
        self._sequence = (self._sequence + 1) & 0xFFFF
        head = struct.pack("!BBHII", 0x80, kind | marker << 7, self._sequence, timestamp, self._ssrc)
        self._transport.sendto(head + payload, to)

    def send_one(self, to: Address) -> None:
        """One packet, of a tone."""
        self._send(to, self.kind, encode(tone(700, 0.02), self.kind), timestamp=self._timestamp)
        self._timestamp = (self._timestamp + _FRAME) & 0xFFFFFFFF

    async def press(
        self, to: Address, digits: str, *, payload_type: int = 101, duration_ms: int = 100
    ) -> None:
        """Press keys: RFC 4733, with the payload type that the other announced, three end packets each."""
        for digit in digits:
            code = "0123456789*#ABCD".index(digit)
            steps, start = (
                duration_ms // 20,
                self._timestamp,
            )  # §2.1: all packets of an event bear its beginning
            for step in range(1, steps + 1):
                event = struct.pack("!BBH", code, 10, step * _FRAME)
                self._send(to, payload_type, event, timestamp=start, marker=step == 1)
                await asyncio.sleep(0.02)
            for _ in range(3):
                event = struct.pack("!BBH", code, 0x8A, steps * _FRAME)
                self._send(to, payload_type, event, timestamp=start)
            if self._speech is None:
                self._timestamp = (start + (duration_ms + 60) * 8) & 0xFFFFFFFF
            await asyncio.sleep(0.06)
