"""What many header fields are made of: lists, parameters, quoted strings (RFC 3261 §7.3.1, §25.1)."""

from __future__ import annotations

import re
from operator import methodcaller
from typing import cast

from callapi.sip.errors import ParseError
from callapi.sip.messages.header_names import TOKEN

Parameters = tuple[tuple[str, str | None], ...]
"""Header parameters in order: name as spelt, value as written (a quoted string keeps its quotes)."""

QUOTED = r'"(?:[^"\\]|\\.)*+"'
"""A quoted-string, as part of an expression."""
_PLAIN_VALUE = r'[^;,"<>\x00-\x20\x7f]++'
_VALUE = rf"(?:{QUOTED}|{_PLAIN_VALUE})"
_PARAMETER = re.compile(rf"\s*+;\s*+({TOKEN}++)(?:\s*+=\s*+({_VALUE}))?\s*+", re.DOTALL)
_PLAIN_PARAMETERS = re.compile(rf"(?:;{TOKEN}++(?:={_PLAIN_VALUE})?)++")
_SPLIT = methodcaller("partition", "=")
_LIST_ITEM = re.compile(rf"(?:[^\",<]++|{QUOTED}|<[^>]*+>)*+", re.DOTALL)
_ESCAPED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_UNQUOTED_VALUE = re.compile(rf"(?:{TOKEN}|[\[\]:])++")


def split_list(text: str) -> list[str]:
    """The items of a comma-separated header value, stripped; commas in quotes or brackets do not separate.

    Raises ParseError for an empty item or an unbalanced quote or bracket.
    """
    if "," not in text:
        return [text.strip()]
    items: list[str] = []
    start = 0
    while True:
        match = cast("re.Match[str]", _LIST_ITEM.match(text, start))  # may be empty, so it always matches
        item, end = match[0].strip(), match.end()
        if not item or (end < len(text) and text[end] != ","):
            raise ParseError(f"not a list: {text[:80]!r}")
        items.append(item)
        if end == len(text):
            return items
        start = end + 1


def parse_parameters(text: str) -> Parameters:
    """Read `;name=value;name...` up to the end of the text. Raises ParseError."""
    if _PLAIN_PARAMETERS.fullmatch(text):
        parts = map(_SPLIT, text[1:].split(";"))
        return tuple([(name, value if equals else None) for name, equals, value in parts])
    parameters: list[tuple[str, str | None]] = []
    position = 0
    while position < len(text):
        match = _PARAMETER.match(text, position)
        if match is None:
            if not text[position:].strip():
                break
            raise ParseError(f"not a parameter: {text[position : position + 80]!r}")
        parameters.append((match[1], match[2]))
        position = match.end()
    return tuple(parameters)


def find_parameter(parameters: Parameters, name: str) -> str | None:
    """A header parameter's value, unquoted; `name` in lower case."""
    for key, value in parameters:
        if key == name or key.lower() == name:
            return unquote(value) if value and value[0] == '"' else value
    return None


def format_parameters(parameters: Parameters) -> str:
    """Write parameters as `parse_parameters` reads them."""
    return "".join([f";{name}" if value is None else f";{name}={value}" for name, value in parameters])


def quote(text: str) -> str:
    """A quoted-string (RFC 3261 §25.1)."""
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def unquote(text: str) -> str:
    """The content of a quoted-string."""
    inner = text[1:-1]
    return _ESCAPED_PAIR.sub(r"\1", inner) if "\\" in inner else inner


def quote_if_needed(value: str) -> str:
    """A parameter's value as it is written: quoted unless it is a token or a host."""
    return value if _UNQUOTED_VALUE.fullmatch(value) else quote(value)
