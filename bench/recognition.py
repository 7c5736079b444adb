"""Word errors and delay of the built-in recogniser, beside PocketSphinx, which streams and carries its model.

    .venv/bin/pip install --no-deps pocketsphinx        # not needed: it is left out where it is not installed
    .venv/bin/python -m bench.recognition

Sentences of the built-in voice and of espeak-ng, through G.711, at 16 kHz. Delay: from the last sample to the text; a
recogniser that streams has heard the others by then. Prints a table in Markdown. Needs espeak-ng.
"""

import asyncio
import re
import time
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Final

import numpy as np
import soxr
from bench.detection.__main__ import HEARD_RATE, Samples, espeak, g711, piper
from bench.detection.noises import RATE, Sound
from bench.harness.processes import percentile
from msgspec import Struct

from callapi.base.settings import SpeechSettings
from callapi.media.speech import open_recogniser

SENTENCES: Final = (
    "I would like to book a room for two nights.",
    "Could you repeat that please?",
    "What is the weather like in Paris tomorrow?",
    "I want to speak to somebody in accounting.",
    "Please send the invoice to my new address.",
    "No thank you, that is all for today.",
)
VOICES: Final = ("en-us", "en-gb+f2")
FRAME: Final = HEARD_RATE // 50


class Attempt(Struct, frozen=True):
    """What was understood of a sentence, and how long after its end."""

    voice: str
    said: str
    text: str
    delay_s: float


def _words(text: str) -> list[str]:
    return re.sub(r"[^a-z ]", "", text.lower().replace("-", " ")).split()


def errors(said: Sequence[str], understood: Sequence[str]) -> int:
    """Words that were changed, left out or put in (Levenshtein)."""
    row = list(range(len(understood) + 1))
    for place, word in enumerate(said, 1):
        corner, row[0] = row[0], place
        for column, other in enumerate(understood, 1):
            corner, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, corner + (word != other)),
            )
    return row[-1]


def _heard(sound: Sound) -> Samples:
    quiet = np.zeros(RATE // 2)
    wide = soxr.resample(g711(np.concatenate((quiet, sound, quiet))), RATE, HEARD_RATE)
    return np.asarray(wide).clip(-32768, 32767).astype(np.int16)


async def _whisper(lines: Sequence[tuple[str, str, Samples]]) -> list[Attempt]:
    found = []
    async with open_recogniser(SpeechSettings(recogniser_timeout_s=60)) as recogniser:
        assert recogniser is not None, "the extra `speech` is not installed"
        await recogniser.recognise(lines[0][2], HEARD_RATE, "en-US", ())
        for voice, said, samples in lines:
            began = time.perf_counter()
            understood = await recogniser.recognise(samples, HEARD_RATE, "en-US", ())
            found.append(Attempt(voice, said, understood.text, time.perf_counter() - began))
    return found


def _pocketsphinx(lines: Sequence[tuple[str, str, Samples]]) -> Iterator[Attempt]:
    decoder = import_module("pocketsphinx").Decoder(samprate=HEARD_RATE, loglevel="FATAL")
    for voice, said, samples in lines:
        decoder.start_utt()
        for begin in range(0, len(samples), FRAME):
            decoder.process_raw(samples[begin : begin + FRAME].tobytes(), no_search=False, full_utt=False)
        began = time.perf_counter()
        decoder.end_utt()
        best = decoder.hyp()
        yield Attempt(voice, said, best.hypstr if best else "", time.perf_counter() - began)


def _row(name: str, voice: str, attempts: Sequence[Attempt]) -> str:
    pairs = [(_words(each.said), _words(each.text)) for each in attempts]
    share = sum(errors(*pair) for pair in pairs) / sum(len(said) for said, _ in pairs)
    delays = [each.delay_s * 1000 for each in attempts]
    return (
        f"| {name} | {voice} | {share * 100:.0f} % | {percentile(delays, 0.5):.0f} "
        f"| {percentile(delays, 0.95):.0f} |"
    )


async def main() -> None:
    """Measure and print."""
    spoken = [("piper", await piper(SENTENCES))]
    spoken += [(each, [espeak(each, text) for text in SENTENCES]) for each in VOICES]
    lines = [
        (voice, text, _heard(sound))
        for voice, sounds in spoken
        for text, sound in zip(SENTENCES, sounds, strict=True)
    ]
    results = {"faster-whisper, tiny.en": await _whisper(lines)}
    if find_spec("pocketsphinx") is not None:
        results["PocketSphinx, en-us"] = list(_pocketsphinx(lines))
    print("| recogniser | voice | word errors | delay ms, p50 | p95 |\n| --- | --- | --- | --- | --- |")
    for name, attempts in results.items():
        for voice, _ in spoken:
            print(_row(name, voice, [each for each in attempts if each.voice == voice]))


if __name__ == "__main__":
    asyncio.run(main())
