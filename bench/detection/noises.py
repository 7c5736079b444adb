"""What stands behind a caller's words: noises made here, each with a root mean square of 1."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE: Final = 8000
Sound = NDArray[np.float64]
Maker = Callable[[int, np.random.Generator], Sound]
_GAP_S: Final = 0.3


def hiss(count: int, rng: np.random.Generator) -> Sound:
    """White: a bad line."""
    return _even(rng.normal(size=count))


def street(count: int, rng: np.random.Generator) -> Sound:
    """Pink, swelling by 10 dB and falling again within some seconds, as cars pass."""
    spectrum = np.fft.rfft(rng.normal(size=count))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    at = np.arange(count) / RATE
    swell = 10 ** (5 * np.sin(2 * np.pi * at / 4.7 + rng.uniform(0, 6)) / 20)
    return _even(np.fft.irfft(spectrum, count) * swell)


def engine(count: int, rng: np.random.Generator) -> Sound:
    """A car from inside: a rumble below 300 Hz and the harmonics of 55 Hz."""
    spectrum = np.fft.rfft(rng.normal(size=count))
    hertz = np.fft.rfftfreq(count, 1 / RATE)
    spectrum[hertz > 300] *= 0.02
    at = np.arange(count) / RATE
    hum = sum(np.sin(2 * np.pi * 55 * each * at) / each for each in range(1, 12))
    return _even(_even(np.fft.irfft(spectrum, count)) + 0.7 * _even(np.asarray(hum)))


def keys(count: int, rng: np.random.Generator) -> Sound:
    """Somebody types: clicks of 5 to 30 ms, five in a second, over a faint hiss."""
    sound = 0.02 * rng.normal(size=count)
    for start in rng.integers(0, count - 400, count * 5 // RATE):
        length = int(rng.uniform(0.005, 0.03) * RATE)
        sound[start : start + length] += rng.normal(size=length) * np.exp(-np.arange(length) / length * 4)
    return _even(sound)


def babble(count: int, rng: np.random.Generator, voices: Sequence[Sound]) -> Sound:
    """A room full of people: twelve voices at once."""
    sound = np.zeros(count)
    for _ in range(12):
        at = int(rng.integers(0, RATE))
        while at < count:
            voice = voices[int(rng.integers(len(voices)))][: count - at]
            sound[at : at + len(voice)] += voice
            at += len(voice) + int(_GAP_S * RATE)
    return _even(sound)


NOISES: Final[Mapping[str, Maker]] = {
    "hiss": hiss,
    "street": street,
    "engine": engine,
    "keys": keys,
}


def _even(sound: Sound) -> Sound:
    return np.asarray(sound / np.sqrt(np.mean(np.square(sound))))
