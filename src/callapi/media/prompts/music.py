"""The music that waiting callers hear: made here, so that no recording and no licence is needed.

Four soft chords of eight seconds in all. It begins and ends in silence between two notes, so that it can be repeated
without a click.
"""

import asyncio
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from callapi.media.plane.types import Prompt

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE: Final = 16_000
_CHORD_S: Final = 2.0
_NOTE_S: Final = 0.5
_LEVEL: Final = 2600
# C major, A minor, F major, G major; each chord is played note by note.
_CHORDS: Final = (
    (261.63, 329.63, 392.00, 329.63),
    (220.00, 261.63, 329.63, 261.63),
    (174.61, 220.00, 261.63, 220.00),
    (196.00, 246.94, 293.66, 246.94),
)


async def waiting_music() -> Prompt:
    """Eight seconds, to be looped; a thread makes them when they are first asked for."""
    if not _composed.cache_info().currsize:
        await asyncio.to_thread(_composed)
    return _composed()


@cache
def _composed() -> Prompt:
    audio = np.zeros(int(RATE * _CHORD_S * len(_CHORDS)), np.float64)
    for chord_number, chord in enumerate(_CHORDS):
        for note_number, hertz in enumerate(chord):
            start = int(RATE * (chord_number * _CHORD_S + note_number * _NOTE_S))
            note = _note(hertz)
            end = min(start + len(note), len(audio))
            audio[start:end] += note[: end - start]
    return Prompt(np.clip(audio * _LEVEL, -32768, 32767).astype(np.int16), RATE)


def _note(hertz: float) -> "NDArray[np.float64]":
    """A plucked note that has died away before the next chord ends."""
    time = np.arange(int(RATE * 0.95 * _NOTE_S * 1.6)) / RATE
    envelope = np.exp(-4.0 * time) * np.minimum(1.0, time * 200) * np.minimum(1.0, (time[-1] - time) * 50)
    tone = np.sin(2 * np.pi * hertz * time) + 0.3 * np.sin(4 * np.pi * hertz * time)
    result: NDArray[np.float64] = tone * envelope
    return result
