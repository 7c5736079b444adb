"""Addresses as templates and clipboards leave them: invisible characters, `Name <sip:…>`, references escaped twice.

None of it can be part of an address, so that reading on loses nothing. Each repair is a warning.
"""

import re

from callapi.rcml.tree import ElementNode

# Soft hyphen, zero-width and direction marks, word joiner, byte order mark: clipboards add them to numbers and links.
_MARKS = "\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
_INVISIBLE = re.compile(f"[{_MARKS}\u00a0]+")
_ENDS = re.compile(rf"^[{_MARKS}\s]+|[{_MARKS}\s]+$")
_NAMED = re.compile(r'(?:"[^"<>]*+"\s*+|[^"<>]*+)<\s*+((?:sips?|tel):[^<>\s]++)\s*+>', re.IGNORECASE)


def read_target(node: ElementNode, text: str) -> str:
    """`text` as the address of a party: a SIP URI, a user or a number."""
    text = without_invisible(node, text)
    if (named := _NAMED.fullmatch(text)) is not None:
        text = named[1]
        node.warn(f"<{node.name}> holds a name and a URI in brackets: the URI is called, the name is ignored")
    if "&amp;" in text:
        text = text.replace("&amp;", "&")
        node.warn(f"&amp; on <{node.name}> was escaped twice, and is read as &")
    return text


def without_invisible(node: ElementNode, text: str, *, attribute: str | None = None) -> str:
    """`text` without the characters that cannot be seen, wherever they stand."""
    cleaned = text if text.isascii() else _INVISIBLE.sub("", text).strip()
    return _warned(node, text, cleaned, attribute)


def read_url_text(node: ElementNode) -> str:
    """The text of an element that is a URL, without invisible characters at its ends."""
    text = node.text
    return _warned(node, text, text if text.isascii() else _ENDS.sub("", text), None)


def _warned(node: ElementNode, text: str, cleaned: str, attribute: str | None) -> str:
    if cleaned != text:
        where = f"{attribute} on <{node.name}>" if attribute else f"the text of <{node.name}>"
        node.warn(f"{where} has characters that cannot be seen; they are ignored", attribute=attribute)
    return cleaned
