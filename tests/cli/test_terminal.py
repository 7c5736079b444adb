"""Colours for people, plain text for pipes."""

import io

import pytest

from callapi.cli.terminal import Style, Terminal


class _Tty(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class _Ascii(io.StringIO):
    encoding = "us-ascii"


def test_a_terminal_gets_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    out = _Tty()
    Terminal(out).say("word", Style.BOLD, Style.RED)
    assert out.getvalue() == "\x1b[1;31mword\x1b[0m\n"


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_who_wants_none_gets_none(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    out = _Tty()
    Terminal(out).good("fine")
    assert out.getvalue() == "✓ fine\n"


def test_an_ascii_stream_gets_ascii() -> None:
    out = _Ascii()
    terminal = Terminal(out)
    terminal.good("fine")
    terminal.bad("not ─▶ über")
    assert out.getvalue() == "+ fine\nx not -> ?ber\n"
    out.getvalue().encode("ascii")


def test_facts_stand_in_two_columns() -> None:
    out = io.StringIO()
    Terminal(out).facts([("a", "1"), ("long", "2")])
    assert out.getvalue() == "  a     1\n  long  2\n"
