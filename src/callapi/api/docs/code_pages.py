"""A page for each code of a notification, at `/docs/errors/{code}`: where `more_info` leads.

The rows are those of `docs/notifications.md`, which is part of the package.
"""

import re
from functools import cache
from html import escape
from importlib import resources
from typing import Final

from msgspec import Struct

from callapi.api.docs.style import STYLE

PATH: Final = "/docs/errors/"
_ROW: Final = re.compile(
    r"^\| (?P<codes>[^|]*\d{5}[^|]*) \| (?P<happened>[^|]+) \| (?P<follows>[^|]+) \|$", re.MULTILINE
)
_RANGE: Final = re.compile(r"(\d{5}) to (\d{5})")
_CODE: Final = re.compile("[0-9]{5}")
_LINK: Final = re.compile(r"\[([^\]]+)\]\([^)]*\)")
_EVERY: Final = (
    "At the call's page in the console the notification stands with the request that was made and the "
    "answer that came; its text says what to change."
)


class CodeRow(Struct, frozen=True):
    """One row of the table."""

    codes: str
    happened: str
    follows: str

    def is_of(self, code: int) -> bool:
        """Whether the row explains `code`."""
        if (within := _RANGE.search(self.codes)) is not None:
            return int(within[1]) <= code <= int(within[2])
        return str(code) in _CODE.findall(self.codes)


@cache
def rows() -> tuple[CodeRow, ...]:
    """The whole table."""
    text = (resources.files("callapi.api") / "notifications.md").read_text("utf-8")
    return tuple(CodeRow(each["codes"], each["happened"], each["follows"]) for each in _ROW.finditer(text))


def code_page(text: str) -> str | None:
    """The page of a code as HTML; None if there is none."""
    if _CODE.fullmatch(text) is None:
        return None
    found = [each for each in rows() if each.is_of(int(text))]
    if not found:
        return None
    content = "".join(
        f"<h2>{_prose(each.happened)}</h2><p>What follows: {_prose(each.follows)}.</p>" for each in found
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{text} · CallAPI</title>'
        f"<style>{STYLE}</style></head><body><h1>{text}</h1>{content}<p>{_EVERY}</p>"
        f'<p><a href="/console/debugger">Debugger</a> · <a href="/docs">REST</a></p></body></html>'
    )


def _prose(text: str) -> str:
    parts = escape(_LINK.sub(r"\1", text), quote=False).split("`")
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))
