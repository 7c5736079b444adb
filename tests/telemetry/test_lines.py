"""Log lines: gathered while an event loop runs, in their order; a warning is out at once, with those before it."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from callapi.base.ids import AccountSid
from callapi.calls.events import CallEnded, CallStarted, EventBus
from callapi.calls.status import Ending
from callapi.sip import Party
from callapi.telemetry.call_lines import log_calls
from callapi.telemetry.lines import (
    GATHER_S,
    MAX_GATHERED,
    DeferredLine,
    JsonFormatter,
    LineHandler,
    TextFormatter,
)
from tests.api.world import finished_call
from tests.virtual_time import run

ACCOUNT = AccountSid("AC" + "1" * 32)
CALLS = logging.getLogger("callapi.calls")


def handler(formatter: TextFormatter | JsonFormatter | None = None) -> tuple[LineHandler, io.StringIO]:
    written = io.StringIO()
    return LineHandler(written, formatter or TextFormatter()), written


@contextmanager
def configured(*handlers: logging.Handler) -> Iterator[None]:
    """`logging` with these handlers alone, from level info on."""
    root = logging.getLogger()
    before, level = root.handlers, root.level
    root.handlers = list(handlers)
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.handlers = before
        root.setLevel(level)


class Other(logging.Handler):
    """A handler of somebody's configuration."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.records.append(record)


def a_call(bus: EventBus) -> None:
    """It starts and ends."""
    now = datetime.now(UTC)
    record = finished_call(ACCOUNT, ended_by="remote", end_reason="the peer\nhung up")
    bus.publish(CallStarted(record, now))
    bus.publish(CallEnded(record, now, Ending(Party.REMOTE, "BYE")))


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


def test_lines_of_calls_are_made_when_they_are_written() -> None:
    """With the time of the event, in their order among the others; a line break of a caller's does not break one."""
    made, written = handler()
    bus = EventBus()

    async def story() -> None:
        log_calls(bus)
        made.handle(line("before"))
        a_call(bus)
        assert not written.getvalue()
        logging.getLogger("callapi.node").warning("something")
        first, start, end, last = written.getvalue().splitlines()
        assert first.endswith(" before")
        assert " INFO    callapi.calls: call CA" in start
        assert start[:10] == f"{datetime.now():%Y-%m-%d}"  # noqa: DTZ005 - the lines are in local time
        assert end.endswith(" ended: completed, code 200, 15 s, by remote: the peer?hung up")
        assert last.endswith(" WARNING callapi.node: something")
        a_call(bus)
        await asyncio.sleep(GATHER_S)
        assert len(written.getvalue().splitlines()) == 6

    with configured(made):
        run(story())


@pytest.mark.parametrize("is_deferred", [True, False])
def test_lines_of_calls_as_json(is_deferred: bool) -> None:
    """Every fact, by either way."""
    made, written = handler(JsonFormatter())
    bus = EventBus()
    with configured(*([made] if is_deferred else [made, Other()])):
        log_calls(bus)
        a_call(bus)
        made.flush()
    start, end = map(json.loads, written.getvalue().splitlines())
    assert start.keys() == {
        *("at", "level", "logger", "message"),
        *("call_sid", "account_sid", "direction", "from", "to", "status"),
    }
    assert end.keys() - start.keys() == {"code", "duration", "ended_by", "reason"}
    assert (end["level"], end["logger"], end["code"], end["duration"]) == ("info", "callapi.calls", 200, 15)
    assert end["call_sid"] == start["call_sid"]
    assert end["call_sid"] in end["message"]
    assert abs(datetime.fromisoformat(end["at"]) - datetime.now(UTC)).total_seconds() < 60


def test_other_handlers_get_records_at_once() -> None:
    """One that is beside ours, one at the logger itself, and one behind a filter."""
    made, written = handler()
    other = Other()

    async def story() -> None:
        bus = EventBus()
        log_calls(bus)
        a_call(bus)

    with configured(made, other):
        run(story())
    assert [each.getMessage().split()[2] for each in other.records] == ["started:", "ended:"]
    assert other.records[0].levelno == logging.INFO
    made.flush()
    assert len(written.getvalue().splitlines()) == 2
    CALLS.addHandler(other)
    try:
        with configured(made):
            run(story())
    finally:
        CALLS.removeHandler(other)
    assert len(other.records) == 4
    CALLS.addFilter(refuse := lambda record: "ended" in record.getMessage())
    try:
        with configured(made):
            run(story())
    finally:
        CALLS.removeFilter(refuse)
    made.flush()
    assert len(written.getvalue().splitlines()) == 2 + 2 + 1


def test_a_level_above_info_has_no_lines_of_calls() -> None:
    """Whether it is set before the node starts or after."""
    made, written = handler()
    late, early = EventBus(), EventBus()
    with configured(made):
        log_calls(late)
        logging.getLogger().setLevel(logging.WARNING)
        log_calls(early)
        a_call(late)
        a_call(early)
        assert not early.wants(CallEnded)
    made.flush()
    assert not written.getvalue()


def test_a_stream_that_is_gone_ends_no_call(capsys: pytest.CaptureFixture[str]) -> None:
    """As logging does with a line that it cannot write."""
    made, written = handler()
    written.close()
    bus = EventBus()
    with configured(made):
        log_calls(bus)
        a_call(bus)
    assert "I/O operation on closed file" in capsys.readouterr().err


def test_a_line_that_cannot_be_made_takes_no_other_along(capsys: pytest.CaptureFixture[str]) -> None:
    ours, written = handler(JsonFormatter())

    def deferred(text: str) -> DeferredLine:
        return DeferredLine(0.0, "callapi.calls", str, lambda _: {}, text)

    for text in ("before", "\ud800", "after"):
        ours.defer(deferred(text))
    ours.flush()
    assert [json.loads(each)["message"] for each in written.getvalue().splitlines()] == ["before", "after"]
    assert "a line cannot be made" in capsys.readouterr().err
