"""Writing for people: colours and lines on a terminal, plain text into a pipe or a log.

`NO_COLOR` and `TERM=dumb` are honoured; characters beyond ASCII are used only where the output can carry them.
"""

import os
import shutil
import sys
from enum import StrEnum
from typing import Final, TextIO


class Style(StrEnum):
    """An SGR code (ECMA-48)."""

    BOLD = "1"
    DIM = "2"
    RED = "31"
    GREEN = "32"
    YELLOW = "33"
    BLUE = "34"
    MAGENTA = "35"
    CYAN = "36"


_RESET: Final = "\x1b[0m"
_ASCII: Final = str.maketrans(
    {"✓": "+", "✗": "x", "!": "!", "─": "-", "│": "|", "▶": ">", "◀": "<", "·": "."}
)


class Terminal:
    """One output stream, and what it can show."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._is_gone = False
        self.is_plain = (
            not self._stream.isatty() or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
        )
        self.columns = shutil.get_terminal_size((120, 24)).columns
        encoding = (self._stream.encoding or "ascii").lower().replace("-", "")
        self.is_ascii = not encoding.startswith("utf")

    def styled(self, text: str, *styles: Style) -> str:
        """`text` in these styles, where the stream has any."""
        if self.is_plain or not styles:
            return text
        return f"\x1b[{';'.join(styles)}m{text}{_RESET}"

    def say(self, text: str = "", *styles: Style) -> None:
        """One line, at once."""
        if self.is_ascii:
            text = text.translate(_ASCII).encode("ascii", "replace").decode()
        if self._is_gone:
            return
        try:
            print(self.styled(text, *styles), file=self._stream, flush=True)
        except BrokenPipeError:  # `callapi ... | head`: the reader has left; the call goes on
            self._is_gone = True

    def heading(self, text: str) -> None:
        """A line that begins something."""
        self.say()
        self.say(text, Style.BOLD)

    def good(self, text: str) -> None:
        """A verdict: it works."""
        self.say(f"{self.styled('✓', Style.GREEN, Style.BOLD)} {text}")

    def doubtful(self, text: str) -> None:
        """A verdict: it works, but."""
        self.say(f"{self.styled('!', Style.YELLOW, Style.BOLD)} {text}")

    def bad(self, text: str) -> None:
        """A verdict: it does not work."""
        self.say(f"{self.styled('✗', Style.RED, Style.BOLD)} {text}")

    def facts(self, pairs: list[tuple[str, str]]) -> None:
        """Names and values, in two columns."""
        width = max(len(name) for name, _ in pairs)
        for name, value in pairs:
            self.say(f"  {self.styled(name.ljust(width), Style.DIM)}  {value}")
