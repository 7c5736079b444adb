"""The command `callapi`: runs one command; the exit status is 0 (good), 1 (it did not work), 2 (told wrongly)."""

import importlib
import logging
import sys
from collections.abc import Callable, Sequence

from callapi.base.errors import CallApiError
from callapi.base.settings import SettingsError
from callapi.cli.arguments import parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command."""
    arguments = parser().parse_args(argv)
    logging.basicConfig(
        level=getattr(arguments, "log_level", "warning").upper(),
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    for chatty in ("alembic", "uvicorn", "asyncio"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLogger().level))
    run: Callable[..., int] = importlib.import_module(f"callapi.cli.{arguments.command}").run
    try:
        return run(arguments)
    except CallApiError as error:
        print(f"callapi: {error}", file=sys.stderr)
        return 2 if isinstance(error, SettingsError) else 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 141


if __name__ == "__main__":
    sys.exit(main())
