"""SRTP as RFC 3711 writes it, on Python's own and `cryptography`'s arithmetic: what a peer, or an attacker, sends."""

import hmac
import struct
from base64 import b64decode, b64encode
from secrets import token_bytes
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CTR

SUITE: Final = "AES_CM_128_HMAC_SHA1_80"
TAG: Final = 10
ENCRYPTED: Final = 1 << 31


class SrtpKey:
    """Master key and salt of one direction, AES_CM_128_HMAC_SHA1_80 (section 4.3 makes the session keys of them)."""

    def __init__(self, inline: str = "") -> None:
        """As it stands in `a=crypto`; a new one without."""
        self.octets = b64decode(inline) if inline else token_bytes(30)
        self._rtp = [self._derived(label, size) for label, size in ((0, 16), (1, 20), (2, 14))]
        self._rtcp = [self._derived(label, size) for label, size in ((3, 16), (4, 20), (5, 14))]
        self._reports = 0

    @property
    def line(self) -> str:
        """The attribute of an offer."""
        return f"a=crypto:1 {SUITE} inline:{b64encode(self.octets).decode()}"

    def protect(self, packet: bytes, rollover: int = 0) -> bytes:
        """An RTP packet with a header of twelve octets."""
        cipher, authentication, salt = self._rtp
        sequence, ssrc = struct.unpack("!H4xI", packet[2:12])
        sealed = packet[:12] + _stream(cipher, salt, ssrc, rollover << 16 | sequence, packet[12:])
        return sealed + _tag(authentication, sealed + struct.pack("!I", rollover))

    def protect_report(self, packet: bytes) -> bytes:
        """A compound RTCP packet."""
        cipher, authentication, salt = self._rtcp
        self._reports += 1
        (ssrc,) = struct.unpack("!I", packet[4:8])
        sealed = packet[:8] + _stream(cipher, salt, ssrc, self._reports, packet[8:])
        sealed += struct.pack("!I", ENCRYPTED | self._reports)
        return sealed + _tag(authentication, sealed)

    def _derived(self, label: int, size: int) -> bytes:
        salt = int.from_bytes(self.octets[16:]) ^ label << 48
        return _counter(self.octets[:16], salt << 16, bytes(size))


def _stream(cipher: bytes, salt: bytes, ssrc: int, index: int, octets: bytes) -> bytes:
    return _counter(cipher, int.from_bytes(salt) << 16 ^ ssrc << 64 ^ index << 16, octets)


def _counter(key: bytes, initial: int, octets: bytes) -> bytes:
    encryptor = Cipher(AES128(key), CTR(initial.to_bytes(16))).encryptor()
    return encryptor.update(octets) + encryptor.finalize()


def _tag(key: bytes, octets: bytes) -> bytes:
    return hmac.digest(key, octets, "sha1")[:TAG]
