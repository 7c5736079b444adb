"""`<Say>`."""

import pytest

from callapi.rcml import Say
from tests.rcml.documents import document, only, refusal


def say(inside: str, attributes: str = "") -> Say:
    verb = only(f"<Say {attributes}>{inside}</Say>")
    assert isinstance(verb, Say)
    return verb


def test_defaults() -> None:
    assert say("Hello") == Say("Hello", markup=None, voice=None, language=None, loop=1)


def test_space_is_trimmed_and_joined() -> None:
    assert say("\n   Good\n   morning &amp; welcome \n").text == "Good morning & welcome"


def test_character_data_and_comments() -> None:
    assert say("a <![CDATA[<b> & c]]><!-- not said --> d").text == "a <b> & c d"


# voice, language.
@pytest.mark.parametrize("voice", ["man", "woman", "alice", "Polly.Joanna-Neural"])
def test_voice_is_up_to_the_speech_engine(voice: str) -> None:
    assert say("x", f'voice="{voice}"').voice == voice


@pytest.mark.parametrize("language", ["en", "en-GB", "zh-Hans-CN", "bf"])
def test_language(language: str) -> None:
    assert say("x", f'language="{language}"').language == language


@pytest.mark.parametrize("language", ["en_GB", "e", "English!"])
def test_a_bad_language(language: str) -> None:
    assert "a language tag such as en-GB" in refusal(f'<Say language="{language}">x</Say>').message


# loop: 0 loops until hangup.
@pytest.mark.parametrize("loop", [0, 1, 1000])
def test_loop(loop: int) -> None:
    assert say("x", f'loop="{loop}"').loop == loop


@pytest.mark.parametrize("loop", ["-1", "1001", "twice"])
def test_a_bad_loop(loop: str) -> None:
    error = refusal(f'<Say loop="{loop}">x</Say>')
    assert (error.code, error.specific_code) == (12200, 13510)


# SSML.
def test_ssml_is_kept_beside_the_mere_text() -> None:
    read = say(
        'Dial <say-as interpret-as="digits">12</say-as><break time="1s"/>&lt;now&gt; <sub alias="please">pls</sub>'
    )
    assert read.markup == (
        'Dial <say-as interpret-as="digits">12</say-as><break time="1s"/>&lt;now&gt; <sub alias="please">pls</sub>'
    )
    assert read.text == "Dial 12 <now> please"


def test_an_attribute_of_ssml_is_quoted_again() -> None:
    assert say("<sub alias='a \"b\" &lt;'>c</sub>").markup == "<sub alias='a \"b\" &lt;'>c</sub>"


def test_an_element_that_is_no_ssml_gives_way_to_its_text() -> None:
    read = document("<Say>one <blink>two <emphasis>three</emphasis></blink></Say>")
    assert read.verbs == (Say("one two three", markup="one two <emphasis>three</emphasis>"),)
    assert read.warnings[0].message.startswith("<blink> is not SSML")


def test_a_word_of_the_language_in_the_wrong_nest() -> None:
    assert refusal("<Say>one <Pause/></Say>").message == "<Pause> cannot stand inside <Say>"


def test_nothing_to_say_is_no_error() -> None:
    read = document("<Say> </Say>")
    assert read.verbs == (Say(""),)
    assert read.warnings[0].specific_code == 13520
