"""The parties of a conference: they send G.711 every 20 ms, each at its own moment, and count what comes."""

import contextlib
import math
import selectors
import socket
import time
from typing import Final

FRAME_S: Final = 0.02
SAMPLES: Final = 160
ADDRESS: Final = "127.0.0.2"
_SLICES: Final = 10
SILENCE: Final = b"\xff" * 8000


def mulaw(sample: float) -> int:
    """The G.711 code of a sample between -1 and 1."""
    magnitude = min(int(abs(sample) * 32_124), 32_635) + 132
    exponent = magnitude.bit_length() - 8
    mantissa = magnitude >> (exponent + 3) & 0x0F
    return ~((0x80 if sample < 0 else 0) | exponent << 4 | mantissa) & 0xFF


def tone(hertz: float, seconds: float = 1.0, amplitude: float = 0.1) -> bytes:
    """A tone in G.711, 8,000 samples a second."""
    samples = range(int(8000 * seconds))
    return bytes(mulaw(amplitude * math.sin(2 * math.pi * hertz * at / 8000)) for at in samples)


class Party:
    """Sends a packet when asked. Without `mixer` it sends to where the first packet comes from."""

    def __init__(self, number: int, port: int, sound: bytes = SILENCE, mixer: int | None = None) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(0)
        self.socket.bind((ADDRESS, port))
        self.port = port
        self._is_connected = mixer is not None
        if mixer is not None:
            self.socket.connect(("127.0.0.1", mixer))
        self._sound = sound
        self._ssrc = (number + 1).to_bytes(4, "big")
        self._frame = 0

    def say(self, sound: bytes) -> None:
        """Send `sound` from now on, over and over."""
        self._sound = sound

    def learn(self) -> bool:
        """Take the source of a packet that has come as the mixer; whether it is known by now."""
        if not self._is_connected:
            with contextlib.suppress(OSError):
                self.socket.connect(self.socket.recvfrom(2048)[1])
                self._is_connected = True
        return self._is_connected

    def send(self, payload: bytes | None = None) -> None:
        """The next 20 ms: `payload`, or those of its sound."""
        at = self._frame * SAMPLES % len(self._sound)
        header = b"\x80\x00" + (self._frame & 0xFFFF).to_bytes(2, "big")
        header += (self._frame * SAMPLES & 0xFFFFFFFF).to_bytes(4, "big") + self._ssrc
        self._frame += 1
        with contextlib.suppress(OSError):
            self.socket.send(header + (payload or self._sound[at : at + SAMPLES]))


def crowd(members: int, rooms: int, port: int, speakers: int, mixer: int | None = None) -> list[Party]:
    """Parties of `rooms` rooms at ports from `port` on; in each room the first `speakers` say a tone of their own."""
    sounds = [tone(200 + 50 * number) for number in range(speakers)]
    found = []
    for number in range(rooms * members):
        place = number % members
        sound = sounds[place] if place < speakers else SILENCE
        found.append(Party(number, port + 2 * number, sound, None if mixer is None else mixer + 2 * number))
    return found


def drain(parties: list[Party]) -> None:
    """Take what has come, and forget it."""
    for each in parties:
        with contextlib.suppress(OSError):
            while True:
                each.socket.recv(2048)


def talk(parties: list[Party], seconds: float) -> tuple[int, int]:
    """All send at their own moments of the 20 ms; packets sent and received."""
    sent = received = 0
    with selectors.DefaultSelector() as selector:
        for party in parties:
            selector.register(party.socket, selectors.EVENT_READ, party.socket)
        start = time.monotonic()
        turn = 0
        while turn < seconds / FRAME_S * _SLICES:
            for party in parties[turn % _SLICES :: _SLICES]:
                party.send()
                sent += 1
            turn += 1
            due = start + turn * FRAME_S / _SLICES
            left = 0.0
            while True:
                for key, _ in selector.select(left):
                    with contextlib.suppress(OSError):
                        key.data.recv(2048)
                        received += 1
                left = due - time.monotonic()
                if left <= 0:
                    break
    return sent, received
