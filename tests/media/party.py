"""A party at the other end of a stream: real loopback sockets, RTP made and read by hand, sound as numpy."""

import asyncio
import itertools
import socket
import struct
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from callapi.media import CodecFormat, Direction, MediaAddress, Prompt, StreamParameters

Samples = NDArray[np.int16]
SO_TIMESTAMPNS = 35  # Linux; the socket module does not name it
PCMU = CodecFormat("PCMU", 0, 8000, 1, 0)
PCMA = CodecFormat("PCMA", 8, 8000, 1, 8)
EVENT_CODES = {key: code for code, key in enumerate("0123456789*#ABCD")}


def _ulaw_table() -> Samples:
    codes = ~np.arange(256, dtype=np.uint8)
    exponent, mantissa = (codes >> 4) & 7, codes & 15
    magnitude = ((mantissa.astype(np.int32) << 3) + 0x84 << exponent) - 0x84
    return np.where(codes & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_table() -> Samples:
    codes = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent, mantissa = ((codes >> 4) & 7).astype(np.int32), (codes & 15).astype(np.int32)
    magnitude = np.where(
        exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0)
    )
    return np.where(codes & 0x80, magnitude, -magnitude).astype(np.int16)


TABLES = {"PCMU": _ulaw_table(), "PCMA": _alaw_table()}


def encode(codec: str, samples: Samples) -> bytes:
    """The nearest code of each sample."""
    table = TABLES[codec].astype(np.int32)
    order = np.argsort(table, kind="stable")
    ranked = table[order]
    right = np.clip(np.searchsorted(ranked, samples), 1, 255)
    nearer = np.abs(ranked[right - 1] - samples) <= np.abs(ranked[right] - samples)
    return bytes(order[np.where(nearer, right - 1, right)].astype(np.uint8))


def decode(codec: str, payload: bytes) -> Samples:
    return TABLES[codec][np.frombuffer(payload, np.uint8)]


def tone(hertz: float, seconds: float, rate: int = 8000, level: int = 8000) -> Samples:
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.int16)


def prompt(hertz: float, seconds: float, rate: int = 8000) -> Prompt:
    return Prompt(tone(hertz, seconds, rate), rate)


def pitch(samples: Samples, rate: int = 8000) -> float:
    """The loudest frequency, in Hz; 0 for silence."""
    if len(samples) == 0 or np.abs(samples).max() < 50:
        return 0.0
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 8 * len(samples)))
    return float(spectrum.argmax() * rate / (8 * len(samples)))


@dataclass(frozen=True, slots=True)
class Packet:
    """One RTP packet that came, and when."""

    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    at: float
    source: tuple[str, int]

    @classmethod
    def read(cls, datagram: bytes, at: float, source: tuple[str, int]) -> Self:
        _, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", datagram)
        payload = datagram[12:]
        return cls(bool(second & 0x80), second & 0x7F, sequence, timestamp, ssrc, payload, at, source)


def receive(sock: socket.socket) -> tuple[bytes, float, tuple[str, int]] | None:
    """One datagram, when the kernel got it (seconds since 1970: our own loop may be late), and its source."""
    try:
        datagram, ancillary, _, source = sock.recvmsg(4096, 64)
    except OSError:
        return None
    seconds, nanoseconds = struct.unpack("@qq", ancillary[0][2])
    return datagram, seconds + nanoseconds / 1e9, source


@dataclass
class Party:
    """One party: `async with Party() as alice`, then `stream.configure(alice.parameters())`."""

    codec: CodecFormat = PCMU
    host: str = "127.0.0.1"
    packets: list[Packet] = field(default_factory=list)
    rtcp: list[bytes] = field(default_factory=list)
    ssrc: int = 0x1234
    sequence: int = 65_500
    timestamp: int = 4_000_000_000

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._came = asyncio.Event()
        self._rtp, self._rtcp = next(filter(None, (self._pair() for _ in itertools.count())))
        loop.add_reader(self._rtp, self._on_rtp)
        loop.add_reader(self._rtcp, self._on_rtcp)
        self.address = MediaAddress(*self._rtp.getsockname())
        return self

    async def __aexit__(self, *_: object) -> None:
        for sock in (self._rtp, self._rtcp):
            asyncio.get_running_loop().remove_reader(sock)
            sock.close()

    def parameters(
        self,
        *,
        direction: Direction = Direction.SENDRECV,
        event: int | None = 101,
        receive_event: int | None = 101,
        ptime_ms: int = 20,
        remote: MediaAddress | None = None,
        rtcp_mux: bool = False,
    ) -> StreamParameters:
        return StreamParameters(
            remote or self.address,
            self.codec,
            telephone_event=event,
            receive_telephone_event=receive_event,
            direction=direction,
            ptime_ms=ptime_ms,
            rtcp_mux=rtcp_mux,
        )

    def send(
        self, to: MediaAddress, payload: bytes, *, payload_type: int | None = None, marker: bool = False
    ) -> None:
        """One packet; the sequence number advances, the timestamp by what the payload holds."""
        kind = self.codec.receive_payload_type if payload_type is None else payload_type
        header = struct.pack("!BBHII", 0x80, kind | marker << 7, self.sequence, self.timestamp, self.ssrc)
        self._rtp.sendto(header + payload, (to.host, to.port))
        self.sequence = (self.sequence + 1) & 0xFFFF
        if payload_type is None:
            self.timestamp = (self.timestamp + len(payload)) & 0xFFFFFFFF

    def send_raw(self, to: MediaAddress, datagram: bytes) -> None:
        self._rtp.sendto(datagram, (to.host, to.port))

    def send_rtcp(self, to: MediaAddress, datagram: bytes) -> None:
        self._rtcp.sendto(datagram, (to.host, to.port + 1))

    async def say(
        self, to: MediaAddress, samples: Samples, *, packet: int = 160, lose: Sequence[int] = ()
    ) -> None:
        """Send sound at its own pace; packets whose numbers are in `lose` never leave."""
        payload = encode(self.codec.name, samples)
        start = time.monotonic()
        for number in range(len(payload) // packet):
            await asyncio.sleep(max(0.0, start + number * packet / 8000 - time.monotonic()))
            if number in lose:
                self.sequence = (self.sequence + 1) & 0xFFFF
                self.timestamp = (self.timestamp + packet) & 0xFFFFFFFF
            else:
                self.send(to, payload[number * packet : (number + 1) * packet], marker=number == 0)
        await asyncio.sleep(max(0.0, start + len(payload) / 8000 - time.monotonic()))

    async def press(self, to: MediaAddress, key: str, *, payload_type: int = 101, ends: int = 3) -> None:
        """One key as RFC 4733 events, 100 ms long."""
        code = EVENT_CODES[key]
        for number in range(5):
            event = struct.pack("!BBH", code, 10, 160 * (number + 1))
            self.send(to, event, payload_type=payload_type, marker=number == 0)
            await asyncio.sleep(0.02)
        for _ in range(ends):
            self.send(to, struct.pack("!BBH", code, 0x8A, 800), payload_type=payload_type)
        self.timestamp = (self.timestamp + 1600) & 0xFFFFFFFF
        await asyncio.sleep(0.06)

    def audio(self) -> list[Packet]:
        return [packet for packet in self.packets if packet.payload_type == self.codec.payload_type]

    def heard(self) -> Samples:
        """What came, in order of arrival, without regard to timestamps."""
        parts = [decode(self.codec.name, packet.payload) for packet in self.audio()]
        return np.concatenate(parts) if parts else np.zeros(0, np.int16)

    async def hears(self, count: int = 1, within_s: float = 3.0) -> list[Packet]:
        """Wait until `count` packets of audio came."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while len(self.audio()) < count:
                    self._came.clear()
                    await self._came.wait()
        packets = self.audio()
        assert len(packets) >= count, f"{len(packets)} packets of {count} came"
        return packets

    def _pair(self) -> tuple[socket.socket, socket.socket] | None:
        rtp, rtcp = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for sock in (rtp, rtcp):
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        rtp.bind((self.host, 0))
        port = rtp.getsockname()[1]
        try:
            rtcp.bind((self.host, port + 1 if port % 2 == 0 else port))
        except OSError:
            rtp.close()
            rtcp.close()
            return None
        return rtp, rtcp

    def _on_rtp(self) -> None:
        if (came := receive(self._rtp)) is None:
            return
        datagram, at, source = came
        if len(datagram) >= 12 and not 192 <= datagram[1] <= 223:
            self.packets.append(Packet.read(datagram, at, source))
            self._came.set()
        else:
            self.rtcp.append(datagram)

    def _on_rtcp(self) -> None:
        if (came := receive(self._rtcp)) is not None:
            self.rtcp.append(came[0])
