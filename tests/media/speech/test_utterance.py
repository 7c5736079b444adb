"""The pieces that a text is said in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callapi.media.speech.utterance import MAX_PIECE, sentences


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        ("   ", []),
        ("Hello", ["Hello"]),
        ("Hello. You there?  Yes!", ["Hello.", "You there?", "Yes!"]),
        ("Ask Dr. Smith. He knows.", ["Ask Dr. Smith.", "He knows."]),
        ("Call J. R. Ewing now.", ["Call J. R. Ewing now."]),
        ("It is 3.5 percent.", ["It is 3.5 percent."]),
        ('He said "go." Then he went.', ['He said "go."', "Then he went."]),
        ("Wait... what?", ["Wait...", "what?"]),
        ("Zimmer bzw. Haus. Ende.", ["Zimmer bzw. Haus.", "Ende."]),
        ("你好。再见。", ["你好。", "再见。"]),
        ("no end", ["no end"]),
    ],
)
def test_sentences(text: str, pieces: list[str]) -> None:
    assert sentences(text) == pieces


def test_a_long_sentence_is_cut_at_commas_and_then_at_gaps() -> None:
    by_comma = ", ".join(["a phrase of some words"] * 30) + "."
    parts = sentences(by_comma)
    assert len(parts) > 1
    assert all(part.endswith((",", ".")) for part in parts)
    assert all(len(part) <= MAX_PIECE for part in sentences("word " * 500))
    assert all(len(part) <= MAX_PIECE for part in sentences("x" * 5000))


@given(st.text(alphabet=st.sampled_from("ab .,!?;:。\n\"')1"), max_size=2000))
def test_nothing_is_lost_and_nothing_is_too_long(text: str) -> None:
    parts = sentences(text)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(0 < len(part) <= MAX_PIECE for part in parts)
