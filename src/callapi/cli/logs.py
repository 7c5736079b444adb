"""Log lines on standard error: text for people, or one JSON object a line (`log.format = "json"`)."""

import asyncio
import logging
import sys
import time
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import msgspec

GATHER_S: Final = 0.1
MAX_GATHERED: Final = 500
"""Lines that are written at once even if the time has not come."""
CHATTY: Final = ("alembic", "uvicorn", "asyncio")
_KNOWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "facts"}


class TextFormatter(logging.Formatter):
    """`2026-11-17 10:00:00,123 INFO    callapi.calls: message`, in local time; the date is written once a second."""

    _second = 0
    _written = ""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802
        """As logging's own, of which it spares all but the milliseconds."""
        second = int(record.created)
        if second != self._second:
            self._written = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
            self._second = second
        return f"{self._written},{int(record.msecs):03}"

    def format(self, record: logging.LogRecord) -> str:
        """One line, or several where a traceback follows."""
        if record.exc_info or record.stack_info:
            return super().format(record)
        record.message = record.getMessage()
        return self.formatMessage(record)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """The first line."""
        return f"{self.formatTime(record)} {record.levelname:<7} {record.name}: {record.message}"

    def usesTime(self) -> bool:  # noqa: N802
        """The time is asked for by `formatMessage`."""
        return False


class LineHandler(logging.StreamHandler[TextIO]):
    """Writes lines to a stream that flushes itself, as standard error does; it has no filters.

    Lines below warnings are gathered for `GATHER_S` where an event loop runs: a write for each would cost a call more
    than the line itself. A warning takes those before it along, so that the order stays.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._gathered: list[str] = []

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
            text, self._gathered = "".join(self._gathered), []
            if text:
                self.stream.write(text)
                self.stream.flush()


class JsonFormatter(logging.Formatter):
    """`at`, `level`, `logger`, `message`, what was given as `extra`, and the traceback of an exception as `error`.

    `facts` in `extra` is a function that gives further fields: it costs nothing where lines are text.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _KNOWN}
        if (facts := getattr(record, "facts", None)) is not None:
            line |= facts()
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


def configure(level: str, *, as_json: bool = False) -> None:
    """Write log lines of `level` and above, those of talkative libraries from warnings on."""
    # What no line shows need not be found out for each (Python's "Optimization" chapter of logging).
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001 - the documented switch
    handler = LineHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter())
    root = logging.getLogger()
    for each in list(root.handlers):
        root.removeHandler(each)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
