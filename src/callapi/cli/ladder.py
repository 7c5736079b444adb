"""A ladder of SIP and HTTP messages as they happen: a column for each party, an arrow for each message.

::

                    caller             CallAPI               app               callee
      0.000 s         │────── INVITE ─────▶│                   │                   │
      0.002 s         │◀─── 100 Trying ────│                   │                   │
      0.003 s         │                    │─── POST /voice ──▶│                   │

`Picture` has neither clock nor terminal; `Ladder` adds the clock and the terminal.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from callapi.cli.terminal import Style, Terminal

MARGIN: Final = 12
MAX_COLUMN: Final = 26
MIN_COLUMN: Final = 16


class Step(Struct, frozen=True):
    """A message from one party to another, by the numbers of their columns."""

    source: int
    target: int
    label: str


class Picture:
    """Lines of one width for parties of these names."""

    def __init__(self, names: Sequence[str], columns_of_screen: int = 120) -> None:
        self.names = names
        self.column = max(MIN_COLUMN, min(MAX_COLUMN, (columns_of_screen - MARGIN) // len(names)))

    def centre(self, index: int) -> int:
        """Where the line of party `index` runs."""
        return MARGIN + self.column // 2 + index * self.column

    def head(self) -> str:
        """The line with the names of the parties."""
        line = [" "] * (MARGIN + self.column * len(self.names))
        for index, name in enumerate(self.names):
            start = self.centre(index) - len(name) // 2
            line[start : start + len(name)] = name
        return "".join(line).rstrip()

    def _lines(self) -> list[str]:
        line = [" "] * (self.centre(len(self.names) - 1) + 1)
        for index in range(len(self.names)):
            line[self.centre(index)] = "│"
        return line

    def draw(self, step: Step) -> str:
        """The line of one message, without its time."""
        line = self._lines()
        left, right = sorted((self.centre(step.source), self.centre(step.target)))
        room = right - left - 4
        label = step.label if len(step.label) <= room else step.label[: room - 1] + "…"
        body = f" {label} ".center(right - left - 2, "─")
        line[left + 1 : right] = f"{body}▶" if step.source < step.target else f"◀{body}"
        return "".join(line)

    def note(self, text: str) -> str:
        """A remark beside the lines."""
        return f"{''.join(self._lines())}  {text}"


class Ladder:
    """Prints each message as it is passed in; times are seconds since the first."""

    def __init__(self, terminal: Terminal, names: Sequence[str], began: float | None = None) -> None:
        """`began`: the instant that times count from; None: that of the first message."""
        self._terminal = terminal
        self._picture = Picture(names, terminal.columns)
        self._began = began
        self._has_head = False
        self.lines = 0

    def _print(self, at: float, drawn: str, *styles: Style) -> None:
        self._began = at if self._began is None else self._began
        if not self._has_head:
            self._has_head = True
            self._terminal.say(self._picture.head(), Style.BOLD)
        self.lines += 1
        stamp = f"{at - self._began:8.3f} s"
        rest = drawn[len(stamp) :]
        self._terminal.say(self._terminal.styled(stamp, Style.DIM) + self._terminal.styled(rest, *styles))

    def message(self, at: float, step: Step) -> None:
        """A message was sent at `at` (any clock in seconds, always the same)."""
        self._print(at, self._picture.draw(step), *_colours(step.label))

    def remark(self, at: float, text: str) -> None:
        """A remark beside the messages."""
        self._print(at, self._picture.note(text), Style.GREEN)


def _colours(label: str) -> tuple[Style, ...]:
    word = label.partition(" ")[0]
    if word.isdigit():
        return (Style.GREEN,) if word < "300" else (Style.RED,)
    return (Style.CYAN,) if word in {"GET", "POST"} else ()
