"""SSML for an engine that has none."""

import pytest

from callapi.media.speech.ssml import Piece, pieces


@pytest.mark.parametrize(
    ("markup", "said"),
    [
        ("Hello. World.", ["Hello.", "World."]),
        ('Your code is <say-as interpret-as="digits">4711</say-as>.', ["Your code is 4 7 1 1 ."]),
        ('<say-as interpret-as="spell-out">ABC</say-as>', ["A B C"]),
        ('<say-as interpret-as="date">1 May</say-as>', ["1 May"]),
        ('The <sub alias="World Wide Web">WWW</sub> is big.', ["The World Wide Web is big."]),
        ('One<break time="500ms"/>two', ["One", 0.5, "two"]),
        ('One<break time="2s"/>two', ["One", 2.0, "two"]),
        ('One<break time="99s"/>two', ["One", 10.0, "two"]),
        ('One<break strength="strong"/>two', ["One", 1.0, "two"]),
        ('One<break strength="none"/>two', ["One", "two"]),
        ("One<break/>two", ["One", 0.5, "two"]),
        ("<s>One</s><s>two</s>", ["One", "two"]),
        ("<p>One</p><p>two</p>", ["One", 0.5, "two", 0.5]),
        ('<emphasis level="strong">No</emphasis> way', ["No way"]),
        ('<amazon:effect name="whispered">psst</amazon:effect>', ["psst"]),
        ('<lang xml:lang="fr-FR">oui</lang> &amp; non', ["oui & non"]),
        ("", []),
    ],
)
def test_what_is_kept(markup: str, said: list[Piece]) -> None:
    assert pieces(markup) == said


@pytest.mark.parametrize("markup", ["<p>", "a < b", '<w x:role="y">z</w>', "&nbsp;"])
def test_what_cannot_be_read_is_none(markup: str) -> None:
    assert pieces(markup) is None
