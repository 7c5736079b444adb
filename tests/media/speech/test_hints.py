"""Hints decide between what sounds alike."""

import pytest

from callapi.media.speech.hints import MAX_HINTS, fitted, hints_of


@pytest.mark.parametrize(
    ("text", "hints", "result"),
    [
        ("Yes.", "yes, no", "yes"),
        ("Yeah!", "yes,no", "yes"),
        ("Nope.", "yes,no", "no"),
        ("No, thank you.", "yes,no", "no"),
        ("Maybe later.", "yes,no", "Maybe later."),
        ("Yeah!", "", "Yeah!"),
        ("One.", "1,2,3", "1"),
        ("to", "1,2,3", "2"),
        ("1", "one,two", "one"),
        ("4 7 1 1", "4711,4712", "4711"),
        ("four seven one one", "4711,4712", "4711"),
        ("Sails", "sales,service", "sales"),
        ("accounting.", "Accounting, Billing", "Accounting"),
        ("Something else entirely", "sales,service", "Something else entirely"),
        ("...", "yes,no", "..."),
        ("", "yes", ""),
    ],
)
def test_fitted(text: str, hints: str, result: str) -> None:
    assert fitted(text, hints_of(hints)) == result


def test_hints_are_bounded_and_classes_left_out() -> None:
    assert hints_of(None) == ()
    assert hints_of(" yes , ,no,$OOV_CLASS_DIGIT_SEQUENCE") == ("yes", "no")
    assert len(hints_of(",".join(map(str, range(500))))) == MAX_HINTS
