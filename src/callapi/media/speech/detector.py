"""When speech begins and when it has ended: the energy of 20 ms frames against a floor that follows the noise."""

from collections import deque
from typing import Final, Protocol

import numpy as np

from callapi.media.plane.types import Samples

FRAME_S: Final = 0.02
QUIETEST_DB: Final = -48.0
"""Below this (re full scale) nothing is speech, however quiet the line."""
ABOVE_NOISE_DB: Final = 10.0
BEGIN_FRAMES: Final = 6
"""So many loud frames among the last BEGIN_WITHIN are speech; fewer are a click or a cough."""
BEGIN_WITHIN: Final = 10
LEAD_S: Final = 0.4
"""Kept from before the beginning: soft first sounds."""
_RISE_DB: Final = 0.05
"""How much the floor rises with each frame that is louder: 2.5 dB a second, so that speech does not become noise."""
_FLOOR_DB: Final = -80.0


class Detector(Protocol):
    """Decides when speech begins and has ended, as audio comes (mono int16 at `rate` Hz)."""

    rate: int
    began_s: float | None
    """Where speech begins, with its lead; None: no speech yet."""

    @property
    def silence_s(self) -> float:
        """Silence since the last speech, 0 before any speech."""
        ...

    def feed(self, samples: Samples) -> None:
        """Process the next samples."""
        ...

    def successor(self) -> "Detector":
        """A detector for what comes next on the same line."""
        ...


class SpeechDetector:
    """Feed it audio as it comes (mono int16 at `rate` Hz)."""

    def __init__(self, rate: int = 16_000) -> None:
        self.rate = rate
        self._frame = int(rate * FRAME_S)
        self._rest: Samples = np.zeros(0, np.int16)
        self._loud: deque[bool] = deque(maxlen=BEGIN_WITHIN)
        self._noise_db: float | None = None
        self._frames = 0
        self._last_loud = 0
        self.began_s: float | None = None
        """Where speech begins, with its lead; None: no speech yet."""

    def successor(self) -> "SpeechDetector":
        """A detector for what comes next, which knows the noise of the line already."""
        following = SpeechDetector(self.rate)
        following._noise_db = self._noise_db
        return following

    @property
    def silence_s(self) -> float:
        """Silence since the last speech, 0 before any speech."""
        return (self._frames - self._last_loud) * FRAME_S if self.began_s is not None else 0.0

    def feed(self, samples: Samples) -> None:
        """Process the next samples."""
        audio = np.concatenate((self._rest, samples))
        count = len(audio) // self._frame
        self._rest = audio[count * self._frame :]
        if not count:
            return
        frames = audio[: count * self._frame].reshape(count, self._frame).astype(np.float32)
        power = np.mean(np.square(frames - frames.mean(axis=1, keepdims=True)), axis=1) / 32768.0**2
        for level in 10 * np.log10(np.maximum(power, 1e-8)):
            self._judge(float(level))

    def _judge(self, level_db: float) -> None:
        self._frames += 1
        noise = self._noise_db if self._noise_db is not None else max(min(level_db, -40.0), _FLOOR_DB)
        self._noise_db = level_db if level_db < noise else noise + _RISE_DB
        is_loud = level_db > max(noise + ABOVE_NOISE_DB, QUIETEST_DB)
        self._loud.append(is_loud)
        if is_loud and (self.began_s is None or sum(self._loud) > 1):
            self._last_loud = self._frames
        if self.began_s is None and sum(self._loud) >= BEGIN_FRAMES:
            self.began_s = max(0.0, (self._frames - len(self._loud)) * FRAME_S - LEAD_S)
