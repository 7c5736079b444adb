"""A video phone that sends back the film it gets, under its own SSRC: what a page sees is its own camera."""

import asyncio
import struct
from typing import Final, Self

from tests.scenarios.harness.rtp_ports import open_pair

_SSRC: Final = 0x5EED
_FEEDBACK_TYPES: Final = (205, 206)
_PICTURE_LOSS: Final = 1


class FilmMirror(asyncio.DatagramProtocol):
    """Two ports, RTP's and the one above it for RTCP. Requests for a picture (RFC 4585) go back to the camera too.

    `control`: (packet type, format) of the feedback that came.
    """

    def __init__(self) -> None:
        self.reflected = 0
        self.skips = 0
        """So many packets to come are not sent back."""
        self.number: int | None = None
        """The payload type that is sent; None: as it came."""
        self.numbers: set[int] = set()
        """The payload types that came."""
        self.control: set[tuple[int, int]] = set()
        self._theirs = 0

    async def __aenter__(self) -> Self:
        self.port, self._rtp, self._rtcp = await open_pair(self, _Control(self))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._rtp.close()
        self._rtcp.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """One packet of film."""
        self.numbers.add(data[1] & 0x7F)
        self._theirs = struct.unpack_from("!I", data, 8)[0]
        if self.skips:
            self.skips -= 1
            return
        self.reflected += 1
        number = data[1] & 0x7F if self.number is None else self.number
        head = bytes((data[0], data[1] & 0x80 | number)) + data[2:8] + struct.pack("!I", _SSRC)
        self._rtp.sendto(head + data[12:], addr)

    def ask_for_a_picture(self, to: int) -> None:
        """Send a picture loss indication to the RTCP port above a port of the node."""
        self._ask(("127.0.0.1", to + 1))

    def take_control(self, data: bytes, addr: tuple[str, int]) -> None:
        """One compound packet of RTCP."""
        while len(data) >= 4:
            kind = (data[1], data[0] & 0x1F)
            if kind[0] in _FEEDBACK_TYPES:
                self.control.add(kind)
            if kind == (_FEEDBACK_TYPES[1], _PICTURE_LOSS):
                self._ask(addr)
            data = data[4 + 4 * struct.unpack_from("!H", data, 2)[0] :]

    def _ask(self, to: tuple[str, int]) -> None:
        report = struct.pack("!BBHI", 0x80, 201, 1, _SSRC)
        request = struct.pack("!BBHII", 0x81, _FEEDBACK_TYPES[1], 2, _SSRC, self._theirs)
        self._rtcp.sendto(report + request, to)


class _Control(asyncio.DatagramProtocol):
    def __init__(self, mirror: FilmMirror) -> None:
        self._mirror = mirror

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._mirror.take_control(data, addr)
