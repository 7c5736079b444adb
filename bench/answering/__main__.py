"""Confusion of the answering machine detector: `python -m bench.answering [--output FILE]`; needs espeak-ng.

Each recording is a call from its answer on: silence, a greeting, and for machines a beep and silence. It goes through
G.711, with a line's noise at two levels, and with 2 % of its packets lost in half of the cases.

The parts are kept apart. The first was looked at while thresholds were chosen. Other languages, then other sentences
and voices, then human voices that speakers recorded for another purpose were measured after the detector was done. The
third part then had 4.2 % of its people called machines, all of them greetings of businesses said slowly: pauses counted
as speech, and so did the 200 ms for which the detector of speech waits for more. That count was mended, no threshold
was touched, and that part is since then one that was looked at; a fourth, with more such greetings, was written before
anything was measured again, and measured once.
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
LATER: Final = "later sentences and voices, sv, cs (measured only)"
MEASURED: Final = "all that was only measured"
RECORDED: Final = "human voices: en, es, fr, it, ru (measured only)"


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


def judged(sound: Samples, *, until_message_end: bool) -> tuple[str, float]:
    """What the detector says, and after how many seconds."""
    detector = _native.MachineDetector(MachineDetection(until_message_end=until_message_end))
    octets = np.clip(sound, -32768, 32767).astype("<i2").tobytes()
    for start in range(0, len(octets), 2 * FRAME):
        if (verdict := detector.hear(octets[start : start + 2 * FRAME])) is not None:
            return verdict, detector.elapsed_ms / 1000
    return "none", len(sound) / RATE


def table(made: list[Recording]) -> str:
    """Markdown: what was said of people and of machines, and of beeps."""
    rows = [
        "| set | who | recordings | called human | called a machine | unknown |",
        f"|{' --- |' * 6}",
    ]
    for name, is_machine in itertools.product(
        (LOOKED_AT, OTHERS, FRESH, LATER, RECORDED, MEASURED), (False, True)
    ):
        groups = (OTHERS, LATER, RECORDED) if name == MEASURED else (name,)
        group = [each for each in made if each.group in groups and each.is_machine == is_machine]
        if not group:
            continue
        verdicts = Counter(judged(each.sound, until_message_end=False)[0] for each in group)
        human = verdicts["human"]
        machine = verdicts["machine_start"]
        rest = len(group) - human - machine
        cells = [name, "machines" if is_machine else "people", str(len(group))]
        cells += [f"{count} ({100 * count / len(group):.1f} %)" for count in (human, machine, rest)]
        rows.append(f"| {' | '.join(cells)} |")
    found, late, seen = 0, [], 0
    for each in made:
        if each.beep_s is None:
            continue
        verdict, at_s = judged(each.sound, until_message_end=True)
        seen += 1
        if verdict == "machine_end_beep" and -0.02 <= at_s - each.beep_s <= 0.3:
            found += 1
            late.append(at_s - each.beep_s)
    beeps = (
        f"Beeps: {found} of {seen} ({100 * found / seen:.1f} %) found within 300 ms of their beginning, "
        f"half of them within {1000 * float(np.median(late)):.0f} ms.\n"
    )
    return "\n".join(rows) + "\n\n" + beeps


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
