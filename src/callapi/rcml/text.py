"""Bytes of an answer to text: byte order mark, `charset` of the content type, XML declaration (RFC 7303 §3).

Only encodings that occur in practice are read. A codec is never looked up by a name from the network: some of
Python's are slow on crafted input, or not text encodings at all.
"""

import codecs
import re
from collections.abc import Iterator
from contextlib import suppress

from callapi.rcml.errors import NOT_XML, DocumentError
from callapi.rcml.places import Places

MAX_BYTES = 65_536
TOO_LARGE = 11750

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ENCODINGS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    # What calls itself UTF-16 and has no NUL at its start is not: .NET declares what its strings are inside.
    "utf-16": "utf-8",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "iso-8859-1": "iso-8859-1",
    "latin1": "iso-8859-1",
    "latin-1": "iso-8859-1",
    "iso-8859-2": "iso-8859-2",
    "iso-8859-15": "iso-8859-15",
    "windows-1250": "cp1250",
    "windows-1251": "cp1251",
    "windows-1252": "cp1252",
}
_CHARSET = re.compile(r';\s*charset\s*=\s*["\']?([^\s"\';]+)', re.IGNORECASE)
_DECLARED = re.compile(rb"""\s*<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([\w.-]{1,40})["']""")


def decode(body: bytes, content_type: str) -> str:
    """The text of `body`, without byte order mark.

    Raises:
        DocumentError: 12100, too large or not in an encoding that is read here.
    """
    if len(body) > MAX_BYTES:
        message = f"the document has {len(body)} bytes; at most {MAX_BYTES} are read"
        raise DocumentError(NOT_XML, message, 1, 1, specific_code=TOO_LARGE)
    *hints, last = _candidates(body, content_type)
    for encoding in hints:
        with suppress(UnicodeDecodeError):
            return body.decode(encoding)
    try:
        return body.decode(last).removeprefix("\ufeff")
    except UnicodeDecodeError as failure:
        place = Places(body[: failure.start].decode(last)).end
        message = f"the text is not {last.upper()} ({failure.reason}); send UTF-8, or name the encoding"
        raise DocumentError(NOT_XML, message, *place) from failure


def _candidates(body: bytes, content_type: str) -> Iterator[str]:
    """The encodings to try, the most authoritative first."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if body.startswith(mark):
            yield encoding
            return
    if 0 in body[:2]:
        yield "utf-16-le" if body[0] else "utf-16-be"
        return
    charset = _CHARSET.search(content_type) if ";" in content_type else None
    if charset is not None and (named := _ENCODINGS.get(charset[1].lower())):
        yield named
    # Frameworks add a `charset` of their own to what an application wrote in another encoding, so that a text
    # which contradicts it gets a second chance by its own declaration.
    declared = _DECLARED.match(body)
    if declared is None:
        yield "utf-8"
        return
    name = declared[1].decode()
    if name.lower() not in _ENCODINGS:
        message = f"the encoding {name} is not read here; send UTF-8"
        raise DocumentError(NOT_XML, message, 1, 1)
    yield _ENCODINGS[name.lower()]
