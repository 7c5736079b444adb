"""SIP messages of a timeline as a capture file (libpcap 2.4), for tshark, Wireshark and sngrep. Pure.

Each message is one UDP datagram in an IP packet (link type RAW), whatever carried it: over TCP and TLS a message has
no packet of its own. The node's side has the address that its own messages name in Via or Contact.
"""

import re
import struct
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from msgspec import Struct

from callapi.store import EventRecord

_MAGIC_NANOSECONDS: Final = 0xA1B23C4D
_LINKTYPE_RAW: Final = 101
_SNAPSHOT_LENGTH: Final = 65_535
_MAX_MESSAGE: Final = 65_000
_UDP: Final = 17
_DEFAULT_PORT: Final = 5060
_VIA: Final = re.compile(r"(?im)^(?:via|v):\s*SIP/2\.0/\w+\s+(\[[0-9a-f:.]+\]|[^\s:;,]+)(?::(\d{1,5}))?")
_CONTACT: Final = re.compile(
    r"(?im)^(?:contact|m):[^\r\n]*?sips?:(?:[^@>\s]*@)?(\[[0-9a-f:.]+\]|[^\s:;>]+)(?::(\d{1,5}))?"
)

_WITHHELD_KEY: Final = re.compile(r"(?<=inline:)\*+")
"""A key of SDES as the timeline has it. Readers of captures expect base64 there, and give up at anything else."""
_FILLER: Final = "WITHHELD"

Address = IPv4Address | IPv6Address


class Side(Struct, frozen=True):
    """One end of a datagram."""

    address: Address
    port: int


_UNKNOWN: Final = Side(IPv4Address("127.0.0.1"), _DEFAULT_PORT)


def capture(events: Iterable[EventRecord]) -> bytes:
    """The SIP messages among `events`, in their order, as the content of a `.pcap` file."""
    messages = [each for each in events if each.kind == "sip"]
    node = _node_side(messages)
    header = struct.pack("<IHHiIII", _MAGIC_NANOSECONDS, 2, 4, 0, 0, _SNAPSHOT_LENGTH, _LINKTYPE_RAW)
    return header + b"".join(_record(each, node) for each in messages)


def _record(event: EventRecord, node: Side) -> bytes:
    peer = _peer_side(str(event.data.get("peer", "")))
    here = node if node.address.version == peer.address.version else _same_version(node, peer)
    is_sent = event.data.get("direction") == "sent"
    source, target = (here, peer) if is_sent else (peer, here)
    message = _WITHHELD_KEY.sub(_base64_filler, str(event.data.get("message", "")))
    payload = message.encode("utf-8", "replace")[:_MAX_MESSAGE]
    packet = _ip(source, target, payload)
    seconds, microseconds = int(event.at.timestamp()), event.at.microsecond
    return struct.pack("<IIII", seconds, microseconds * 1000, len(packet), len(packet)) + packet


def _base64_filler(withheld: re.Match[str]) -> str:
    """As long as what was withheld: Content-Length stays true."""
    length = len(withheld[0])
    return (_FILLER * (length // len(_FILLER) + 1))[:length]


def _ip(source: Side, target: Side, payload: bytes) -> bytes:
    length = 8 + len(payload)
    # A checksum of 0 says that there is none (RFC 768); IPv6 wants one, and readers accept its absence.
    datagram = struct.pack("!HHHH", source.port, target.port, length, 0) + payload
    addresses = source.address.packed + target.address.packed
    if source.address.version == 6:
        return struct.pack("!IHBB", 6 << 28, length, _UDP, 64) + addresses + datagram
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0, 64, _UDP, 0) + addresses
    return head[:10] + struct.pack("!H", _checksum(head)) + head[12:] + datagram


def _checksum(header: bytes) -> int:
    """RFC 1071, of the header of an IPv4 packet."""
    total: int = sum(struct.unpack(f"!{len(header) // 2}H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def _node_side(messages: Iterable[EventRecord]) -> Side:
    """Where the node is, by the first of its own messages that says so."""
    for each in messages:
        if each.data.get("direction") != "sent":
            continue
        text = str(each.data.get("message", ""))
        found = _CONTACT.search(text) if text.startswith("SIP/2.0") else _VIA.search(text)
        if found is not None and (address := _address(found[1])) is not None:
            return Side(address, _port(found[2]))
    return _UNKNOWN


def _peer_side(peer: str) -> Side:
    """`udp:192.0.2.1:5060` as a side."""
    host, _, port = peer.partition(":")[2].rpartition(":")
    return Side(_address(host) or IPv4Address("0.0.0.0"), _port(port))  # noqa: S104 - "not known", nothing is bound


def _same_version(node: Side, peer: Side) -> Side:
    """The node's side for a peer of the other version of IP: its address there is not in the timeline."""
    return Side(IPv6Address("::1") if peer.address.version == 6 else IPv4Address("127.0.0.1"), node.port)


def _address(host: str) -> Address | None:
    try:
        return ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None


def _port(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and 0 < int(text) < 65_536 else _DEFAULT_PORT
