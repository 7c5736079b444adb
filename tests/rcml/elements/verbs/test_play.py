"""`<Play>`."""

import pytest

from callapi.rcml import Play
from tests.rcml.documents import document, only, refusal


def test_a_url() -> None:
    assert only("<Play>\n https://example.com/a.mp3 </Play>") == Play("https://example.com/a.mp3", loop=1)


@pytest.mark.parametrize("loop", [0, 1, 1000])
def test_loop(loop: int) -> None:
    assert only(f'<Play loop="{loop}">a.wav</Play>') == Play("a.wav", loop)


def test_a_bad_loop() -> None:
    assert refusal('<Play loop="-1">a.wav</Play>').specific_code == 13410


def test_digits() -> None:
    assert only('<Play digits="wwww3#"/>') == Play(digits="wwww3#")


def test_bad_digits() -> None:
    assert "at most 255 of 0-9 A-D * # w W" in refusal('<Play digits="1-2"/>').message


def test_digits_take_the_place_of_a_url() -> None:
    read = document('<Play digits="1">a.wav</Play>')
    assert read.verbs == (Play(digits="1"),)
    assert "the URL is overlooked" in read.warnings[0].message


def test_nothing_to_play_is_no_error() -> None:
    read = document("<Play/>")
    assert read.verbs == (Play(),)
    assert "nothing to play" in read.warnings[0].message


def test_what_is_nested_is_overlooked_unless_it_is_a_word_of_the_language() -> None:
    assert "unknown element <Url>" in document("<Play>a.wav<Url/></Play>").warnings[0].message
    assert refusal("<Play><Say>x</Say></Play>").code == 12200
