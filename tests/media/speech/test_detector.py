"""When speech begins and when it is over."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from callapi.media.speech import SpeechDetector

RATE = 8000


def noise(seconds: float, level: float) -> NDArray[np.int16]:
    samples = np.random.default_rng(3).standard_normal(int(RATE * seconds)) * level
    return samples.clip(-32768, 32767).astype(np.int16)


def heard(*parts: tuple[float, float]) -> SpeechDetector:
    """What is made of parts of so many seconds at such a level."""
    detector = SpeechDetector(RATE)
    for seconds, level in parts:
        detector.feed(noise(seconds, level))
    return detector


@pytest.mark.parametrize("background", [0, 5, 40, 200])
def test_speech_above_the_noise_begins_and_ends(background: float) -> None:
    detector = heard((2, background), (1, 4000), (1.5, background))
    assert detector.began_s == pytest.approx(1.6, abs=0.1), "with its lead"
    assert detector.silence_s == pytest.approx(1.5, abs=0.1)


@pytest.mark.parametrize("level", [0, 5, 100, 1000])
def test_steady_noise_is_no_speech(level: float) -> None:
    assert heard((10, level)).began_s is None


def test_a_click_is_no_speech() -> None:
    assert heard((1, 20), (0.06, 8000), (1, 20)).began_s is None


def test_a_click_does_not_put_off_the_end() -> None:
    assert heard((1, 20), (1, 4000), (1, 20), (0.02, 8000), (1, 20)).silence_s == pytest.approx(2, abs=0.1)


def test_speech_from_the_first_moment() -> None:
    assert heard((1, 4000)).began_s == 0.0


def test_a_quiet_voice_on_a_quiet_line() -> None:
    assert heard((1, 2), (1, 300)).began_s is not None


def test_long_speech_does_not_become_noise() -> None:
    """Syllables for half a minute, with the short gaps that speech has."""
    detector = heard((1, 20), *[(0.3, 4000), (0.1, 60)] * 75)
    assert detector.silence_s < 0.3


@given(st.lists(st.integers(0, 500), max_size=30))
def test_the_size_of_the_pieces_does_not_matter(sizes: list[int]) -> None:
    audio = np.concatenate((noise(0.5, 20), noise(0.5, 4000), noise(0.5, 20)))
    whole, pieces = SpeechDetector(RATE), SpeechDetector(RATE)
    whole.feed(audio)
    for size in sizes:
        pieces.feed(audio[:size])
        audio = audio[size:]
    pieces.feed(audio)
    assert (whole.began_s, whole.silence_s) == (pieces.began_s, pieces.silence_s)
