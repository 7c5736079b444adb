"""The protocol of one Media Stream, without I/O: what is written when, and what a message of the application means.

`connected`, `start`, then `media`, `dtmf` and `mark` in any order, then `stop`. `sequenceNumber` counts every message
of the stream from 1 over all its sockets, `chunk` the `media` messages of each track. A bidirectional stream takes
`media`, `mark` and `clear` from the application; a stream that was started by `<Start>` takes nothing.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final, assert_never

from msgspec import Struct

from callapi.streams import media_messages as messages
from callapi.streams.errors import ProtocolViolation
from callapi.streams.media_format import MULAW, MediaFormat
from callapi.streams.media_messages import Clear, Mark, Media, MediaTemplate, StreamIdentity

INBOUND: Final = "inbound"
OUTBOUND: Final = "outbound"
MAX_MARKS: Final = 10_000
"""Marks that may wait for their return at once."""


class StreamPlan(Struct, frozen=True):
    """What a stream is to be. `tracks`: `inbound`, `outbound` or both, as on the wire."""

    identity: StreamIdentity
    tracks: tuple[str, ...] = (INBOUND,)
    media_format: MediaFormat = MULAW
    parameters: Mapping[str, str] = {}
    is_bidirectional: bool = False


class PlaceMark(Struct, frozen=True):
    """Report `number` when all audio queued so far was played."""

    number: int


Action = Media | PlaceMark | Clear
"""What a message of the application asks for."""


class State(Enum):
    """Of the machine."""

    CLOSED = "closed"
    OPEN = "open"
    STOPPED = "stopped"


class MediaMachine:
    """One stream, over all its sockets. Methods return the messages to be sent, in order."""

    __slots__ = ("_chunks", "_marks", "_next_mark", "_plan", "_sequence", "_templates", "sockets", "state")

    def __init__(self, plan: StreamPlan) -> None:
        self._plan = plan
        self.state = State.CLOSED
        self._sequence = 0
        self.sockets = 0
        """Sockets that were opened so far."""
        self._chunks = dict.fromkeys(plan.tracks, 0)
        self._templates = {track: MediaTemplate(plan.identity, track) for track in plan.tracks}
        self._marks: dict[int, str] = {}
        self._next_mark = 0

    @property
    def pending_marks(self) -> int:
        """Marks that were not returned yet."""
        return len(self._marks)

    def opened(self) -> list[bytes]:
        """A socket is open: the messages that begin it."""
        self.state = State.OPEN
        plan, reconnect = self._plan, self.sockets
        self.sockets += 1
        begin = messages.start(
            plan.identity, self._count(), plan.tracks, plan.media_format, plan.parameters, reconnect
        )
        return [messages.CONNECTED, begin]

    def lost(self) -> None:
        """The socket is gone; another may be opened."""
        if self.state is State.OPEN:
            self.state = State.CLOSED

    def media(self, track: str, timestamp_ms: int, payload: bytes) -> bytes:
        """A frame of `track`; `timestamp_ms` since the stream began. Only while open."""
        self._sequence += 1
        chunk = self._chunks[track] = self._chunks[track] + 1
        return self._templates[track].write(self._sequence, chunk, timestamp_ms, payload)

    def digit(self, digit: str) -> list[bytes]:
        """The caller pressed a key; streams in one direction do not report it."""
        if self.state is not State.OPEN or not self._plan.is_bidirectional:
            return []
        return [messages.dtmf(self._plan.identity, self._count(), digit)]

    def mark_reached(self, number: int, *, cleared: bool) -> list[bytes]:
        """The mark that `PlaceMark(number)` asked for was reached, or dropped by a `clear`."""
        name = self._marks.pop(number, None)
        if name is None or self.state is not State.OPEN:
            return []
        return [messages.mark(self._plan.identity, self._count(), name, cleared=cleared)]

    def stopped(self) -> list[bytes]:
        """The stream ends: the last message, if a socket is open."""
        was_open, self.state = self.state is State.OPEN, State.STOPPED
        return [messages.stop(self._plan.identity, self._count())] if was_open else []

    def received(self, message: bytes) -> Action:
        """What `message` asks for.

        Raises:
            ProtocolViolation: the message is not allowed here.
        """
        match messages.read(message):
            case Mark(name):
                self._require_bidirectional("mark")
                if len(self._marks) >= MAX_MARKS:
                    raise ProtocolViolation(f"more than {MAX_MARKS} marks wait for their return")
                self._next_mark += 1
                self._marks[self._next_mark] = name
                return PlaceMark(self._next_mark)
            case Media() as media:
                self._require_bidirectional("media")
                return media
            case Clear() as clear:
                self._require_bidirectional("clear")
                return clear
            case never:
                assert_never(never)

    def _require_bidirectional(self, event: str) -> None:
        if not self._plan.is_bidirectional:
            raise ProtocolViolation(
                f"the application sent {event} into a stream of <Start>, which goes to the application only;"
                " <Connect><Stream> goes both ways"
            )

    def _count(self) -> int:
        self._sequence += 1
        return self._sequence
