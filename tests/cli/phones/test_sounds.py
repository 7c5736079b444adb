"""The judgement of what was heard: a tone is a tone, silence and other tones are not."""

import wave
from pathlib import Path

import numpy as np

from callapi.cli.phones.sounds import RATE, read_wav, seconds_of, tone


def test_a_tone_is_heard_for_as_long_as_it_lasts() -> None:
    samples = np.concatenate([np.zeros(RATE // 2, np.int16), tone(440, 1.0).samples, tone(660, 0.5).samples])
    assert abs(seconds_of(440, samples, RATE) - 1.0) <= 0.11
    assert abs(seconds_of(660, samples, RATE) - 0.5) <= 0.11
    assert seconds_of(550, samples, RATE) == 0


def test_noise_and_silence_are_no_tone() -> None:
    noise = (np.random.default_rng(1).standard_normal(RATE) * 3000).astype(np.int16)
    assert seconds_of(440, noise, RATE) == 0
    assert seconds_of(440, np.zeros(RATE, np.int16), RATE) == 0


def test_a_tone_loops_without_a_click() -> None:
    samples = tone(440, 1.0).samples.astype(np.int32)
    steps = np.abs(np.diff(samples))
    assert abs(int(samples[0]) - int(samples[-1])) <= steps.max() * 1.05


def test_the_first_channel_of_a_wav(tmp_path: Path) -> None:
    path = tmp_path / "two.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(np.array([[1, 2], [3, 4]], np.int16).tobytes())
    samples, rate = read_wav(path)
    assert (samples.tolist(), rate) == ([1, 3], 16000)
