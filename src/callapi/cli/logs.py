"""Log lines on standard error: text for people, or one JSON object a line (`log.format = "json"`)."""

import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

FORMAT: Final = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
CHATTY: Final = ("alembic", "uvicorn", "asyncio")
_KNOWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """`at`, `level`, `logger`, `message`, what was given as `extra`, and the traceback of an exception as `error`."""

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
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


def configure(level: str, *, as_json: bool = False) -> None:
    """Write log lines of `level` and above, those of talkative libraries from warnings on."""
    # What no line shows need not be found out for each (Python's "Optimization" chapter of logging).
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001 - the documented switch
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if as_json else logging.Formatter(FORMAT))
    root = logging.getLogger()
    for each in list(root.handlers):
        root.removeHandler(each)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
