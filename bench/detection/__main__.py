"""When a caller begins and ends to speak, against noise: our detector beside Silero VAD.

    .venv/bin/python -m bench.detection [--output docs/benchmarks/detection.md]

Sentences of espeak-ng's voices and of the built-in piper voice, with noise behind and between them at several ratios,
through G.711; both detectors get the same samples at 16 kHz, as calls are listened to, and the same rule for the end
(SILENCE_S without speech). Silero VAD is the model that faster-whisper carries, run by onnxruntime; both come with the
extra `speech`. Needs espeak-ng. The line has the same noise for each run: nothing here is random.
"""

import argparse
import asyncio
import subprocess
import tempfile
import time
import wave
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
import soxr
from bench.calls import machine
from bench.detection.noises import NOISES, RATE, Maker, Sound, babble
from bench.harness.processes import percentile
from faster_whisper.vad import get_vad_model  # type: ignore[import-untyped]
from msgspec import Struct
from numpy.typing import NDArray

from callapi.base.settings import SpeechSettings
from callapi.media.speech import SpeechBegan, SpeechDetector, SpeechSegmenter, Utterance, open_speaker

HEARD_RATE: Final = 16_000
LEVEL: Final = 2000.0
"""Root mean square of the words, of 32768."""
RATIOS_DB: Final = (30, 20, 10, 5, 0)
SILENCE_S: Final = 0.7
GAP_S: Final = 4.0
CHUNK: Final = 512
"""Samples that Silero VAD judges at once."""
SURE, UNSURE = 0.5, 0.35
"""Silero's own thresholds of beginning and of end."""
BEGIN_CHUNKS, BEGIN_WITHIN = 3, 4
"""So many sure chunks among the last BEGIN_WITHIN begin speech: some 100 ms, as our detector takes."""
SENTENCES: Final = (
    "Yes.",
    "I would like to book a room for two nights.",
    "No, thank you.",
    "Could you repeat that please?",
    "My number is four seven one one.",
    "Stop.",
    "What is the weather like in Paris tomorrow?",
    "I want to speak to somebody in accounting.",
)
VOICES: Final = ("en-us", "en-gb+f2", "en-gb-scotland+m3", "en-us+f4")
Samples = NDArray[np.int16]


class Line(Struct, frozen=True):
    """What is heard, and when words begin and end in it, in seconds."""

    samples: Samples
    words: Sequence[tuple[float, float]]


class Verdict(Struct):
    """How one detector did on one or more lines."""

    noise_s: float = 0.0
    words: int = 0
    false_starts: int = 0
    missed: int = 0
    unended: int = 0
    onsets_ms: list[float] = []
    cpu_s: float = 0.0
    heard_s: float = 0.0


def _trimmed(sound: Sound, rate: int) -> Sound:
    """At RATE and LEVEL, without the silence around it."""
    sound = np.asarray(soxr.resample(sound, rate, RATE))
    loud = np.flatnonzero(np.abs(sound) > 0.04 * np.abs(sound).max())
    sound = sound[loud[0] : loud[-1]]
    return np.asarray(sound * LEVEL / np.sqrt(np.mean(np.square(sound))))


def espeak(voice: str, text: str) -> Sound:
    """What that voice makes of it, at RATE and LEVEL, without the silence around it."""
    done = subprocess.run(["espeak-ng", "-v", voice, "--stdout", text], capture_output=True, check=True)
    with wave.open(BytesIO(done.stdout)) as file:
        rate = file.getframerate()
    return _trimmed(np.frombuffer(done.stdout[44:], "<i2").astype(np.float64), rate)


async def piper(sentences: Sequence[str] = SENTENCES) -> list[Sound]:
    """The same by the built-in voice."""
    found = []
    settings = SpeechSettings(timeout_s=60, patience_s=60)
    with tempfile.TemporaryDirectory() as folder:
        async with open_speaker(settings, Path(folder)) as speaker:
            for text in sentences:
                prompts = [each async for each in speaker.speak(Utterance(text), print)]
                samples = np.concatenate([each.samples for each in prompts]).astype(np.float64)
                found.append(_trimmed(samples, prompts[0].rate))
    return found


def g711(sound: Sound) -> Sound:
    """µ-law there and back (ITU-T G.711, by its formula)."""
    magnitude = np.log1p(255 * np.minimum(np.abs(sound) / 32768, 1)) / np.log1p(255)
    coded = np.round(magnitude * 127) / 127
    return np.asarray(np.sign(sound) * np.expm1(coded * np.log1p(255)) / 255 * 32768)


def _line(sentences: Sequence[Sound], noise: Sound, ratio_db: float) -> Line:
    """The sentences with GAP_S between them, and noise so much below their level everywhere."""
    gap = np.zeros(int(GAP_S * RATE))
    parts, words, at = [gap], [], len(gap)
    for each in sentences:
        words.append((at / RATE, (at + len(each)) / RATE))
        parts += [each, gap]
        at += len(each) + len(gap)
    sound = np.concatenate(parts)
    sound += noise[: len(sound)] * LEVEL / 10 ** (ratio_db / 20)
    wide = soxr.resample(g711(sound), RATE, HEARD_RATE)
    return Line(np.clip(wide, -32768, 32767).astype(np.int16), words)


def ours(samples: Samples) -> Iterator[tuple[float, bool]]:
    """Seconds, and whether speech begins there (else it has ended); by the detector of the node."""
    segmenter, step = SpeechSegmenter(SpeechDetector(HEARD_RATE), SILENCE_S), HEARD_RATE // 50
    for begin in range(0, len(samples), step):
        for event in segmenter.feed(samples[begin : begin + step]):
            yield (begin + step) / HEARD_RATE, isinstance(event, SpeechBegan)


def silero(samples: Samples) -> Iterator[tuple[float, bool]]:
    """The same by Silero VAD."""
    whole = samples[: len(samples) // CHUNK * CHUNK].astype(np.float32) / 32768
    sure: deque[bool] = deque(maxlen=BEGIN_WITHIN)
    speaks, last = False, 0.0
    for number, likely in enumerate(get_vad_model()(whole).ravel()):
        now = (number + 1) * CHUNK / HEARD_RATE
        sure.append(likely >= SURE)
        if likely >= (UNSURE if speaks else SURE):
            last = now
        if not speaks and sum(sure) >= BEGIN_CHUNKS:
            speaks = True
            yield now, True
        elif speaks and now - last >= SILENCE_S:
            speaks = False
            sure.clear()
            yield now, False


DETECTORS: Final = {"ours": ours, "Silero VAD": silero}


def _judge(line: Line, events: Sequence[tuple[float, bool]], verdict: Verdict) -> None:
    verdict.noise_s += len(line.words) * (GAP_S - SILENCE_S)
    verdict.words += len(line.words)
    begins = [at for at, speaks in events if speaks]
    ends = [at for at, speaks in events if not speaks]
    for begin, end in line.words:
        found = [at for at in begins if begin <= at <= end + 0.2]
        if found:
            verdict.onsets_ms.append((found[0] - begin) * 1000)
        else:
            verdict.missed += 1
        verdict.unended += bool(found) and not any(end < at < end + SILENCE_S + 1.0 for at in ends)
    verdict.false_starts += sum(
        not any(begin <= at <= end + 0.2 for begin, end in line.words) for at in begins
    )


def _row(name: str, ratio: str, detector: str, verdict: Verdict) -> str:
    onsets = verdict.onsets_ms
    cells = (
        name,
        ratio,
        detector,
        f"{verdict.false_starts / verdict.noise_s * 60:.1f}",
        f"{verdict.missed / verdict.words * 100:.0f} %",
        f"{verdict.unended / verdict.words * 100:.0f} %",
        f"{percentile(onsets, 0.5):.0f}" if onsets else "-",
        f"{percentile(onsets, 0.95):.0f}" if onsets else "-",
    )
    return "| " + " | ".join(cells) + " |"


def _measure(sentences: Sequence[Sound], noises: Mapping[str, Sound]) -> tuple[list[str], list[str]]:
    rows, total = [], {name: Verdict() for name in DETECTORS}
    for noise_name, noise in noises.items():
        for ratio in RATIOS_DB:
            line = _line(sentences, noise, ratio)
            for name, detector in DETECTORS.items():
                verdict, began = Verdict(), time.process_time()
                events = list(detector(line.samples))
                total[name].cpu_s += time.process_time() - began
                total[name].heard_s += len(line.samples) / HEARD_RATE
                for each in (verdict, total[name]):
                    _judge(line, events, each)
                rows.append(_row(noise_name, f"{ratio} dB", name, verdict))
                print(rows[-1], flush=True)
    return rows, [
        _row(f"all ({each.cpu_s / each.heard_s * 100:.2f} % of a core)", "", name, each)
        for name, each in total.items()
    ]


def main() -> None:
    """Measure; write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    head = machine()
    spoken = [espeak(voice, text) for voice in VOICES for text in SENTENCES]
    sentences = spoken + asyncio.run(piper())
    rng = np.random.default_rng(2026)
    count = int(sum(len(each) for each in sentences) + (len(sentences) + 1) * GAP_S * RATE)
    makers: Mapping[str, Maker] = {**NOISES, "babble": partial(babble, voices=spoken)}
    rows, sums = _measure(sentences, {name: make(count, rng) for name, make in makers.items()})
    text = [
        "# When a caller speaks",
        "",
        f"`make bench-detection`, {head}. {len(sentences)} sentences in five voices for each row; the ratio is that of",
        "the words to the noise. An end counts as noticed within a second after the silence that ends speech.",
        "",
        (
            "| noise | ratio | detector | false starts a minute | words not noticed | end not noticed "
            "| onset noticed after ms, p50 | p95 |"
        ),
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *rows,
        *sums,
    ]
    if arguments.output:
        arguments.output.write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
