"""What goes over the loopback wire, as a capture sees it: the UDP datagrams between some ports. Needs CAP_NET_RAW."""

import asyncio
import contextlib
import socket
import struct
from types import TracebackType
from typing import Final, Self

import numpy as np

from tests.media.party import TABLES
from tests.scenarios.harness.audio import Heard

_ALL_PROTOCOLS: Final = 0x0003
_IP_OFFSET: Final = 14
"""Octets of the Ethernet header that Linux puts before loopback packets."""
_UDP: Final = 17
_RTP_HEADER: Final = 12
_LIMIT: Final = 50_000


def may_capture() -> bool:
    """Whether this process may listen to the loopback interface."""
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()
    except (PermissionError, OSError):
        return False
    return True


class PacketTap:
    """`async with PacketTap() as tap`: keeps each RTP-like datagram, by its source and destination port."""

    def __init__(self) -> None:
        self._flows: dict[tuple[int, int], list[bytes]] = {}
        self._count = 0

    async def __aenter__(self) -> Self:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS))
        self._socket.bind(("lo", 0))
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._count < _LIMIT:
                frame, address = self._socket.recvfrom(4096)
                if address[2] == socket.PACKET_OUTGOING:  # loopback shows each packet twice
                    continue
                self._take(frame[_IP_OFFSET:])

    def _take(self, packet: bytes) -> None:
        if len(packet) < 48 or packet[0] >> 4 != 4 or packet[9] != _UDP:
            return
        start = (packet[0] & 15) * 4
        source, destination = struct.unpack_from("!HH", packet, start)
        datagram = packet[start + 8 :]
        is_rtp = datagram[0] >> 6 == 2 and not 192 <= datagram[1] <= 223
        if is_rtp:
            self._count += 1
            self._flows.setdefault((source, destination), []).append(datagram)

    def between(self, ports: range) -> list[list[bytes]]:
        """The flows with an end among `ports`, each a list of datagrams; flows of a few packets are left out."""
        return [
            flow
            for (source, destination), flow in self._flows.items()
            if len(flow) > 20 and (source in ports or destination in ports)
        ]


def as_pcmu(flow: list[bytes]) -> Heard:
    """What one would hear who took the payloads for G.711 µ-law (160 octets each, whatever comes after them)."""
    octets = b"".join(datagram[_RTP_HEADER : _RTP_HEADER + 160] for datagram in flow)
    return Heard(TABLES["PCMU"][np.frombuffer(octets, np.uint8)], 8000)
