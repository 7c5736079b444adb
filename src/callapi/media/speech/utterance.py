"""Text to speak, cut into sentences: a long text is heard before all of it is synthesised."""

import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

MAX_PIECE: Final = 240
"""Characters beyond which a sentence is cut at a comma or a gap: the first sound waits for no more than that."""

_ABBREVIATION: Final = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|st|no|nr|vs|etc|approx|dept|inc|ltd|z\.b|d\.h|bzw|ca|m|mme)|\b[a-z])\.$",
    re.IGNORECASE,
)
_END: Final = re.compile(r"(?<=[.!?…])[\"')\]»”’]*\s+|(?<=[。！？])")  # noqa: RUF001
_CUT: Final = re.compile(r"(?<=[,;:–—])\s+|(?<=[，、；：])")  # noqa: RUF001


class Utterance(Struct, frozen=True):
    """One `<Say>`: its `text` without markup, and with it (`markup`, the inside of `<speak>`), if it has any.

    `voice` and `language` are as the application wrote them; None: the node's.
    """

    text: str
    markup: str | None = None
    voice: str | None = None
    language: str | None = None


def sentences(text: str) -> list[str]:
    """`text` in the pieces that are synthesised one after another; nothing of it is lost but white space."""
    found: list[str] = []
    rest = " ".join(text.split())
    begin = 0
    for end in _END.finditer(rest):
        piece = rest[begin : end.end()].strip()
        if _ABBREVIATION.search(piece):
            continue
        found.append(piece)
        begin = end.end()
    found.append(rest[begin:].strip())
    return [part for sentence in found if sentence for part in _parts(sentence)]


def _parts(sentence: str) -> Iterator[str]:
    """`sentence` in parts of at most MAX_PIECE characters."""
    part = ""
    for phrase in _phrases(sentence):
        if part and len(part) + len(phrase) >= MAX_PIECE:
            yield part
            part = ""
        part = f"{part} {phrase}" if part else phrase
    if part:
        yield part


def _phrases(sentence: str) -> Iterator[str]:
    if len(sentence) <= MAX_PIECE:
        yield sentence
        return
    for phrase in _CUT.split(sentence):
        if len(phrase) <= MAX_PIECE:
            yield phrase
        else:
            yield from _words(phrase)


def _words(phrase: str) -> Iterator[str]:
    """Words, and a word without end (a language without gaps, or nonsense) in slices."""
    for word in phrase.split():
        for begin in range(0, len(word), MAX_PIECE):
            yield word[begin : begin + MAX_PIECE]
