"""Which voice speaks: the table of the reference's words, and what an unknown one gets."""

import pytest

from callapi.media.speech.voices import Catalogue, Engine, Gender, Voice, gender_of

JOE = Voice("joe", Engine.PIPER, "en-us", "/joe.onnx", Gender.MAN)
EVA = Voice("woman-de", Engine.PIPER, "de-de", "/eva.onnx", Gender.WOMAN)
LANGUAGES = frozenset({"en-us", "en-gb", "en", "fr", "de", "es", "es-419", "pt", "pt-br", "cmn", "nb", "it"})
BOTH = Catalogue([JOE], LANGUAGES, "en-US")


@pytest.mark.parametrize(
    ("voice", "language", "source"),
    [
        (None, None, "/joe.onnx"),
        ("man", None, "/joe.onnx"),
        ("Man", "en", "/joe.onnx"),
        ("joe", "en-US", "/joe.onnx"),
        (None, "en-GB", "/joe.onnx"),
        ("woman", None, "en-us+f2"),
        ("alice", "en-GB", "en-gb+f2"),
        ("woman", "fr", "fr+f2"),
        ("man", "fr-FR", "fr"),
        (None, "fr-CA", "fr"),
        (None, "de-DE", "de"),
        (None, "de_AT", "de"),
        (None, "es-MX", "es"),
        (None, "es-ES", "es"),
        (None, "es-419", "es-419"),
        (None, "pt-BR", "pt-br"),
        (None, "zh-CN", "cmn"),
        (None, "zh-SG", "cmn"),
        (None, "no-NO", "nb"),
        (None, "bf", "fr"),
    ],
)
def test_the_words_of_the_reference(voice: str | None, language: str | None, source: str) -> None:
    choice = BOTH.choose(voice, language)
    assert choice is not None
    assert (choice.voice.source, choice.warning) == (source, None)


@pytest.mark.parametrize(
    ("voice", "language", "source", "warning"),
    [
        ("Polly.Joanna", None, "/joe.onnx", "'Polly.Joanna' is unknown; joe"),
        ("Google.de-DE-Neural2-B", "de-DE", "de", "is unknown; espeak-ng de"),
        ("joe", "fr", "fr", "'joe' does not speak this language"),
        (None, "xx", "/joe.onnx", "no voice speaks xx; joe (en-us) does"),
        ("woman", "tlh-Latn", "en-us+f2", "no voice speaks tlh-Latn"),
    ],
)
def test_what_cannot_be_met_is_said(
    voice: str | None, language: str | None, source: str, warning: str
) -> None:
    choice = BOTH.choose(voice, language)
    assert choice is not None
    assert choice.voice.source == source
    assert warning in (choice.warning or "")


def test_a_configured_voice_is_found_by_its_name_and_by_what_it_is() -> None:
    here = Catalogue([EVA, JOE], LANGUAGES, "de-DE")
    for voice, language in [
        ("woman-de", None),
        ("woman", "de"),
        ("alice", None),
        (None, None),
        (None, "de-CH"),
    ]:
        choice = here.choose(voice, language)
        assert choice is not None
        assert choice.voice is EVA, (voice, language)
        assert choice.warning is None
    man = here.choose("man", "de")
    assert man is not None
    assert man.voice.source == "de"


def test_with_one_engine_alone() -> None:
    small = Catalogue([], LANGUAGES, "en-US").choose(None, None)
    assert small is not None
    assert small.voice.source == "en-us"
    neural = Catalogue([JOE], frozenset(), "en-US").choose("woman", "fr")
    assert neural is not None
    assert neural.voice is JOE
    assert neural.warning
    assert Catalogue([], frozenset(), "en-US").choose(None, None) is None
    assert Catalogue([], frozenset(), "en-US").is_empty


def test_espeak_is_the_fallback_of_piper_and_has_none() -> None:
    stand_in = BOTH.fallback(JOE)
    assert stand_in is not None
    assert stand_in.source == "en-us"
    assert BOTH.fallback(stand_in) is None


@pytest.mark.parametrize(
    ("name", "gender"),
    [("man", Gender.MAN), ("Woman-fr", Gender.WOMAN), ("alice", Gender.WOMAN), ("anna", None)],
)
def test_a_configured_name_may_say_its_gender(name: str, gender: Gender | None) -> None:
    assert gender_of(name) is gender
