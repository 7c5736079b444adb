"""The ladder: one line for each message, an arrow from who said it to who heard it."""

import io

import pytest

from callapi.cli.ladder import MIN_COLUMN, Ladder, Picture, Step
from callapi.cli.terminal import Terminal

NAMES = ("caller", "CallAPI", "app", "callee")


@pytest.mark.parametrize("screen", [60, 80, 120, 200])
def test_names_stand_over_their_lines(screen: int) -> None:
    picture = Picture(NAMES, screen)
    line, drawn = picture.head(), picture.draw(Step(0, 1, "INVITE"))
    for index, name in enumerate(NAMES):
        assert line.index(name) + len(name) // 2 == picture.centre(index)
        assert drawn[picture.centre(index)] == "│"
    assert len(drawn) <= max(screen, 12 + 4 * MIN_COLUMN)


@pytest.mark.parametrize(("source", "target"), [(0, 1), (1, 0), (1, 2), (1, 3), (3, 1)])
def test_an_arrow_goes_from_who_said_it_to_who_heard_it(source: int, target: int) -> None:
    picture = Picture(NAMES)
    drawn = picture.draw(Step(source, target, "180 Ringing"))
    assert " 180 Ringing " in drawn
    assert drawn.count("▶") + drawn.count("◀") == 1
    if source < target:
        assert drawn[picture.centre(target) - 1] == "▶"
    else:
        assert drawn[picture.centre(target) + 1] == "◀"
    assert drawn[picture.centre(source)] == drawn[picture.centre(target)] == "│"


def test_a_long_label_is_cut_not_the_picture() -> None:
    picture = Picture(NAMES)
    drawn = picture.draw(Step(1, 2, "POST /a/very/long/path/indeed in-progress"))
    assert len(drawn) == len(picture.draw(Step(1, 2, "x")))
    assert "…" in drawn


def test_times_count_from_the_first_message_and_a_pipe_gets_plain_text() -> None:
    out = io.StringIO()
    ladder = Ladder(Terminal(out), NAMES)
    ladder.message(100.0, Step(0, 1, "INVITE"))
    ladder.message(100.25, Step(1, 0, "100 Trying"))
    ladder.remark(100.5, "joined")
    lines = out.getvalue().splitlines()
    assert len(lines) == 4
    assert lines[1].startswith("   0.000 s")
    assert lines[2].startswith("   0.250 s")
    assert lines[3].endswith("joined")
    assert "\x1b" not in out.getvalue()
    assert ladder.lines == 3
