"""The two STUN messages that find a public address (RFC 8489): a Binding request, and the address in its answer."""

import struct
from ipaddress import IPv4Address, IPv6Address
from typing import Final

MAGIC_COOKIE: Final = 0x2112_A442
TRANSACTION_ID_OCTETS: Final = 12
_BINDING_REQUEST: Final = 0x0001
_BINDING_SUCCESS: Final = 0x0101
_MAPPED_ADDRESS: Final = 0x0001
_XOR_MAPPED_ADDRESS: Final = 0x0020
_HEADER: Final = struct.Struct("!HHI12s")
_ATTRIBUTE: Final = struct.Struct("!HH")


def binding_request(transaction_id: bytes) -> bytes:
    """A Binding request without attributes; `transaction_id` has 12 random octets."""
    return _HEADER.pack(_BINDING_REQUEST, 0, MAGIC_COOKIE, transaction_id)


def mapped_address(datagram: bytes, transaction_id: bytes) -> IPv4Address | IPv6Address | None:
    """The address that a Binding success response reports; None: the datagram is not the answer to this request."""
    if len(datagram) < _HEADER.size:
        return None
    kind, length, cookie, answered = _HEADER.unpack_from(datagram)
    if (kind, cookie, answered) != (_BINDING_SUCCESS, MAGIC_COOKIE, transaction_id):
        return None
    if length != len(datagram) - _HEADER.size:
        return None
    plain = None
    at = _HEADER.size
    while at + _ATTRIBUTE.size <= len(datagram):
        name, size = _ATTRIBUTE.unpack_from(datagram, at)
        value = datagram[at + _ATTRIBUTE.size : at + _ATTRIBUTE.size + size]
        if name == _XOR_MAPPED_ADDRESS:
            return _address(value, struct.pack("!I", MAGIC_COOKIE) + transaction_id)
        if name == _MAPPED_ADDRESS:
            plain = _address(value, bytes(16))
        at += _ATTRIBUTE.size + (size + 3) // 4 * 4
    return plain


def _address(value: bytes, mask: bytes) -> IPv4Address | IPv6Address | None:
    """RFC 8489 §14.1 and §14.2: an octet of zero, the family, the port, the address."""
    host = bytes(octet ^ masked for octet, masked in zip(value[4:], mask, strict=False))
    match value[1:2], len(value):
        case b"\x01", 8:
            return IPv4Address(host)
        case b"\x02", 20:
            return IPv6Address(host)
        case _:
            return None
