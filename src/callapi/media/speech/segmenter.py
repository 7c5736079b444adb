"""Cuts a continuous line into what is said on it: speech begins, and ends after a silence. Pure: audio is the clock."""

from typing import Final

import numpy as np
from msgspec import Struct

from callapi.media.plane.types import Samples
from callapi.media.speech.detector import FRAME_S, Detector

MAX_SPEECH_S: Final = 30.0
"""Longer speech is cut here, and goes on as the next."""
_KEPT_S: Final = 1.0
"""Audio from before the beginning that is kept, for the detector's lead."""


class SpeechBegan(Struct, frozen=True):
    """Speech has begun; it may be over soon."""


class SpeechEnded(Struct, frozen=True, eq=False):
    """A stretch of speech, with a little of the silence around it."""

    samples: Samples


SpeechEvent = SpeechBegan | SpeechEnded


class SpeechSegmenter:
    """Feed it mono int16 audio at the rate of `detector`; `silence_s` of silence end a stretch."""

    def __init__(self, detector: Detector, silence_s: float) -> None:
        self.rate = detector.rate
        self._silence_s = silence_s
        self._detector = detector
        self._samples: Samples = np.zeros(0, np.int16)
        self._dropped = 0
        self._has_begun = False

    @property
    def is_speaking(self) -> bool:
        """Whether a stretch has begun and not ended."""
        return self._has_begun

    def so_far(self) -> Samples:
        """The present stretch, as far as it was heard."""
        return self._samples[self._begin() :]

    def feed(self, samples: Samples) -> list[SpeechEvent]:
        """What happened in `samples`."""
        events: list[SpeechEvent] = []
        step = int(self.rate * FRAME_S) * 5
        for begin in range(0, len(samples), step):
            self._take(samples[begin : begin + step], events)
        return events

    def _take(self, samples: Samples, events: list[SpeechEvent]) -> None:
        self._samples = np.concatenate((self._samples, samples))
        self._detector.feed(samples)
        if self._detector.began_s is None:
            surplus = len(self._samples) - int(_KEPT_S * self.rate)
            if surplus > 0:
                self._samples = self._samples[surplus:]
                self._dropped += surplus
            return
        if not self._has_begun:
            self._has_begun = True
            events.append(SpeechBegan())
        is_long = len(self._samples) > MAX_SPEECH_S * self.rate
        if self._detector.silence_s >= self._silence_s or is_long:
            events.append(SpeechEnded(self.so_far()))
            self._restart()

    def _begin(self) -> int:
        began = self._detector.began_s
        return max(0, int((began or 0.0) * self.rate) - self._dropped)

    def _restart(self) -> None:
        self._detector = self._detector.successor()
        self._samples = np.zeros(0, np.int16)
        self._dropped = 0
        self._has_begun = False
