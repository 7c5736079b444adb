"""What callers say in the tests: sentences of the built-in voices at 8 kHz."""

import re
from pathlib import Path

import numpy
import pytest

from callapi.base.settings import SpeechSettings
from callapi.media.speech import Utterance, installed, open_speaker
from tests.scenarios.harness.audio import SILENCE_RMS, Heard, Samples, silence, write_wav

speaks = pytest.mark.skipif(
    not installed.has_whisper() or installed.whisper_model() is None or not installed.piper_voices({}),
    reason="the extra `speech` is not installed",
)


async def spoken(folder: Path, *texts: str) -> list[Samples]:
    """Each sentence as samples, from its first sound on."""
    sentences = []
    async with open_speaker(SpeechSettings(timeout_s=60, patience_s=60), folder) as speaker:
        for text in texts:
            said = [each async for each in speaker.speak(Utterance(text), print)]
            sentences.append(_from_first_sound(numpy.concatenate([each.samples for each in said])[::2]))
    return sentences


def _from_first_sound(samples: Samples) -> Samples:
    """Without the silence before it: the first 20 ms that are kept can be heard."""
    frames = [Heard(samples[begin : begin + 160], 8000).rms for begin in range(0, len(samples), 160)]
    loud = next(index for index, rms in enumerate(frames) if rms >= 4 * SILENCE_RMS)
    return samples[loud * 160 :]


async def word_files(folder: Path, *texts: str) -> list[Path]:
    """Files of these sentences for a phone, with a long silence behind each."""
    return [
        write_wav(folder / f"words-{number}.wav", numpy.concatenate([silence(0.3), samples, silence(40.0)]))
        for number, samples in enumerate(await spoken(folder, *texts))
    ]


def is_text_of(text: str, said: str, share: float = 0.5) -> bool:
    """Whether `text` was recognised in `said`: at least `share` of its words are there.

    Not all of them: where other programs have the cores a phone's sound has gaps, and "book a room" becomes "go run".
    How many words are understood is judged apart, by the recogniser alone.
    """
    words, found = (re.findall(r"[a-z]+", each.lower()) for each in (said, text))
    return sum(word in found for word in words) >= share * len(words)
