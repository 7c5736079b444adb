"""Recordings of human voices that were not made for this: the prompts that Debian packages for Asterisk.

Packages asterisk-core-sounds-{en,es,fr,it,ru}-wav (Creative Commons; nothing of them is kept here). A short prompt (a
word, a number, a phrase) stands for a person who answers; the voicemail greeting of each language, and prompts of four
seconds and more, stand for machines.
"""

import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

SOUNDS: Final = Path("/usr/share/asterisk/sounds")
VOICES: Final = ("en_US_f_Allison", "es_MX_f_Allison", "fr_CA_f_June", "it_IT_m_Carlo", "ru_RU_f_IvrvoiceRU")
NOT_VOICES: Final = ("beep", "tone", "silence", "ring", "moh", "noise")
SHORT_S: Final = (0.35, 1.6)
LONG_S: Final = 4.0
SHARE: Final = 40
"""Recordings of each kind and voice at most, spread over the alphabet of their names."""
GREETINGS: Final = (
    ("vm-theperson", "digits/4", "digits/2", "digits/7", "vm-isunavail", "vm-intro"),
    ("vm-theperson", "digits/3", "digits/9", "vm-isonphone", "vm-intro"),
)

Samples = NDArray[np.float64]


def voices() -> tuple[Path, ...]:
    """The voices that are installed."""
    return tuple(SOUNDS / each for each in VOICES if (SOUNDS / each).is_dir())


def people(voice: Path) -> Iterator[Samples]:
    """Short prompts of a voice."""
    yield from _spread([each for each in _prompts(voice) if SHORT_S[0] <= len(each) / 8000 <= SHORT_S[1]])


def machines(voice: Path) -> Iterator[Samples]:
    """Greetings of voicemail, and long prompts."""
    for names in GREETINGS:
        files = [voice / f"{each}.wav" for each in names]
        if all(each.exists() for each in files):
            yield np.concatenate([_read(each) for each in files])
    yield from _spread([each for each in _prompts(voice) if len(each) / 8000 >= LONG_S])


def _spread(found: list[Samples]) -> list[Samples]:
    return found[:: max(1, len(found) // SHARE)][:SHARE]


def _prompts(voice: Path) -> Iterator[Samples]:
    for path in sorted(voice.rglob("*.wav")):
        if not any(each in str(path.relative_to(voice)) for each in NOT_VOICES):
            sound = _read(path)
            if len(sound):
                yield sound


def _read(path: Path) -> Samples:
    """The prompt at telephone level, without the silence around it; nothing if it is silent."""
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64)
    loud = np.flatnonzero(np.abs(samples) > 0.02 * np.abs(samples).max(initial=1.0))
    if not loud.size or np.abs(samples).max() < 200:
        return np.zeros(0)
    sound = samples[loud[0] : loud[-1]]
    return np.asarray(sound * (3000 / np.sqrt(np.mean(sound**2))))
