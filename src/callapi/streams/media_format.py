"""The audio of a stream, as the `codec` attribute names it and `start.mediaFormat` announces it.

Twilio knows `audio/x-mulaw` at 8000 Hz alone. The others are extensions: A-law, and signed 16-bit little-endian samples
(`audio/x-l16`) at 8, 16, 24 or 48 kHz, which carry the audio of a wideband leg without a detour over 8 kHz.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct

FRAME_MS: Final = 20


class Encoding(StrEnum):
    """How samples are written."""

    MULAW = "audio/x-mulaw"
    ALAW = "audio/x-alaw"
    L16 = "audio/x-l16"


class MediaFormat(Struct, frozen=True):
    """One channel of `encoding` at `rate` samples a second."""

    encoding: Encoding = Encoding.MULAW
    rate: int = 8000

    @property
    def sample_octets(self) -> int:
        """Octets of one sample."""
        return 2 if self.encoding is Encoding.L16 else 1

    @property
    def octets_per_s(self) -> int:
        """Octets of one second."""
        return self.rate * self.sample_octets

    @property
    def frame_octets(self) -> int:
        """Octets of one frame of 20 ms."""
        return self.octets_per_s * FRAME_MS // 1000


MULAW: Final = MediaFormat()
CODECS: Final = {
    "PCMU": MULAW,
    "PCMA": MediaFormat(Encoding.ALAW),
    **{f"L16@{rate}h": MediaFormat(Encoding.L16, rate) for rate in (8000, 16_000, 24_000, 48_000)},
}
"""By the value of the attribute `codec`."""
