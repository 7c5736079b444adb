"""Two tracks of a call as one sound of two channels: their frames, read apart, side by side by timestamp. Pure."""

from collections import deque
from typing import Final

import numpy as np

from callapi.media import AudioFrame

RATE: Final = 16_000
CHANNELS: Final = 2
"""Left: what the party of the call says; right: what it hears."""
FRAME_MS: Final = 20
MAX_GAP_MS: Final = 1000
"""Silence that stands for frames that a slow reader has missed, at most."""
MAX_WAIT: Final = 5
"""Frames of the left track that wait for the partner of the oldest. The media thread writes one track after the other,
and a busy machine may read between the two."""
_FRAME: Final = RATE // 1000 * FRAME_MS


class FramePairing:
    """Puts the frames of two tracks that are read apart beside each other, by their timestamps."""

    def __init__(self) -> None:
        self._left: deque[AudioFrame] = deque()
        self._right: dict[int, bytes] = {}
        self._next = 0
        self._newest_right = -1
        self.missed = 0
        """Frames that a listener did not get: overwritten before they were read, or without a partner."""

    def put(self, left: list[AudioFrame], right: list[AudioFrame]) -> bytes:
        """The interleaved samples that are whole now. A frame of the left track waits for its partner until a later one
        of the right track, or `MAX_WAIT` of its own, have come; then the right channel is silent for 20 ms.
        """
        self._left.extend(left)
        for frame in right:
            self._newest_right = frame.timestamp_ms // FRAME_MS
            self._right[self._newest_right] = frame.payload
        pieces = []
        while self._left:
            slot = self._left[0].timestamp_ms // FRAME_MS
            if slot not in self._right:
                if self._newest_right < slot and len(self._left) <= MAX_WAIT:
                    break
                self.missed += 1
            missing = slot - self._next
            if self._next and missing > 0:
                self.missed += missing
                pieces.append(bytes(2 * CHANNELS * _FRAME * min(missing, MAX_GAP_MS // FRAME_MS)))
            pieces.append(_interleaved(self._left.popleft().payload, self._right.pop(slot, None)))
            self._next = slot + 1
        for late in [slot for slot in self._right if slot < self._next]:
            del self._right[late]
        return b"".join(pieces)


def _interleaved(left: bytes, right: bytes | None) -> bytes:
    samples = np.zeros((len(left) // 2, CHANNELS), np.dtype("<i2"))
    samples[:, 0] = np.frombuffer(left, "<i2")
    if right is not None:
        heard = np.frombuffer(right, "<i2")[: len(samples)]
        samples[: len(heard), 1] = heard
    return samples.tobytes()
