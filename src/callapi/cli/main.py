"""The command `callapi`: runs one command; exit status 0 (good), 1 (failed), 2 (wrong arguments or settings)."""

import atexit
import gc
import importlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from callapi.base.errors import CallApiError, SettingsError
from callapi.base.later import import_later
from callapi.cli.arguments import parser
from callapi.cli.logs import configure

MODULES: Final[Mapping[str, str]] = {
    "serve": "serve",
    "demo": "demo.demo",
    "phone": "phones.phone",
    "rcml": "rcml",
    "doctor": "doctor.doctor",
    "nodes": "operating.nodes",
    "drain": "operating.drain",
    "calls": "operating.calls",
    "trace": "operating.trace",
    "explain": "operating.explain",
    "simulate": "simulate",
}
"""Where each command is; only that of the command that runs is imported."""

# numpy's OpenBLAS starts a thread per core when it is imported; a node does no linear algebra.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# 16 MB that a node without prompts, speech and recordings on other nodes does not need.
import_later("numpy", "soundfile", "soxr", "aiohttp")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command."""
    arguments = parser().parse_args(argv)
    configure(getattr(arguments, "log_level", None) or "warning")
    run = _command(MODULES[arguments.command])
    try:
        return run(arguments)
    except (CallApiError, OSError) as error:
        return _explained(error)
    except BaseExceptionGroup as group:
        causes = _leaves(group)
        if not all(isinstance(each, CallApiError | OSError) for each in causes):
            raise
        return max(map(_explained, causes))
    except KeyboardInterrupt:
        return 130


def _command(name: str) -> Callable[..., int]:
    """The function `run` of the module `name`.

    What a command imports lives as long as its process. To look through it for garbage, again and again while it is
    imported and once more at the exit, takes a quarter of the CPU that a start takes.
    """
    gc.disable()
    try:
        run: Callable[..., int] = importlib.import_module(f"callapi.cli.{name}").run
        gc.freeze()
    finally:
        gc.enable()
    atexit.register(gc.freeze)
    return run


def _explained(error: BaseException) -> int:
    """Print the error in one line; 2 if the settings are at fault, else 1."""
    print(f"callapi: {error}", file=sys.stderr)
    return 2 if isinstance(error, SettingsError) else 1


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """The errors in `group`, without those that wrap others."""
    return [
        leaf
        for each in group.exceptions
        for leaf in (_leaves(each) if isinstance(each, BaseExceptionGroup) else [each])
    ]


if __name__ == "__main__":
    sys.exit(main())
