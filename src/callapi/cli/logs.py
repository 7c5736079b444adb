"""How a command logs: `logging` is set up for lines on standard error."""

import logging
import sys
from typing import Final

from callapi.telemetry.lines import JsonFormatter, LineHandler, TextFormatter

CHATTY: Final = ("alembic", "uvicorn", "asyncio")


def configure(level: str, *, as_json: bool = False) -> None:
    """Write log lines of `level` and above, those of talkative libraries from warnings on."""
    # What no line shows need not be found out for each (Python's "Optimization" chapter of logging).
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001 - the documented switch
    root = logging.getLogger()
    for each in list(root.handlers):
        root.removeHandler(each)
    root.addHandler(LineHandler(sys.stderr, JsonFormatter() if as_json else TextFormatter()))
    root.setLevel(level.upper())
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
