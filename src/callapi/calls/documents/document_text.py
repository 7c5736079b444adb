"""A document as the timeline keeps it: its beginning, with the values of passwords taken out. Pure."""

import re
from typing import Final

MAX_SHOWN: Final = 16 * 1024
"""Bytes of a document that are kept; most have less than one tenth."""
_PASSWORD: Final = re.compile(r"""(?i)\b(password\s*=\s*)(?:"[^"]*"|'[^']*'|“[^”]*”)""")
_MAY_HAVE_PASSWORD: Final = b"assword"


def shown_text(body: bytes) -> str:
    """The text of `body` for people to read; `password="…"` in place of what was there."""
    text = body[:MAX_SHOWN].decode("utf-8", "replace")
    if _MAY_HAVE_PASSWORD in body or b"ASSWORD" in body:
        text = _PASSWORD.sub(r'\1"…"', text)
    return text
