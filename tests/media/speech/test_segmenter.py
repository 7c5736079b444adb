"""A continuous line is cut into what is said on it."""

import numpy as np
from numpy.typing import NDArray

from callapi.media.speech import SpeechBegan, SpeechDetector, SpeechEnded, SpeechSegmenter

RATE = 16_000


def _noise(seconds: float, level: float) -> NDArray[np.int16]:
    values = np.random.default_rng(7).normal(0, level, int(seconds * RATE))
    return np.clip(values, -32768, 32767).astype(np.int16)


def test_two_sentences_are_two_stretches() -> None:
    """Each begins early and ends after the silence, in whatever portions the audio comes."""
    line = np.concatenate(
        [_noise(1.0, 5), _noise(1.0, 3000), _noise(1.2, 5), _noise(0.6, 3000), _noise(1.2, 5)]
    )
    for portion in (320, 7000, len(line)):
        segmenter = SpeechSegmenter(SpeechDetector(RATE), 0.7)
        events = []
        for begin in range(0, len(line), portion):
            events += segmenter.feed(line[begin : begin + portion])
        assert [type(each) for each in events] == [SpeechBegan, SpeechEnded, SpeechBegan, SpeechEnded]
        lengths = [len(each.samples) / RATE for each in events if isinstance(each, SpeechEnded)]
        assert 1.6 < lengths[0] < 2.4
        assert 1.2 < lengths[1] < 2.0
        assert not segmenter.is_speaking


def test_speech_is_noticed_within_a_quarter_of_a_second() -> None:
    """Soon enough to interrupt."""
    segmenter = SpeechSegmenter(SpeechDetector(RATE), 0.7)
    assert segmenter.feed(_noise(2.0, 5)) == []
    assert segmenter.feed(_noise(0.25, 3000)) == [SpeechBegan()]
    assert len(segmenter.so_far()) / RATE < 1.0


def test_endless_speech_is_cut() -> None:
    """Memory stays bounded."""
    segmenter = SpeechSegmenter(SpeechDetector(RATE), 0.7)
    gap, word = _noise(0.1, 5), _noise(0.4, 3000)
    line = np.concatenate([_noise(0.5, 5), *([word, gap] * 150)])
    ended = [each for each in segmenter.feed(line) if isinstance(each, SpeechEnded)]
    assert len(ended) >= 2
    assert all(len(each.samples) <= 31 * RATE for each in ended)
