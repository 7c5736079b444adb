"""Silero VAD: words in noise that the detector by energy misses, clicks that it takes for words."""

from collections.abc import Callable

import numpy as np
import pytest
import pytest_asyncio
from bench.detection.noises import RATE as LINE_RATE
from bench.detection.noises import hiss, keys
from numpy.typing import NDArray

from callapi.media.speech import Detector, SpeechBegan, SpeechDetector, SpeechEnded, SpeechSegmenter
from callapi.media.speech.silero import SileroDetector
from tests.scenarios.harness.spoken import speaks, spoken

pytestmark = speaks
RATE = 16_000
SILENCE_S = 0.7
Samples = NDArray[np.int16]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def words(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    """A sentence at 8 kHz."""
    [samples] = await spoken(tmp_path_factory.mktemp("words"), "I would like to book a room.")
    return samples


def line(words: Samples, noise: NDArray[np.float64], ratio_db: float) -> Samples:
    """Two seconds of noise, the words in it, two more; at 16 kHz."""
    quiet = np.zeros(2 * LINE_RATE)
    sound = np.concatenate((quiet, words.astype(np.float64), quiet))
    level = np.sqrt(np.mean(np.square(words.astype(np.float64)))) / 10 ** (ratio_db / 20)
    return np.repeat(sound + noise[: len(sound)] * level, 2).clip(-32768, 32767).astype(np.int16)


def heard(samples: Samples, detector: Detector) -> list[tuple[float, bool]]:
    """Seconds, and whether speech begins there or ends."""
    segmenter, step = SpeechSegmenter(detector, SILENCE_S), RATE // 50
    return [
        (begin / RATE, isinstance(event, SpeechBegan))
        for begin in range(0, len(samples), step)
        for event in segmenter.feed(samples[begin : begin + step])
        if isinstance(event, SpeechBegan | SpeechEnded)
    ]


@pytest.mark.parametrize("make", [hiss, keys])
def test_words_in_noise_begin_and_end(words: Samples, make: Callable[..., NDArray[np.float64]]) -> None:
    noise = make(10 * LINE_RATE, np.random.default_rng(7))
    samples = line(words, noise, 8)
    [(begins, is_begin), (ends, is_end)] = heard(samples, SileroDetector())
    assert (is_begin, is_end) == (True, False)
    spoken_s = len(words) / LINE_RATE
    assert 2.0 < begins < 2.5
    assert 2.0 + spoken_s < ends < 2.0 + spoken_s + SILENCE_S + 0.4
    assert heard(samples, SpeechDetector()) != [(begins, True), (ends, False)]


def test_pieces_of_any_length_are_judged_alike(words: Samples) -> None:
    samples = line(words, np.zeros(10 * LINE_RATE), 0)
    whole, pieces = SileroDetector(), SileroDetector()
    whole.feed(samples)
    for begin in range(0, len(samples), 317):
        pieces.feed(samples[begin : begin + 317])
    assert whole.began_s is not None
    assert (pieces.began_s, pieces.silence_s) == (whole.began_s, whole.silence_s)
    assert 1.3 < whole.began_s < 2.0, "with its lead"
    assert SileroDetector().silence_s == 0.0
    assert whole.successor().began_s is None
