"""JSON-like values as XML: objects become elements, lists become repeated elements, everything else text."""

import re
from collections.abc import Iterable, Mapping
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from callapi.api.responses.representations import camel_case
from callapi.store import Json

# XML 1.0 §2.2: what no document may contain, escaped or not.
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_NAME: Final = re.compile(r"[^A-Za-z0-9_.-]")


def document(root: str, content: Iterable[str]) -> str:
    """A whole document around elements."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}>{"".join(content)}</{root}>'


def element(name: str, value: Json, attributes: Mapping[str, Json] | None = None) -> str:
    """One element; `None` within attributes is left out."""
    written = "".join(
        f" {key}={quoteattr(_text(each))}" for key, each in (attributes or {}).items() if each is not None
    )
    content = _content(value)
    return f"<{name}{written}>{content}</{name}>" if content else f"<{name}{written}/>"


def _content(value: Json) -> str:
    if isinstance(value, Mapping):
        return "".join(element(_name(key), each) for key, each in value.items())
    if isinstance(value, list | tuple):
        return "".join(element("Item", each) for each in value)
    return escape(_text(value))


def _name(key: str) -> str:
    """A key as the name of an element; those of events may be anything (`call_id`, `200`), capitals stay."""
    name = _NOT_NAME.sub("_", key if key[:1].isupper() else camel_case(key))
    return name if name[:1].isalpha() else f"_{name}"


def _text(value: Json) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", str(value))
