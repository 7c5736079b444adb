"""Hints: what the application expects to hear decides between what sounds alike, and gives the spelling."""

import re
from difflib import SequenceMatcher
from typing import Final

LIKENESS: Final = 0.8
"""How like a hint something must be to be taken for it (1: the same)."""
MAX_HINTS: Final = 100
_NUMBERS: Final = {
    word: str(number)
    for number, words in enumerate(
        (
            "zero oh",
            "one",
            "two to too",
            "three",
            "four for",
            "five",
            "six",
            "seven",
            "eight ate",
            "nine",
            "ten",
        )
    )
    for word in words.split()
}
_YES: Final = frozenset({"yes", "yeah", "yep", "yup", "yes please", "sure", "ok", "okay", "yea"})
_NO: Final = frozenset({"no", "nope", "nah", "no thanks", "no thank you"})
_WORD: Final = re.compile(r"[^\W_]+(?:'[^\W_]+)?")


def hints_of(text: str | None) -> tuple[str, ...]:
    """The words of a `hints` attribute; classes such as `$OOV_CLASS_DIGIT_SEQUENCE` are ignored."""
    words = (each.strip() for each in (text or "").split(","))
    return tuple(each for each in words if each and not each.startswith("$"))[:MAX_HINTS]


def fitted(text: str, hints: tuple[str, ...]) -> str:
    """`text`, or the hint that it stands for."""
    heard = _plain(text)
    if not heard:
        return text
    plain = {_plain(hint): hint for hint in reversed(hints)}
    for form in (heard, _digits(heard), *_synonyms(heard)):
        if form in plain:
            return plain[form]
    if (by_number := {_digits(each): hint for each, hint in plain.items()}.get(_digits(heard))) is not None:
        return by_number
    likeness, best = max(
        ((SequenceMatcher(None, heard, each).ratio(), hint) for each, hint in plain.items()),
        default=(0.0, text),
    )
    return best if likeness >= LIKENESS else text


def _plain(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))


def _digits(plain: str) -> str:
    """`press one two` is `press12`: numbers as digits, without gaps."""
    return "".join(_NUMBERS.get(word, word) for word in plain.split())


def _synonyms(plain: str) -> tuple[str, ...]:
    if plain in _YES:
        return ("yes",)
    return ("no",) if plain in _NO else ()
