"""Confusion of the answering machine detector: `python -m bench.answering [--output FILE]`; needs espeak-ng.

Each recording is a call from its answer on: silence, a greeting, and for machines a beep and silence. It goes through
G.711, with a line's noise at two levels, and with 2 % of its packets lost in half of the cases.

The parts are kept apart. The first was looked at while thresholds were chosen. Other languages, then other sentences
and voices, then human voices that speakers recorded for another purpose were measured after the detector was done. The
third part then had 4.2 % of its people called machines, all of them greetings of businesses said slowly: pauses counted
as speech, and so did the 200 ms for which the detector of speech waits for more. That count was mended, and a fourth
part, half of its people businesses that say a whole sentence, was written before anything was measured again: 19.8 % of
its people were called machines. Most of these do speak for more than the 2,400 ms of `MachineDetectionSpeechThreshold`;
for the others gaps under 200 ms between sounds had counted as speech, and count no more. A fifth part, people at home
apart from businesses, was written before that change was measured. No threshold was touched; parts that were looked at
after they were measured say so.
"""

import argparse
import io
import itertools
import subprocess
import wave
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import soxr
from bench.answering.greetings import (
    BEEPS,
    FRESH_MACHINES,
    FRESH_PEOPLE,
    FRESH_SPEEDS,
    FRESH_VARIANTS,
    LAST_BUSINESSES,
    LAST_MACHINES,
    LAST_PEOPLE,
    LAST_SPEEDS,
    LAST_VARIANTS,
    LATER_MACHINES,
    LATER_PEOPLE,
    LATER_SPEEDS,
    LATER_VARIANTS,
    MACHINES,
    PEOPLE,
    SPEEDS,
    TUNED,
    VARIANTS,
)
from bench.answering.recorded import machines, people, voices
from msgspec import Struct
from numpy.typing import NDArray

from callapi.media import _native
from callapi.media.answering.detector import MachineDetection

RATE: Final = 8000
FRAME: Final = RATE // 50
Samples = NDArray[np.float64]
LOOKED_AT: Final = f"{', '.join(TUNED)} (looked at)"
OTHERS: Final = "fr, es, it, nl (measured only)"
FRESH: Final = "other sentences and voices, pt, pl (looked at after it was measured)"
LATER: Final = "later sentences and voices, sv, cs (looked at after it was measured)"
LAST: Final = "last sentences and voices, da, ro, hu (measured only)"
BUSINESSES: Final = "the same: businesses (measured only)"
MEASURED: Final = "all that was only measured"
RECORDED: Final = "human voices: en, es, fr, it, ru (measured only)"
UNSEEN: Final = (OTHERS, RECORDED, LAST, BUSINESSES)
THRESHOLDS_MS: Final = (2400, 3000, 3600, 4200)


class Recording(Struct, frozen=True):
    """A call's sound, of which set it is, whose it is, and where its beep begins (seconds; None: it has none)."""

    group: str
    is_machine: bool
    sound: Samples
    beep_s: float | None


def spoken(language: str, variant: str, speed: int, text: str) -> Samples:
    """What espeak-ng makes of `text`, at telephone level, without the silence around it."""
    command = ["espeak-ng", "-v", language + variant, "-s", str(speed), "--stdout", text]
    done = subprocess.run(command, capture_output=True, check=True)
    with wave.open(io.BytesIO(done.stdout)) as file:
        samples = np.frombuffer(done.stdout[44:], "<i2").astype(np.float64)
        sound = np.asarray(soxr.resample(samples, file.getframerate(), RATE))
    loud = np.flatnonzero(np.abs(sound) > 0.02 * np.abs(sound).max())
    sound = sound[loud[0] : loud[-1]]
    return np.asarray(sound * (3000 / np.sqrt(np.mean(sound**2))))


def beep(hertz: tuple[int, ...], seconds: float) -> Samples:
    """One or more sines at once."""
    at = np.arange(int(seconds * RATE)) / RATE
    return np.asarray(np.sum([6000 / len(hertz) * np.sin(2 * np.pi * each * at) for each in hertz], axis=0))


def line(sound: Samples, noise: float, rng: np.random.Generator, *, loses: bool) -> Samples:
    """The same at the other end of a line: noise, G.711's grain, and lost packets as silence."""
    heard = sound + rng.normal(0, noise, len(sound))
    if loses:
        for start in range(0, len(heard), FRAME):
            if rng.random() < 0.02:
                heard[start : start + FRAME] = 0
    magnitude = np.log1p(255 * np.minimum(np.abs(heard) / 32768, 1)) / np.log1p(255)
    coded = np.round(magnitude * 127) / 127
    return np.asarray(np.sign(heard) * np.expm1(coded * np.log1p(255)) / 255 * 32768)


class Maker:
    """Makes calls of greetings: the same ones each time."""

    def __init__(self) -> None:
        self._rng = np.random.default_rng(2026)
        self._beeps = itertools.cycle(BEEPS)
        self._losses = itertools.cycle((False, True))
        self._noises = itertools.cycle((8.0, 60.0))

    def call(self, group: str, greeting: Samples, *, is_machine: bool) -> Recording:
        """A call that is answered with `greeting`; a machine's goes on with a beep."""
        rng = self._rng
        parts, beep_s = [np.zeros(int(rng.uniform(0.2, 1.5) * RATE)), greeting], None
        if is_machine:
            parts.append(np.zeros(int(rng.uniform(0.2, 1.0) * RATE)))
            beep_s = sum(map(len, parts)) / RATE
            parts.append(beep(*next(self._beeps)))
        parts.append(np.zeros(5 * RATE))
        sound = line(np.concatenate(parts), next(self._noises), rng, loses=next(self._losses))
        return Recording(group, is_machine, sound, beep_s)


def recordings() -> Iterator[Recording]:
    """The whole set."""
    maker = Maker()
    for texts, is_machine in ((PEOPLE, False), (MACHINES, True)):
        for language, sentences in texts.items():
            group = LOOKED_AT if language in TUNED else OTHERS
            yield from _said(maker, group, {language: sentences}, VARIANTS, SPEEDS, is_machine=is_machine)
    yield from _said(maker, FRESH, FRESH_PEOPLE, FRESH_VARIANTS, FRESH_SPEEDS, is_machine=False)
    yield from _said(maker, FRESH, FRESH_MACHINES, FRESH_VARIANTS, FRESH_SPEEDS, is_machine=True)
    for voice in voices():
        for sound in people(voice):
            yield maker.call(RECORDED, sound, is_machine=False)
        for sound in machines(voice):
            yield maker.call(RECORDED, sound, is_machine=True)
    yield from _said(maker, LATER, LATER_PEOPLE, LATER_VARIANTS, LATER_SPEEDS, is_machine=False)
    yield from _said(maker, LATER, LATER_MACHINES, LATER_VARIANTS, LATER_SPEEDS, is_machine=True)
    yield from _said(maker, LAST, LAST_PEOPLE, LAST_VARIANTS, LAST_SPEEDS, is_machine=False)
    yield from _said(maker, BUSINESSES, LAST_BUSINESSES, LAST_VARIANTS, LAST_SPEEDS, is_machine=False)
    yield from _said(maker, LAST, LAST_MACHINES, LAST_VARIANTS, LAST_SPEEDS, is_machine=True)


def _said(
    maker: Maker,
    group: str,
    texts: Mapping[str, tuple[str, ...]],
    variants: tuple[str, ...],
    speeds: tuple[int, ...],
    *,
    is_machine: bool,
) -> Iterator[Recording]:
    """Each sentence in each voice, at each speed."""
    for language, sentences in texts.items():
        for text, variant, speed in itertools.product(sentences, variants, speeds):
            yield maker.call(group, spoken(language, variant, speed, text), is_machine=is_machine)


def judged(sound: Samples, options: MachineDetection) -> tuple[str, float]:
    """What the detector says, and after how many seconds."""
    detector = _native.MachineDetector(options)
    octets = np.clip(sound, -32768, 32767).astype("<i2").tobytes()
    for start in range(0, len(octets), 2 * FRAME):
        if (verdict := detector.hear(octets[start : start + 2 * FRAME])) is not None:
            return verdict, detector.elapsed_ms / 1000
    return "none", len(sound) / RATE


def table(made: list[Recording]) -> str:
    """Markdown: what was said of people and of machines, by threshold, and of beeps."""
    rows = [
        "| set | who | recordings | called human | called a machine | unknown |",
        f"|{' --- |' * 6}",
    ]
    names = (LOOKED_AT, OTHERS, FRESH, LATER, RECORDED, LAST, BUSINESSES, MEASURED)
    for name, is_machine in itertools.product(names, (False, True)):
        groups = UNSEEN if name == MEASURED else (name,)
        group = [each for each in made if each.group in groups and each.is_machine == is_machine]
        if not group:
            continue
        verdicts = Counter(judged(each.sound, MachineDetection())[0] for each in group)
        human = verdicts["human"]
        machine = verdicts["machine_start"]
        counts = (human, machine, len(group) - human - machine)
        cells = [name, "machines" if is_machine else "people", str(len(group))]
        cells += [share(count, len(group)) for count in counts]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n\n" + thresholds(made) + "\n" + beeps(made)


def thresholds(made: list[Recording]) -> str:
    """Markdown: what `MachineDetectionSpeechThreshold` does, in the sets that were measured once."""
    head = ("`MachineDetectionSpeechThreshold`", "people called machines", "businesses called machines")
    rows = [f"| {' | '.join(head)} | machines called people |", f"|{' --- |' * 4}"]
    unseen = [each for each in made if each.group in UNSEEN]
    for threshold_ms in THRESHOLDS_MS:
        options = MachineDetection(speech_threshold_ms=threshold_ms)
        wrong: Counter[str] = Counter()
        total: Counter[str] = Counter()
        for each in unseen:
            who = "machine" if each.is_machine else "business" if each.group == BUSINESSES else "person"
            total[who] += 1
            wrong[who] += (judged(each.sound, options)[0] == "human") == each.is_machine
        cells = [share(wrong[who], total[who]) for who in ("person", "business", "machine")]
        rows.append(f"| {threshold_ms} | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def beeps(made: list[Recording]) -> str:
    """A sentence: how many beeps were found in time."""
    found, late, seen = 0, [], 0
    for each in made:
        if each.beep_s is None:
            continue
        verdict, at_s = judged(each.sound, MachineDetection(until_message_end=True))
        seen += 1
        if verdict == "machine_end_beep" and -0.02 <= at_s - each.beep_s <= 0.3:
            found += 1
            late.append(at_s - each.beep_s)
    return (
        f"Beeps: {found} of {seen} ({100 * found / seen:.1f} %) found within 300 ms of their beginning, "
        f"half of them within {1000 * float(np.median(late)):.0f} ms.\n"
    )


def share(count: int, total: int) -> str:
    """A count, and what part of `total` it is."""
    return f"{count} ({100 * count / total:.1f} %)"


def main() -> None:
    """Make the set, judge it, print and write the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--output", type=Path, help="a Markdown file to write")
    output: Path | None = arguments.parse_args().output
    text = "# Answering machine detection\n\n" + (__doc__ or "").split("\n\n", 1)[1] + "\n"
    text += table(list(recordings()))
    print(text)
    if output is not None:
        output.write_text(text)


if __name__ == "__main__":
    main()
