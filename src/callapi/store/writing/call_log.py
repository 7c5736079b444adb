"""Write-ahead log of new calls: the first record is in a file before the application or a phone hears of the call.

The writer gathers changes for a moment; a process that is killed in that moment would leave no trace of a call whose
application was asked already. A line in a file costs some ten microseconds and survives the process, since it is in the
kernel's page cache. The next start writes to the database what it lacks. Two files alternate: one is emptied when the
database has all of its calls.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from msgspec import MsgspecError
from msgspec.json import Decoder, Encoder

from callapi.store.records import CallRecord
from callapi.store.writing.scrub import scrubbed

log = logging.getLogger(__name__)

TURN: Final = 64 * 1024
"""Octets after which the other file takes over, if it may be emptied."""
_ENCODER: Final = Encoder()
_DECODER: Final = Decoder(CallRecord)


class CallLog:
    """A pair of files in `folder`. Of one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._paths = (folder / "call-log-0.jsonl", folder / "call-log-1.jsonl")
        self._files: list[int] = []
        self._turn = 0
        self._size = 0
        self._last = [0, 0]
        """The number of the last group that each file stands for."""
        self._is_failing = False

    def read(self) -> Iterator[CallRecord]:
        """What the files of an earlier process hold; the line that it died in is left out."""
        for path in self._paths:
            with suppress(FileNotFoundError):
                for line in path.read_text("utf-8", "replace").split("\n"):
                    if (record := _record(line)) is not None:
                        yield record

    def open(self) -> None:
        """Begin anew, with nothing. Raises OSError."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_TRUNC | os.O_CLOEXEC
        self._files = [os.open(path, flags, 0o600) for path in self._paths]

    def close(self) -> None:
        """Harmless when repeated."""
        while self._files:
            os.close(self._files.pop())

    def note(self, record: CallRecord, group: int) -> None:
        """Keep `record` until `group` is durable. Never fails: without a disk the call is accepted without it."""
        line = _line(record)
        try:
            os.write(self._files[self._turn], line)
        except OSError:
            if not self._is_failing:
                log.exception(
                    "the call log cannot be written; calls that begin now would not survive a crash"
                )
            self._is_failing = True
            return
        self._is_failing = False
        self._last[self._turn] = group
        self._size += len(line)

    def settled(self, group: int) -> None:
        """All groups up to `group` are durable."""
        if self._size < TURN:
            return
        other = 1 - self._turn
        if self._last[other] > group:
            return
        os.ftruncate(self._files[other], 0)
        self._turn, self._size = other, 0


def _line(record: CallRecord) -> bytes:
    try:
        return _ENCODER.encode(record) + b"\n"
    except UnicodeEncodeError:
        return _ENCODER.encode(scrubbed(record)) + b"\n"


def _record(line: str) -> CallRecord | None:
    """The record of a line that another version may have written."""
    try:
        return _DECODER.decode(line)
    except MsgspecError:
        return None
