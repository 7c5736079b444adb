"""Log lines on standard error: text for people, or one JSON object a line (`log.format = "json"`).

A line of a call is deferred: `put` gathers the values that it is made of, which costs the call about a microsecond,
and the text of many is made at once when they are written. Where `logging` has other handlers, every line is an
ordinary `LogRecord` at once.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from typing import Any, Final, Protocol, TextIO

import msgspec
from msgspec import Struct

GATHER_S: Final = 0.1
MAX_GATHERED: Final = 500
"""Lines that are written at once even if the time has not come."""
_KNOWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "facts"}

Facts = Mapping[str, Any]


class DeferredLine(Struct, frozen=True, gc=False):
    """A line at level info that becomes text when it is written: what it is made of must not change until then."""

    created: float
    """Seconds since the epoch."""
    logger: str
    text: Callable[[Any], str]
    facts: Callable[[Any], Facts]
    """The fields of the line as JSON."""
    subject: Any
    """The argument of both."""

    def record(self) -> logging.LogRecord:
        """As any handler takes it; `facts` among its attributes, a function without arguments."""
        text = self.text(self.subject)
        made = logging.LogRecord(self.logger, logging.INFO, "", 0, text, (), None)
        made.created, made.msecs = self.created, self.created % 1 * 1000
        made.facts = lambda: self.facts(self.subject)
        return made


class LineFormatter(Protocol):
    """A formatter that needs no `LogRecord` for a deferred line."""

    def format_deferred(self, line: DeferredLine) -> str:
        """As `format` of its record."""


class TextFormatter(logging.Formatter):
    """`2026-11-17 10:00:00,123 INFO    callapi.calls: message`, in local time; the date is written once a second."""

    _second = 0
    _written = ""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802
        """As logging's own, of which it spares all but the milliseconds."""
        return self._time(record.created)

    def _time(self, created: float) -> str:
        second = int(created)
        if second != self._second:
            self._written = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
            self._second = second
        return f"{self._written},{int((created - second) * 1000):03}"

    def format(self, record: logging.LogRecord) -> str:
        """One line, or several where a traceback follows."""
        if record.exc_info or record.stack_info:
            return super().format(record)
        record.message = record.getMessage()
        return self.formatMessage(record)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """The first line."""
        return f"{self._time(record.created)} {record.levelname:<7} {record.name}: {record.message}"

    def format_deferred(self, line: DeferredLine) -> str:
        """One line."""
        return f"{self._time(line.created)} INFO    {line.logger}: {line.text(line.subject)}"

    def usesTime(self) -> bool:  # noqa: N802
        """The time is asked for by `formatMessage`."""
        return False


class JsonFormatter(logging.Formatter):
    """`at`, `level`, `logger`, `message`, what was given as `extra`, and the traceback of an exception as `error`.

    `facts` in `extra` is a function that gives further fields: it costs nothing where lines are text.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, Any] = {
            "at": _iso(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _KNOWN}
        if (facts := getattr(record, "facts", None)) is not None:
            line |= facts()
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return _json(line)

    def format_deferred(self, line: DeferredLine) -> str:
        """One line."""
        message = line.text(line.subject)
        head = {"at": _iso(line.created), "level": "info", "logger": line.logger, "message": message}
        return _json({**head, **line.facts(line.subject)})


def _iso(created: float) -> str:
    return datetime.fromtimestamp(created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json(line: dict[str, Any]) -> str:
    return msgspec.json.encode(line, enc_hook=str).decode()


class LineHandler(logging.StreamHandler[TextIO]):
    """Writes lines to a stream that flushes itself, as standard error does; it has no filters.

    Lines below warnings are gathered for `GATHER_S` where an event loop runs: a write for each would cost a call more
    than the line itself. A warning takes those before it along, so that the order stays.
    """

    def __init__(self, stream: TextIO, formatter: "TextFormatter | JsonFormatter") -> None:
        super().__init__(stream)
        self.setFormatter(formatter)
        self._format_deferred = formatter.format_deferred
        self._gathered: list[str | DeferredLine] = []

    def handle(self, record: logging.LogRecord) -> bool:
        """Write the line, or gather it."""
        with self.lock or nullcontext():
            self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Gather the line; a stream that cannot be written to is reported as logging does."""
        try:
            self._gathered.append(self.format(record) + self.terminator)
            if record.levelno >= logging.WARNING or len(self._gathered) >= MAX_GATHERED:
                self.flush()
            elif len(self._gathered) == 1:
                self._flush_soon()
        except Exception:  # as logging does: a log line must not end what it is about
            self.handleError(record)

    def defer(self, line: DeferredLine) -> None:
        """Gather a line whose text is made when it is written."""
        with self.lock or nullcontext():
            self._gathered.append(line)
            count = len(self._gathered)
            if 1 < count < MAX_GATHERED:
                return
            try:
                if count == 1:
                    self._flush_soon()
                else:
                    self.flush()
            except Exception:
                self.handleError(line.record())

    def _flush_soon(self) -> None:
        try:
            asyncio.get_running_loop().call_later(GATHER_S, self._flush_late)
        except RuntimeError:  # a thread, or before the loop
            self.flush()

    def _flush_late(self) -> None:
        with suppress(
            OSError, ValueError
        ):  # what cannot be written any more is dropped, as at the end of the process
            self.flush()

    def flush(self) -> None:
        """Write what is gathered; at the end of the process logging asks for it."""
        with self.lock or nullcontext():
            gathered, self._gathered = self._gathered, []
            if gathered:
                self.stream.write("".join(map(self._text, gathered)))
                self.stream.flush()

    def _text(self, line: str | DeferredLine) -> str:
        if isinstance(line, str):
            return line
        try:
            return self._format_deferred(line) + self.terminator
        except Exception:  # one line that cannot be made must not take the others along
            self.handleError(logging.makeLogRecord({"name": line.logger, "msg": "a line cannot be made"}))
            return ""


def put(logger: logging.Logger, line: DeferredLine) -> None:
    """Log `line`: at leisure where a `LineHandler` alone takes the lines of `logger`, else as any other line.

    The caller has asked `logger` whether level info is enabled.
    """
    handler = _only_handler(logger)
    if handler is None:
        logger.handle(line.record())
    else:
        handler.defer(line)


def _only_handler(logger: logging.Logger) -> LineHandler | None:
    """The handler of `logger` and of those above it, if there is one and it is ours."""
    only = None
    current: logging.Logger | None = logger
    while current is not None:
        if handlers := current.handlers:
            if only is not None or len(handlers) > 1 or not isinstance(handlers[0], LineHandler):
                return None
            only = handlers[0]
        current = current.parent if current.propagate else None
    return None if logger.filters else only
