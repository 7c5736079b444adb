"""What a takeover kept this process from writing, kept in a file for the next process of this node.

A node that is cut off from the database goes on with its calls, and others take over what the database knows of it. Of
a call that began meanwhile the database knows nothing, so no other node has announced its end: the next process writes
the record as it ended, with its callbacks. A call that the database has with an end keeps that end. Timelines
(`Events`) are added to both: no other node has seen what happened on these calls.
"""

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

from msgspec import MsgspecError, Raw, Struct
from msgspec.json import Decoder, Encoder
from msgspec.structs import replace

from callapi.base.ids import CallSid
from callapi.store.changes import AddEvents, Change, Put
from callapi.store.records import (
    CallbackRecord,
    CallRecord,
    EventRecord,
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
MAX_EVENTS: Final = 32 * 1024 * 1024
"""Octets of timelines in the file; those beyond are left out. Records are bounded by the calls that may be up."""
_ENCODER: Final = Encoder(enc_hook=str)


class _Timeline(Struct, frozen=True):
    """`AddEvents` as a line has it."""

    call_sid: CallSid
    events: tuple[tuple[int, datetime, str, dict[str, Any]], ...]


_TIMELINE: Final = Decoder(_Timeline)


class _Line(Struct, frozen=True):
    kind: str
    value: Raw


_LINE: Final = Decoder(_Line)


class Unwritten:
    """The file in `folder`. Of one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "unwritten.jsonl"
        self._file: int | None = None
        self._events = 0
        """Octets of timelines in the file, by this process."""
        self._is_failing = False

    def note(self, changes: Iterable[Change]) -> None:
        """Keep what `changes` say of calls. Never fails: without a disk the calls end as lost."""
        lines = b"".join(self._lines(changes))
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

    def _lines(self, changes: Iterable[Change]) -> Iterator[bytes]:
        for change in changes:
            if isinstance(change, AddEvents):
                line = _line(change)
                if self._events + len(line) <= MAX_EVENTS:
                    self._events += len(line)
                    yield line
            elif isinstance(change, Put) and isinstance(change.record, _KEPT):
                yield _line(change.record)

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
        return [change for line in text.split("\n") if (change := _change(line)) is not None]

    def forget(self) -> None:
        """It is written, or was announced by others."""
        self._path.unlink(missing_ok=True)


def adoptable(
    noted: Sequence[Change], node: str, known: Callable[[Sequence[CallSid]], Iterable[CallRecord]]
) -> Iterator[tuple[CallSid, list[Change]]]:
    """Of what was noted, what `node` is to write of each call; `known`: those in the database.

    A call is this node's, with all its changes, if the database does not know it, or has it without an end and as this
    node's. Of others that the database knows, it writes the timeline alone.
    """
    by_call: dict[CallSid, list[Change]] = {}
    last: dict[CallSid, CallRecord] = {}
    for change in noted:
        if isinstance(change, Put) and isinstance(change.record, CallRecord):
            last[change.record.sid] = replace(change.record, node=node)
        elif (sid := _call_of(change)) is not None:
            by_call.setdefault(sid, []).append(change)
    found = {record.sid: record for record in known(list(last.keys() | by_call.keys()))}
    for sid in [*last, *(each for each in by_call if each not in last)]:
        record, there = last.get(sid), found.get(sid)
        if record is not None and (there is None or (there.end_time is None and there.node == node)):
            yield sid, [Put(record), *by_call.get(sid, ())]
        elif there is not None and (events := _events(by_call.get(sid, ()))):
            yield sid, events


def _events(changes: Iterable[Change]) -> list[Change]:
    return [each for each in changes if isinstance(each, AddEvents)]


def _call_of(change: Change) -> CallSid | None:
    match change:
        case Put(CallbackRecord(stream=stream)):
            return CallSid(stream)
        case AddEvents(call_sid=sid):
            return sid
        case Put(
            NotificationRecord(call_sid=sid) | RecordingRecord(call_sid=sid) | TranscriptRecord(call_sid=sid)
        ):
            return sid
        case _:
            return None


def _line(value: _Kept | AddEvents) -> bytes:
    try:
        encoded = _ENCODER.encode(value)
    except UnicodeEncodeError:
        encoded = _ENCODER.encode(scrubbed(value))
    return _ENCODER.encode(_Line(type(value).__name__, Raw(encoded))) + b"\n"


def _change(line: str) -> Put | AddEvents | None:
    """The change of a line that the process may have died in, or that another version has written."""
    try:
        read = _LINE.decode(line)
        if read.kind == AddEvents.__name__:
            timeline = _TIMELINE.decode(read.value)
            return AddEvents(timeline.call_sid, tuple(EventRecord(*each) for each in timeline.events))
        return Put(_DECODERS[read.kind].decode(read.value))
    except (MsgspecError, KeyError):
        return None
