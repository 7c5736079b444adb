"""Typed readers of the attributes of one element: each says what it allows when it meets something else.

A reader that meets a bad value reports an error and returns the default, so that the whole document is
read. Names are case-sensitive; words that a value may be are not. Space around a value does not count, and an
attribute that is empty counts as not written: templates leave them so. (`keys` alone reads "" as a value.)
"""

import re
from enum import StrEnum
from functools import cache
from typing import TypeVar

from callapi.rcml.tree import ElementNode

Word = TypeVar("Word", bound=StrEnum)

_WHOLE = re.compile(r"([0-9]{1,9})(?:\.0{0,9})?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_TONES = re.compile(r"[0-9A-DW*#]*", re.IGNORECASE)
_KEYS = re.compile(r"[0-9*#]*")
_SEPARATORS = re.compile(r"[\s,]+")


class Method(StrEnum):
    """How a URL is asked."""

    GET = "GET"
    POST = "POST"


class Attributes:
    """The attributes of one element. Read all that the element knows, then call `finish`.

    `code` is Twilio's number for a bad value of that attribute, where it has one.
    """

    def __init__(self, node: ElementNode) -> None:
        self._node = node
        self._given = node.attributes
        self._written = {name: trimmed for name, value in self._given.items() if (trimmed := value.strip())}
        self._known: set[str] = set()

    def text(self, name: str) -> str | None:
        """Any text, trimmed; None if the attribute is not written, or empty."""
        self._known.add(name)
        return self._written.get(name)

    def secret(self, name: str, *, code: int | None = None) -> str | None:
        """Any text without control characters, to the letter: space counts.

        No message repeats it.
        """
        self._known.add(name)
        value = self._given.get(name)
        if value is not None and _CONTROL.search(value):
            message = f"{name} on <{self._node.name}>: must be text without control characters"
            self._node.error(message, code, attribute=name)
        return value

    def url(self, name: str) -> str | None:
        """A URL, absolute or relative; None if it is not written."""
        self._known.add(name)
        value = self._written.get(name)
        if value is not None and _CONTROL.search(value):
            self.refuse(name, "a URL without control characters")
        return value

    def url_or_empty(self, name: str, *, code: int | None = None) -> str | None:
        """As `url`, where empty is a value of its own: `waitUrl=""` is silence."""
        self._known.add(name)
        value = self._given.get(name)
        if value is not None and _CONTROL.search(value):
            self.refuse(name, "a URL without control characters, or nothing", code)
        return value if value is None else value.strip()

    def method(self, name: str = "method", *, code: int | None = None) -> Method:
        """GET or POST; POST if it is not written."""
        self._known.add(name)
        return self.word(name, Method.POST, code=code) if name in self._written else Method.POST

    def flag(self, name: str, *, default: bool, code: int | None = None) -> bool:
        """`true` or `false`."""
        self._known.add(name)
        value = self._written.get(name)
        if value is None:
            return default
        word = value.lower()
        if word not in {"true", "false"}:
            self.refuse(name, "true or false", code)
            return default
        return word == "true"

    def whole(self, name: str, default: int, within: tuple[int, int], *, code: int | None = None) -> int:
        """A whole number; `within` are the least and the most that it may be. `20.0` is 20."""
        self._known.add(name)
        value = self._written.get(name)
        if value is None:
            return default
        minimum, maximum = within
        match = _WHOLE.fullmatch(value)
        if match is None or not minimum <= int(match[1]) <= maximum:
            self.refuse(name, f"a whole number, {minimum} to {maximum}", code)
            return default
        return int(match[1])

    def word(self, name: str, default: Word, *, code: int | None = None) -> Word:
        """One word of the enumeration that `default` belongs to."""
        self._known.add(name)
        value = self._written.get(name)
        if value is None:
            return default
        allowed = type(default)
        for word in allowed:
            if word.lower() == value.lower():
                return word
        self.refuse(name, _one_of(allowed), code)
        return default

    def words(self, name: str, default: Word, *, code: int | None = None) -> frozenset[Word]:
        """Words of the enumeration, separated by commas, spaces or both; none named: `default` alone."""
        known, unknown = self._listed(name, default)
        if unknown:
            self.refuse(name, "any of " + ", ".join(type(default)), code)
        return known

    def events(self, name: str, default: Word) -> frozenset[Word]:
        """As `words`, of events to report: one that does not exist is left out, with a warning.

        Servers differ in the events that they know; the others are still wanted.
        """
        return self.events_if_any(name, type(default)) or frozenset({default})

    def events_if_any(self, name: str, allowed: type[Word]) -> frozenset[Word]:
        """As `events`, where naming none means none."""
        self._known.add(name)
        if name not in self._written:
            return frozenset()
        known, unknown = self._named(name, allowed)
        for each in unknown:
            message = (
                f"{each[:60]} in {name} on <{self._node.name}> is not an event, and is left out; there are "
            )
            self._node.warn(message + ", ".join(allowed), attribute=name)
        return known

    def _listed(self, name: str, default: Word) -> tuple[frozenset[Word], list[str]]:
        """The words of the enumeration that are named (`default` if none is), and what else is."""
        known, unknown = self._named(name, type(default))
        return known or frozenset({default}), unknown

    def _named(self, name: str, enumeration: type[Word]) -> tuple[frozenset[Word], list[str]]:
        self._known.add(name)
        listed = [each for each in _SEPARATORS.split(self._written.get(name, "")) if each]
        allowed = _by_lower_case(enumeration)
        known = frozenset(allowed[each.lower()] for each in listed if each.lower() in allowed)
        return known, [each for each in listed if each.lower() not in allowed]

    def tones(self, name: str, maximum: int, *, code: int | None = None) -> str | None:
        """Digits to send: 0-9 A-D * #, `w` waits half a second and `W` a whole one; at most `maximum`."""
        self._known.add(name)
        value = self._written.get(name)
        if value is None:
            return None
        if _TONES.fullmatch(value) is None or len(value) > maximum:
            self.refuse(name, f"at most {maximum} of 0-9 A-D * # w W", code)
            return None
        return re.sub("[a-d]", lambda letter: letter[0].upper(), value)

    def keys(self, name: str, default: str, *, code: int | None = None) -> str:
        """Keys of a telephone, any of which counts; empty: none, as Twilio has it."""
        self._known.add(name)
        value = self._given.get(name)
        if value is None:
            return default
        value = value.strip()
        if _KEYS.fullmatch(value) is None:
            self.refuse(name, "keys out of 0-9 * #, or nothing", code)
            return default
        return value

    def without_effect(self, *names: str) -> None:
        """Attributes of other servers that are accepted and do nothing here; each is warned of where it is written."""
        for name in names:
            if name in self._given:
                self._known.add(name)
                message = f"{name} on <{self._node.name}> is accepted, and has no effect here"
                self._node.warn(message, attribute=name)

    def refuse(self, name: str, allowed: str, code: int | None = None) -> None:
        """Report that the value of `name` is bad, and what is `allowed`."""
        written = self._given[name]
        shown = written if len(written) <= 60 else written[:60] + "..."
        message = f'{name}="{shown}" on <{self._node.name}>: must be {allowed}'
        self._node.error(message, code, attribute=name)

    def finish(self) -> None:
        """Warn of each attribute that was not read. Those with a namespace prefix are ignored."""
        for name in self._given:
            if name not in self._known and name != "xmlns" and ":" not in name:
                known = f"it knows {', '.join(sorted(self._known))}" if self._known else "it has none"
                message = f"unknown attribute {name} on <{self._node.name}>, overlooked; {known}"
                self._node.warn(message, attribute=name)


@cache
def _by_lower_case(enumeration: type[Word]) -> dict[str, Word]:
    return {word.lower(): word for word in enumeration}


def _one_of(words: type[StrEnum]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}"
