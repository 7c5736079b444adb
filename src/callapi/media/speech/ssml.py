"""SSML for an engine without SSML: spelling, substitutes and breaks are kept, other markup is dropped.

Input is the inside of `<speak>` as RCML wrote it, so it is XML without entities or declarations.
"""

import re
from collections.abc import Iterator
from typing import Final
from xml.etree import ElementTree as Tree

from callapi.media.speech.utterance import sentences

Piece = str | float
"""Text to speak, or seconds of silence."""

MAX_BREAK_S: Final = 10.0
_STRENGTHS: Final = {"none": 0.0, "x-weak": 0.1, "weak": 0.25, "medium": 0.5, "strong": 1.0, "x-strong": 1.5}
_SPELLED: Final = frozenset({"digits", "characters", "spell-out", "telephone"})
_TIME: Final = re.compile(r"\+?(\d+(?:\.\d+)?)(ms|s)")
_PARAGRAPH_S: Final = 0.5
_AMAZON: Final = "https://amazon.com/ssml"


def pieces(markup: str) -> list[Piece] | None:
    """`markup` as sentences and silences; None if it cannot be read."""
    try:
        root = Tree.fromstring(f'<speak xmlns:amazon="{_AMAZON}">{markup}</speak>')  # noqa: S314 - written by RCML, no entities
    except Tree.ParseError:
        return None
    found: list[Piece] = []
    text: list[str] = []

    def flush() -> None:
        found.extend(sentences("".join(text)))
        text.clear()

    for part in _walk(root):
        if isinstance(part, str):
            text.append(part)
        else:
            flush()
            if part > 0:
                found.append(part)
    flush()
    return found


def _walk(element: Tree.Element) -> Iterator[Piece]:
    """Text as it comes; a number where the sentence ends, with so many seconds of silence after it."""
    match element.tag:
        case "break":
            yield _break(element)
        case "sub" if "alias" in element.attrib:
            yield element.attrib["alias"]
        case "say-as" if element.get("interpret-as", "") in _SPELLED:
            yield " " + " ".join("".join(element.itertext()).replace(" ", "")) + " "
        case tag:
            yield from _content(element)
            if tag in {"p", "s"}:
                yield _PARAGRAPH_S if tag == "p" else 0.0


def _content(element: Tree.Element) -> Iterator[Piece]:
    yield element.text or ""
    for child in element:
        yield from _walk(child)
        yield child.tail or ""


def _break(element: Tree.Element) -> float:
    if (time := _TIME.fullmatch(element.get("time", ""))) is not None:
        seconds = float(time[1]) / (1000 if time[2] == "ms" else 1)
        return min(seconds, MAX_BREAK_S)
    return _STRENGTHS.get(element.get("strength", "medium"), _STRENGTHS["medium"])
