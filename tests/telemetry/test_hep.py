"""HEP version 3: the octets of a datagram, read by a decoder written from the specification."""

import struct
from datetime import UTC, datetime
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callapi.telemetry.hep import Packet, encode

AT = datetime(2026, 11, 17, 10, 0, 0, 123_456, tzinfo=UTC)


def decode(datagram: bytes) -> dict[int, bytes]:
    """The chunks by type."""
    assert datagram[:4] == b"HEP3"
    assert struct.unpack("!H", datagram[4:6])[0] == len(datagram)
    chunks, at = {}, 6
    while at < len(datagram):
        vendor, kind, length = struct.unpack("!HHH", datagram[at : at + 6])
        assert vendor == 0
        chunks[kind] = datagram[at + 6 : at + length]
        at += length
    return chunks


@pytest.mark.parametrize(
    ("source", "target", "family", "chunks"),
    [("192.0.2.1", "198.51.100.7", 2, (3, 4)), ("2001:db8::1", "2001:db8::2", 10, (5, 6))],
)
def test_one_message(source: str, target: str, family: int, chunks: tuple[int, int]) -> None:
    """Addresses, ports, time, what it is, and the message itself."""
    found = decode(encode(Packet((source, 5060), (target, 5070), True, AT, "a@b", "node-1", b"INVITE")))
    assert (found[1], found[2], found[11], found[15]) == (bytes([family]), b"\x11", b"\x01", b"INVITE")
    assert (found[chunks[0]], found[chunks[1]]) == (ip_address(source).packed, ip_address(target).packed)
    assert struct.unpack("!HH", found[7] + found[8]) == (5060, 5070)
    seconds, microseconds = struct.unpack("!II", found[9] + found[10])
    assert (seconds, microseconds) == (int(AT.timestamp()), 123_456)
    assert (found[17], found[19]) == (b"a@b", b"node-1")


@given(st.binary(max_size=2000), st.text(max_size=50))
def test_any_message(payload: bytes, call_id: str) -> None:
    """Comes out as it went in."""
    found = decode(encode(Packet(("127.0.0.1", 1), ("127.0.0.1", 2), False, AT, call_id, "n", payload)))
    assert (found[15], found[2]) == (payload, b"\x06")
