"""Which voice speaks: the words of the reference (`man`, `woman`, language codes) mapped to voices of the engines.

The language decides before the voice: a voice speaks no language but its own. A neural voice speaks every accent of
its language rather than leave it to a lesser engine; what no such voice speaks is espeak-ng's.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct


class Gender(StrEnum):
    """What `man` and `woman` ask for."""

    MAN = "man"
    WOMAN = "woman"


class Engine(StrEnum):
    """The engines, as `speech.engine` and the program name them."""

    PIPER = "piper"
    ESPEAK_NG = "espeak-ng"


_WORDS: Final[Mapping[str, Gender]] = {"man": Gender.MAN, "woman": Gender.WOMAN, "alice": Gender.WOMAN}
_FEMALE_VARIANT: Final = "+f2"
_RENAMED: Final[Mapping[str, str]] = {
    "arb": "ar",
    "bf": "fr",  # the ancestor's codes of Belgian French and of Canadian French
    "cf": "fr",
    "da-dk": "da",
    "en-uk": "en-gb",
    "iw": "he",
    "no-no": "nb",
    "nb-no": "nb",
    "zh-cn": "cmn",
    "zh-tw": "cmn",
    "zh-hk": "yue",
    "zh": "cmn",
}
"""Codes that applications write and espeak-ng knows by another name."""


class Voice(Struct, frozen=True):
    """One voice that can speak. `source`: the path of a piper model, or espeak-ng's own name of the voice."""

    name: str
    engine: Engine
    language: str
    source: str
    gender: Gender | None = None

    @property
    def primary(self) -> str:
        """Its language without the accent."""
        return self.language.partition("-")[0]


class Choice(Struct, frozen=True):
    """The voice that speaks, and a warning if it differs from what was asked for."""

    voice: Voice
    warning: str | None = None


class Catalogue:
    """The voices of the node. `models` are piper's, in the order of preference; `languages` those of espeak-ng."""

    def __init__(self, models: Sequence[Voice], languages: frozenset[str], default_language: str) -> None:
        self._models = tuple(models)
        self._by_name = {each.name.lower(): each for each in models}
        self._languages = languages
        self._default = _tag(default_language)

    @property
    def is_empty(self) -> bool:
        """Whether no voice is installed."""
        return not self._models and not self._languages

    def choose(self, voice: str | None, language: str | None) -> Choice | None:
        """The voice for `voice` and `language`, as written in the document; None if no voice is installed."""
        wanted = _tag(language) if language else None
        name = (voice or "").lower()
        named = self._by_name.get(name)
        if named is not None and wanted in {None, named.language, named.primary}:
            return Choice(named)
        gender = named.gender if named else _WORDS.get(name)
        found = self._find(wanted or self._default, gender)
        if found is not None:
            is_known = not name or (named is None and name in _WORDS)
            return Choice(found, None if is_known else self._warning_of(found, voice or ""))
        found = self._find(self._default, gender) or next(iter(self._models), None)
        if found is None:
            return None
        return Choice(
            found, f"no voice speaks {language or self._default}; {found.name} ({found.language}) does"
        )

    def fallback(self, voice: Voice) -> Voice | None:
        """The voice that replaces `voice` when its engine fails."""
        return self._espeak(voice.language, voice.gender) if voice.engine is Engine.PIPER else None

    def _warning_of(self, found: Voice, voice: str) -> str | None:
        if found.name.lower() == voice.lower():
            return None
        what = "does not speak this language" if voice.lower() in self._by_name else "is unknown"
        return f"the voice {voice!r} {what}; {found.name} ({found.language}) speaks"

    def _find(self, language: str, gender: Gender | None) -> Voice | None:
        fitting = [each for each in self._models if gender is None or each.gender in {gender, None}]
        for model in fitting:
            if model.language == language:
                return model
        primary = language.partition("-")[0]
        for model in fitting:
            if model.primary == primary:
                return model
        return self._espeak(language, gender)

    def _espeak(self, language: str, gender: Gender | None) -> Voice | None:
        primary = language.partition("-")[0]
        for tag in (_RENAMED.get(language, language), primary, _RENAMED.get(primary, primary)):
            if tag in self._languages:
                source = tag + (_FEMALE_VARIANT if gender is Gender.WOMAN else "")
                return Voice(f"espeak-ng {source}", Engine.ESPEAK_NG, tag, source, gender)
        return None


def gender_of(name: str) -> Gender | None:
    """What a configured name says of its voice: `man`, `woman`, or one of these with an ending (`woman-de`)."""
    return _WORDS.get(name.lower().partition("-")[0])


def _tag(language: str) -> str:
    return language.strip().lower().replace("_", "-")
