"""Lines and columns of a text, counted from 1 as editors do, in characters."""

import re
from bisect import bisect_right
from typing import TypeAlias

Place: TypeAlias = tuple[int, int]
"""Line and column."""

# What ends a line for an XML parser (XML 1.0 §2.11); `str.splitlines` knows more.
_LINE_END = re.compile(r"\r\n|\r|\n")


class Places:
    """Offsets of a text as places, and back."""

    def __init__(self, text: str) -> None:
        self._length = len(text)
        self._starts = [0, *(match.end() for match in _LINE_END.finditer(text))]

    @property
    def end(self) -> Place:
        """The place after the last character."""
        return self.of(self._length)

    def of(self, offset: int) -> Place:
        """Line and column of `offset`."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def offset(self, place: Place) -> int:
        """The reverse of `of`."""
        line, column = place
        return self._starts[line - 1] + column - 1
