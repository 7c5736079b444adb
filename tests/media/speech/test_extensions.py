"""Engines that a user writes: found by the name of their entry point."""

import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from callapi.base.errors import SettingsError
from callapi.base.settings import Settings, SpeechSettings, load_settings
from callapi.media import EngineFailed, Prompt
from callapi.media.speech import Recognised, Utterance, open_recogniser, open_speaker


class Voice:
    """Speaks a tenth of a second of ones for each character."""

    def __init__(self, options: Any) -> None:
        self.level = int(options["level"])

    async def speak(self, utterance: Utterance, warn: Callable[[str], None]) -> AsyncGenerator[Prompt, None]:
        yield Prompt(np.full(len(utterance.text) * 800, self.level, np.int16), 8000)


class ForeignRecogniser:
    """Understands one thing."""

    def prepare(self) -> None:
        return

    async def recognise(self, samples: Any, rate: int, language: str | None, hints: Any) -> Recognised:
        return Recognised(f"{len(samples)} at {rate}", 1.0)


@asynccontextmanager
async def open_voice(options: Any) -> AsyncIterator[Voice]:
    yield Voice(options)


@asynccontextmanager
async def open_foreign(options: Any) -> AsyncIterator[ForeignRecogniser]:
    yield ForeignRecogniser()


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package `acme` with an entry point of that name."""
    about = tmp_path / "acme-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[callapi.speech]\nacme = acme_speech\nmute = acme_mute\n")
    module = ModuleType("acme_speech")
    module.open_speaker, module.open_recogniser = open_voice, open_foreign  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "acme_speech", module)
    monkeypatch.setitem(sys.modules, "acme_mute", ModuleType("acme_mute"))
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("acme")
async def test_an_engine_is_found_by_its_name(tmp_path: Path) -> None:
    """Both kinds, with the options of the configuration."""
    settings = SpeechSettings(engine="acme", recogniser="acme", options={"level": 7})
    async with open_speaker(settings, tmp_path) as speaker, open_recogniser(settings) as recogniser:
        [prompt] = [each async for each in speaker.speak(Utterance("abc"), print)]
        assert (len(prompt.samples), prompt.samples[0]) == (2400, 7)
        assert recogniser is not None
        said = await recogniser.recognise(prompt.samples, 8000, None, ())
        assert said.text == "2400 at 8000"


@pytest.mark.usefixtures("acme")
async def test_an_entry_point_without_that_kind(tmp_path: Path) -> None:
    """The error says what is missing."""
    with pytest.raises(EngineFailed, match="open_speaker"):
        async with open_speaker(SpeechSettings(engine="mute"), tmp_path):
            pass


@pytest.mark.usefixtures("acme")
def test_the_configuration_names_what_there_is(tmp_path: Path) -> None:
    """An unknown engine is refused with the names of those that are installed."""
    path = tmp_path / "callapi.toml"
    path.write_text('[speech]\nengine = "nothing"\n')
    with pytest.raises(SettingsError, match="piper, espeak-ng, none, acme, mute"):
        load_settings(path, {})
    assert Settings().speech.engine == "piper"
