"""One node to a data directory: a second node would close the first one's live calls as if a crash had left them."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from callapi.base.errors import CallApiError

LOCK: Final = "in-use"
_TRIES: Final = 9


class DataDirInUse(CallApiError):
    """Another node works in this data directory."""


@contextmanager
def locked(folder: Path) -> Iterator[Path]:
    """Make `folder` if need be and lock it for as long as the block lasts. Raises DataDirInUse, OSError.

    The kernel releases the lock when the process ends, however that happens.
    """
    with _locked(folder):
        yield folder


@contextmanager
def locked_or_another(folder: Path) -> Iterator[Path]:
    """The same, but a folder in use is passed over for `folder-2`, `folder-3`, ..."""
    for number in range(1, _TRIES + 1):
        candidate = folder if number == 1 else folder.with_name(f"{folder.name}-{number}")
        try:
            lock = _locked(candidate)
        except DataDirInUse:
            continue
        with lock:
            yield candidate
        return
    raise DataDirInUse(f"{folder} and {_TRIES - 1} others are in use by other nodes")


def _locked(folder: Path) -> IO[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / LOCK).open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise DataDirInUse(
            f"{folder} is in use by another node; give this one a node.data_dir of its own"
        ) from None
    return file
