"""What a takeover kept this process from writing, kept in a file for the next process of this node.

A node that is cut off from the database goes on with its calls, and others take over what the database knows of it. Of
a call that began meanwhile the database knows nothing, so no other node has announced its end: the next process writes
the record as it ended, with its callbacks. A call that the database has with an end keeps that end. Timelines
(`Events`) of such calls are not kept.
"""

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from msgspec import MsgspecError, Raw, Struct
from msgspec.json import Decoder, Encoder
from msgspec.structs import replace

from callapi.base.ids import CallSid
from callapi.store.changes import Change, Put
from callapi.store.records import (
    CallbackRecord,
    CallRecord,
    NotificationRecord,
    RecordingRecord,
    TranscriptRecord,
)
from callapi.store.writing.scrub import scrubbed

log = logging.getLogger(__name__)

_Kept: TypeAlias = CallRecord | CallbackRecord | NotificationRecord | RecordingRecord | TranscriptRecord
_KEPT: Final[tuple[type[_Kept], ...]] = (
    CallRecord,
    CallbackRecord,
    NotificationRecord,
    RecordingRecord,
    TranscriptRecord,
)
_DECODERS: Final[dict[str, Decoder[Any]]] = {each.__name__: Decoder(each) for each in _KEPT}
_ENCODER: Final = Encoder()


class _Line(Struct, frozen=True):
    kind: str
    value: Raw


_LINE: Final = Decoder(_Line)


class Unwritten:
    """The file in `folder`. Of one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "unwritten.jsonl"
        self._file: int | None = None
        self._is_failing = False

    def note(self, changes: Iterable[Change]) -> None:
        """Keep what `changes` say of calls. Never fails: without a disk the calls end as lost."""
        lines = b"".join(_lines(changes))
        if not lines:
            return
        try:
            if self._file is None:
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
                self._file = os.open(self._path, flags, 0o600)
            os.write(self._file, lines)
        except OSError:
            if not self._is_failing:
                log.exception("what another node's takeover kept from the database cannot be kept in a file")
            self._is_failing = True

    def close(self) -> None:
        """Harmless when repeated."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def read(self) -> list[Change]:
        """What an earlier process of this node has noted, in its order."""
        try:
            text = self._path.read_text("utf-8", "replace")
        except FileNotFoundError:
            return []
        return [change for line in text.split("\n") if (change := _put(line)) is not None]

    def forget(self) -> None:
        """It is written, or was announced by others."""
        self._path.unlink(missing_ok=True)


def adoptable(
    noted: Sequence[Change], node: str, known: Callable[[Sequence[CallSid]], Iterable[CallRecord]]
) -> Iterator[tuple[CallSid, list[Change]]]:
    """Of what was noted, the calls that `node` is to write, each with all its changes; `known`: those in the database.

    A call is this node's if the database does not know it, or has it without an end and as this node's.
    """
    by_call: dict[CallSid, list[Change]] = {}
    last: dict[CallSid, CallRecord] = {}
    for change in noted:
        if isinstance(change, Put) and isinstance(change.record, CallRecord):
            last[change.record.sid] = replace(change.record, node=node)
        elif (sid := _call_of(change)) is not None:
            by_call.setdefault(sid, []).append(change)
    others = {
        record.sid for record in known(list(last)) if record.end_time is not None or record.node != node
    }
    for sid, record in last.items():
        if sid not in others:
            yield sid, [Put(record), *by_call.get(sid, ())]


def _call_of(change: Change) -> CallSid | None:
    match change:
        case Put(CallbackRecord(stream=stream)):
            return CallSid(stream)
        case Put(
            NotificationRecord(call_sid=sid) | RecordingRecord(call_sid=sid) | TranscriptRecord(call_sid=sid)
        ):
            return sid
        case _:
            return None


def _lines(changes: Iterable[Change]) -> Iterator[bytes]:
    for change in changes:
        if isinstance(change, Put) and isinstance(change.record, _KEPT):
            try:
                yield _line(change.record)
            except UnicodeEncodeError:
                yield _line(scrubbed(change.record))


def _line(record: _Kept) -> bytes:
    return _ENCODER.encode(_Line(type(record).__name__, Raw(_ENCODER.encode(record)))) + b"\n"


def _put(line: str) -> Put | None:
    """The change of a line that the process may have died in, or that another version has written."""
    try:
        read = _LINE.decode(line)
        return Put(_DECODERS[read.kind].decode(read.value))
    except (MsgspecError, KeyError):
        return None
