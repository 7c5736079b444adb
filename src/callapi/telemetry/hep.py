"""HEP version 3: each SIP message, once, to Homer or another capture server (`sip.hep`).

Chunks (vendor 0) are those of the HEP3 specification, revision 12 (sipcapture/HEP). Digests of
credentials are taken out. A datagram that the system does not take is lost; a call never waits for it.
"""

import asyncio
import re
import socket
import struct
from datetime import datetime
from ipaddress import ip_address
from typing import Any, Final

from msgspec import Struct

from callapi.base.clock import utc_now
from callapi.calls.events import EventBus
from callapi.sip import Traced, Transport

MAX_DATAGRAM: Final = 65_000
_FAMILY: Final = 0x0001
_PROTOCOL: Final = 0x0002
_SOURCE_4, _TARGET_4, _SOURCE_6, _TARGET_6 = 0x0003, 0x0004, 0x0005, 0x0006
_SOURCE_PORT, _TARGET_PORT = 0x0007, 0x0008
_SECONDS, _MICROSECONDS = 0x0009, 0x000A
_PAYLOAD_TYPE: Final = 0x000B
_NODE_ID: Final = 0x000C
_PAYLOAD: Final = 0x000F
_CORRELATION: Final = 0x0011
_NODE_NAME: Final = 0x0013
_SIP: Final = 1
_UDP: Final = 17
_TCP: Final = 6
_SECRET: Final = re.compile(rb"(?im)^((?:Proxy-)?Authorization:)[^\r\n]*")


class Packet(Struct, frozen=True):
    """What one HEP datagram says."""

    source: tuple[str, int]
    target: tuple[str, int]
    is_udp: bool
    at: datetime
    call_id: str
    node: str
    payload: bytes


def encode(packet: Packet) -> bytes:
    """The datagram."""
    source, target = ip_address(packet.source[0]), ip_address(packet.target[0])
    is_6 = source.version == 6
    chunks = (
        _chunk(_FAMILY, bytes([socket.AF_INET6 if is_6 else socket.AF_INET])),
        _chunk(_PROTOCOL, bytes([_UDP if packet.is_udp else _TCP])),
        _chunk(_SOURCE_6 if is_6 else _SOURCE_4, source.packed),
        _chunk(_TARGET_6 if is_6 else _TARGET_4, target.packed),
        _chunk(_SOURCE_PORT, struct.pack("!H", packet.source[1])),
        _chunk(_TARGET_PORT, struct.pack("!H", packet.target[1])),
        _chunk(_SECONDS, struct.pack("!I", int(packet.at.timestamp()))),
        _chunk(_MICROSECONDS, struct.pack("!I", packet.at.microsecond)),
        _chunk(_PAYLOAD_TYPE, bytes([_SIP])),
        _chunk(_NODE_ID, struct.pack("!I", 0)),
        _chunk(_NODE_NAME, packet.node.encode()),
        _chunk(_CORRELATION, packet.call_id.encode("utf-8", "replace")),
        _chunk(_PAYLOAD, packet.payload),
    )
    body = b"".join(chunks)
    return b"HEP3" + struct.pack("!H", 6 + len(body)) + body


def _chunk(kind: int, value: bytes) -> bytes:
    return struct.pack("!HHH", 0, kind, 6 + len(value)) + value


class Hep:
    """Sends every SIP message on a bus to `address`; open it with `async with`. `here`: where the node listens."""

    def __init__(self, bus: EventBus, address: tuple[str, int], node: str, here: tuple[str, int]) -> None:
        self._bus = bus
        self._address = address
        self._node = node
        self._here = here
        self._socket: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> "Hep":
        """Open the socket. Raises OSError: the name of the server cannot be resolved."""
        loop = asyncio.get_running_loop()
        self._socket, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=self._address
        )
        self._detach = self._bus.attach(Traced, self._traced)
        return self

    async def __aexit__(self, *_: Any) -> None:
        self._detach()
        if self._socket is not None:
            self._socket.close()

    def _traced(self, traced: Traced) -> None:
        if self._socket is None or len(traced.data) > MAX_DATAGRAM:
            return
        self._socket.sendto(encode(self._packet(traced)))

    def _packet(self, traced: Traced) -> Packet:
        hop = traced.hop
        peer, here = (hop.host, hop.port), hop.local or self._here
        if ip_address(here[0]).version != ip_address(peer[0]).version:
            here = ("::1" if ":" in peer[0] else "127.0.0.1", here[1])
        is_sent = traced.direction == "sent"
        source, target = (here, peer) if is_sent else (peer, here)
        payload = _SECRET.sub(rb"\1 (withheld)", traced.data)
        is_udp = hop.transport is Transport.UDP
        return Packet(source, target, is_udp, utc_now(), traced.message.call_id, self._node, payload)
