"""Documents as found in the wild, made well-formed: bare `&`, typographic quotes, space or another before `<?xml`.

A text is repaired only after the XML parser has refused it: a repair can only turn an error into a document.
Lines stay lines, and `Repaired.original` gives back the columns of the text as written.
"""

import re
from bisect import bisect_left
from collections.abc import Mapping

from msgspec import Struct

from callapi.rcml.errors import NOT_XML
from callapi.rcml.findings import Finding
from callapi.rcml.places import Place, Places

# Comments, CDATA and processing instructions, closed or not, are left as they are.
_OPAQUE = r"<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<\?.*?(?:\?>|\Z)"
_REFERENCE = r"(?:[A-Za-z_:][\w:.-]*|\#[0-9]+|\#x[0-9A-Fa-f]+);"
_BARE_AMPERSAND = re.compile(rf"{_OPAQUE}|(?P<bare>&(?!{_REFERENCE}))", re.DOTALL)

_DOUBLE, _SINGLE = "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033", "\u2018\u2019\u201a\u201b\u2039\u203a\u2032"
_STRAIGHT_VALUE = r""""[^"<]*"|'[^'<]*'"""
_CURLY_VALUE = rf"""[{_DOUBLE}][^{_DOUBLE}"<]*[{_DOUBLE}"]|[{_SINGLE}][^{_SINGLE}'<]*[{_SINGLE}']"""
# No alternative begins with what another may, and none crosses a `<`: a tag is read once, whatever it holds.
_TAG = re.compile(
    rf"{_OPAQUE}|(?P<tag><[A-Za-z_](?:{_STRAIGHT_VALUE}|{_CURLY_VALUE}|[^<>\"'{_DOUBLE}{_SINGLE}])*+>)",
    re.DOTALL,
)
_VALUE = re.compile(rf"{_STRAIGHT_VALUE}|(?P<curly>{_CURLY_VALUE})")
_LATE_DECLARATION = re.compile(r"(\s++|\s*+<\?xml\s[^<>]*\?>\s*+)(<\?xml\s[^<>]*\?>)")


class Repaired(Struct, frozen=True):
    """A text that was repaired."""

    text: str
    warnings: tuple[Finding, ...]
    ampersands: Mapping[int, list[int]]
    """Line -> columns where an `&amp;` stands that was a mere `&`."""

    def original(self, place: Place) -> Place:
        """Where in the original text that place of the repaired text was."""
        line, column = place
        return line, column - 4 * bisect_left(self.ampersands.get(line, ()), column)


def repair(text: str) -> Repaired | None:
    """`text` with everything repaired that can be; None: there is nothing to repair."""
    repairer = _Repairer(text)
    return repairer.result() if repairer.warnings else None


class _Repairer:
    """Each step changes `text`; only the last one changes its length."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.warnings: list[Finding] = []
        self._places = Places(text)
        self._ampersands: dict[int, list[int]] = {}
        self._blank_late_declaration()
        if any(quote in text for quote in _DOUBLE + _SINGLE):
            self.text = _TAG.sub(self._straighten, self.text)
        self.text = _BARE_AMPERSAND.sub(self._escape, self.text)

    def result(self) -> Repaired:
        return Repaired(self.text, tuple(self.warnings), self._ampersands)

    def _warn(self, offset: int, message: str) -> None:
        self.warnings.append(Finding(NOT_XML, message, *self._places.of(offset)))

    def _blank_late_declaration(self) -> None:
        late = _LATE_DECLARATION.match(self.text)
        if late is not None:
            self._warn(late.start(2), "an XML declaration must be the very first thing; it is overlooked")
            self.text = late[1] + re.sub(r"[^\r\n]", " ", late[2]) + self.text[late.end() :]

    def _straighten(self, tag: re.Match[str]) -> str:
        def straight(value: re.Match[str]) -> str:
            if value["curly"] is None:
                return value[0]
            self._warn(tag.start() + value.start(), "typographic quotes around an attribute value")
            quote = '"' if value[0][0] in _DOUBLE else "'"
            return f"{quote}{value[0][1:-1]}{quote}"

        return tag[0] if tag["tag"] is None else _VALUE.sub(straight, tag[0])

    def _escape(self, match: re.Match[str]) -> str:
        if match["bare"] is None:
            return match[0]
        line, column = self._places.of(match.start())
        earlier = self._ampersands.setdefault(line, [])
        earlier.append(column + 4 * len(earlier))
        self._warn(match.start(), "a bare &, which must be written &amp;")
        return "&amp;"
