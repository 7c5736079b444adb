"""What a listener of a room hears: a tone without a gap and without a click, and how long a voice takes to it.

The tone is of 1,004 Hz, the test tone of telephony: a frame that is lost, repeated or late moves its phase, because
20 ms are not whole periods of it.
"""

import contextlib
import select
import struct
import time
from typing import Final

import numpy as np
from bench.conference.parties import FRAME_S, SAMPLES, Party, drain, tone
from msgspec import Struct
from numpy.typing import NDArray

HERTZ: Final = 1004.0
WINDOW: Final = 80
"""Samples of a window (10 ms) that is looked at by itself."""
MARK_EVERY: Final = 7
"""Packets from one mark to the next; no divisor of any buffer."""
_SETTLED_S: Final = 1.0


class Heard(Struct, frozen=True):
    """A listener's capture: when each packet came (monotonic seconds), its number, its time stamp, its G.711."""

    at: list[float]
    sequence: list[int]
    timestamp: list[int]
    payload: list[bytes]

    @property
    def samples(self) -> NDArray[np.float64]:
        """All of it, linear, from -1 to 1."""
        return decode(b"".join(self.payload))


class Purity(Struct, frozen=True):
    """How clean a tone is. `worst_db`: the loudest of what is not the tone, in any 10 ms, beside the tone itself."""

    seconds: float
    packets: int
    missing: int
    worst_db: float
    weakest_db: float
    """The weakest 10 ms of the tone beside its mean."""


def decode(payload: bytes) -> NDArray[np.float64]:
    """G.711 µ-law (ITU-T G.711) as linear samples."""
    code = ~np.frombuffer(payload, np.uint8).astype(np.int32) & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84 << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude) / 32_768.0


def listen(parties: list[Party], listener: Party, seconds: float) -> Heard:
    """All send; what comes to `listener` is kept, with the moment at which it came."""
    heard = Heard([], [], [], [])
    others = [each for each in parties if each is not listener]
    poll = select.poll()
    poll.register(listener.socket, select.POLLIN)
    start = time.monotonic()
    for turn in range(int(seconds / FRAME_S * 10)):
        for party in parties[turn % 10 :: 10]:
            party.send()
        while (left := start + (turn + 1) * FRAME_S / 10 - time.monotonic()) > 0:
            if poll.poll(max(1, int(left * 1000))):
                _keep(listener, heard)
        if turn % 50 == 0:
            drain(others)
    return heard


def purity(heard: Heard) -> Purity:
    """The tone of a capture, without its first second."""
    samples = heard.samples[int(_SETTLED_S * 8000) :]
    count = len(samples) // WINDOW
    at = np.arange(count * WINDOW).reshape(count, WINDOW) * (2 * np.pi * HERTZ / 8000)
    wave = samples[: count * WINDOW].reshape(count, WINDOW)
    carrier = np.exp(-1j * at)
    local = 2 * (wave * carrier).mean(axis=1)
    whole = local.mean()
    rest = wave - (whole * np.conj(carrier)).real
    power = abs(whole) ** 2 / 2
    numbers = np.unwrap(np.array(heard.sequence), period=65_536)
    return Purity(
        seconds=len(heard.payload) * FRAME_S,
        packets=len(heard.payload),
        missing=int(numbers.max() - numbers.min() + 1 - len(set(numbers.tolist()))),
        worst_db=float(10 * np.log10((rest**2).mean(axis=1).max() / power + 1e-12)),
        weakest_db=float(20 * np.log10(abs(local).min() / abs(whole) + 1e-12)),
    )


def delays_ms(speaker: Party, listener: Party, others: list[Party], seconds: float) -> list[float]:
    """From the sending of a packet that begins a mark until `listener` has its first sample, each time."""
    mark = tone(1000, FRAME_S, 0.5)
    spoken: list[float] = []
    heard = Heard([], [], [], [])
    poll = select.poll()
    poll.register(listener.socket, select.POLLIN)
    start = time.monotonic()
    for turn in range(int(seconds / FRAME_S)):
        due = start + turn * (FRAME_S + 0.000_37)  # slides through every phase of the mixer's tick
        while (left := due - time.monotonic()) > 0:
            if poll.poll(max(1, int(left * 1000))):
                _keep(listener, heard)
        is_mark = turn % MARK_EVERY == 0
        if is_mark:
            spoken.append(time.monotonic())
        speaker.send(mark if is_mark else None)
        listener.send()
        for each in others:
            each.send()
        if turn % 5 == 0:
            drain(others)
    return _matched(spoken, _onsets(heard))


def _onsets(heard: Heard) -> list[float]:
    """When the first sample of each mark was heard."""
    found: list[float] = []
    is_loud = False
    for at, payload in zip(heard.at, heard.payload, strict=True):
        loud = np.flatnonzero(np.abs(decode(payload)) > 0.1)
        if loud.size and not is_loud:
            found.append(at + int(loud[0]) / 8000)
        is_loud = bool(loud.size) and int(loud[-1]) > SAMPLES - 10
    return found


def _matched(spoken: list[float], onsets: list[float]) -> list[float]:
    delays = []
    for at in spoken:
        after = [each - at for each in onsets if at <= each < at + MARK_EVERY * FRAME_S]
        if after:
            delays.append(1000 * after[0])
    if len(delays) < 0.9 * len(spoken) - 2:
        raise ValueError(f"only {len(delays)} of {len(spoken)} marks were heard")
    return delays


def _keep(listener: Party, heard: Heard) -> None:
    with contextlib.suppress(BlockingIOError):
        while True:
            packet = listener.socket.recv(2048)
            sequence, timestamp = struct.unpack("!HI", packet[2:8])
            heard.at.append(time.monotonic())
            heard.sequence.append(sequence)
            heard.timestamp.append(timestamp)
            heard.payload.append(packet[12:])
