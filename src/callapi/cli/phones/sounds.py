"""Tones to say and the judgement of what was heard, for phones that prove that audio flows."""

import wave
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callapi.media import Prompt

RATE: Final = 8000
_SILENCE: Final = 60.0


def tone(frequency: float, seconds: float = 1.0, rate: int = RATE) -> Prompt:
    """A sine at 30 % of full scale; whole periods, so that it loops without a click."""
    periods = round(frequency * seconds)
    instants = np.arange(round(periods / frequency * rate)) / rate
    return Prompt((np.sin(2 * np.pi * frequency * instants) * 0.3 * 32767).astype(np.int16), rate)


def read_wav(path: Path) -> tuple[NDArray[np.int16], int]:
    """The first channel of a PCM16 WAV, and its rate."""
    with wave.open(str(path), "rb") as file:
        channels = file.getnchannels()
        frames = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return frames.reshape(-1, channels)[:, 0], file.getframerate()


def seconds_of(frequency: float, samples: NDArray[np.int16], rate: int) -> float:
    """For how long `frequency` (give or take 25 Hz) made up nearly all that was heard, in steps of 100 ms."""
    step = rate // 10
    hits = 0
    for start in range(0, len(samples) - step + 1, step):
        window = samples[start : start + step].astype(np.float64)
        if np.sqrt(np.mean(window**2)) < _SILENCE:
            continue
        power = np.abs(np.fft.rfft(window * np.hanning(step))) ** 2
        bins = np.fft.rfftfreq(step, 1 / rate)
        hits += bool(power[np.abs(bins - frequency) <= 25].sum() > 0.8 * power[bins > 30].sum())
    return hits / 10
