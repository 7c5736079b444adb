"""Log lines: gathered while an event loop runs, in their order; a warning is out at once, with those before it."""

import asyncio
import io
import logging

from callapi.cli.logs import GATHER_S, MAX_GATHERED, LineHandler, TextFormatter
from tests.virtual_time import run


def handler() -> tuple[LineHandler, io.StringIO]:
    written = io.StringIO()
    made = LineHandler(written)
    made.setFormatter(TextFormatter())
    return made, written


def line(text: str, level: int = logging.INFO) -> logging.LogRecord:
    return logging.LogRecord("callapi.calls", level, "", 0, text, (), None)


def last_words(written: io.StringIO) -> list[str]:
    return [each.rpartition(" ")[2] for each in written.getvalue().splitlines()]


def test_without_a_loop_each_line_is_out_at_once() -> None:
    made, written = handler()
    made.handle(line("one"))
    assert last_words(written) == ["one"]


def test_lines_are_gathered_for_a_moment() -> None:
    made, written = handler()

    async def story() -> None:
        made.handle(line("one"))
        made.handle(line("two"))
        assert last_words(written) == []
        await asyncio.sleep(GATHER_S)
        assert last_words(written) == ["one", "two"]

    run(story())


def test_a_warning_takes_those_before_it_along() -> None:
    made, written = handler()

    async def story() -> None:
        made.handle(line("one"))
        made.handle(line("two", logging.WARNING))
        assert last_words(written) == ["one", "two"]
        for number in range(MAX_GATHERED):
            made.handle(line(str(number)))
        assert len(last_words(written)) == 2 + MAX_GATHERED

    run(story())


def test_the_end_of_the_process_leaves_none() -> None:
    """Logging's own shutdown asks for it."""
    made, written = handler()

    async def story() -> None:
        made.handle(line("one"))

    run(story())
    made.flush()
    assert last_words(written) == ["one"]
