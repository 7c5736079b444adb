"""`a=crypto`: keys for SRTP in a session description (SDES, RFC 4568; RFC 6188 and RFC 7714 for further suites).

`a=crypto:<tag> <suite> inline:<key and salt in base64>[|<lifetime>][|<MKI>:<length>] [<session parameters>]`. A line
is taken if we can do all that it asks for: a suite of `SUITES`, one key without an MKI, and no session parameter that
changes how packets are protected. Phones that leave out the padding of base64 are understood; ours has it.
"""

import binascii
from collections.abc import Mapping, Sequence
from typing import Final

from callapi.base.values import Redacted
from callapi.media.sdp.description import Attribute, MediaDescription

ATTRIBUTE: Final = "crypto"
SUITES: Final[Mapping[str, int]] = {
    "AES_CM_128_HMAC_SHA1_80": 30,
    "AES_CM_128_HMAC_SHA1_32": 30,
    "AEAD_AES_128_GCM": 28,
    "AEAD_AES_256_GCM": 44,
    "AES_256_CM_HMAC_SHA1_80": 46,
    "AES_256_CM_HMAC_SHA1_32": 46,
}
"""The suites that we have, the first one offered first, each with the octets of its key and salt together."""

_INLINE: Final = "inline:"
_HINT: Final = "wsh="
"""The size of a replay window: a hint that the receiver may overlook (RFC 4568 §6.3.6)."""


class CryptoLine(Redacted, frozen=True):
    """One key, with the number that its line has in the description."""

    secrets = frozenset({"key"})

    tag: int
    suite: str
    key: bytes
    """Key and salt, one after the other."""

    @property
    def attribute(self) -> Attribute:
        """As written."""
        key = binascii.b2a_base64(self.key, newline=False).decode("ascii")
        return (ATTRIBUTE, f"{self.tag} {self.suite} {_INLINE}{key}")


def crypto_lines(media: MediaDescription) -> tuple[CryptoLine, ...]:
    """The keys that stand under an `m=` line and can be taken, in their order."""
    return tuple(line for value in media.values(ATTRIBUTE) if (line := _read(value)) is not None)


def named_suites(media: MediaDescription) -> list[str]:
    """The suites that a line names, whether they can be taken or not."""
    words = (value.split() for value in media.values(ATTRIBUTE))
    return [each[1] for each in words if len(each) > 1]


def _read(value: str) -> CryptoLine | None:
    tag, suite, parameters, *session = [*value.split(), "", "", ""][: max(3, len(value.split()))]
    if not (tag.isascii() and tag.isdigit() and len(tag) <= 9) or suite not in SUITES:
        return None
    if any(not each.lower().startswith((_HINT, "-")) for each in session):
        return None
    if not parameters.lower().startswith(_INLINE) or ";" in parameters:
        return None
    text, *more = parameters[len(_INLINE) :].split("|")
    if any(":" in each for each in more):
        return None
    key = _octets(text)
    return CryptoLine(int(tag), suite, key) if len(key) == SUITES[suite] else None


def _octets(text: str) -> bytes:
    """What `text` holds in base64, nothing if it holds anything else."""
    bare = text.rstrip("=")
    try:
        return binascii.a2b_base64(bare + "=" * (-len(bare) % 4), strict_mode=True)
    except (binascii.Error, ValueError):
        return b""


def attributes(keys: Sequence[CryptoLine]) -> tuple[Attribute, ...]:
    """`keys` as lines of a description."""
    return tuple(each.attribute for each in keys)
