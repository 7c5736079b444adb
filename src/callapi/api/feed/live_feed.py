"""The live feed: events of an account's calls as server-sent events, resumable within a bounded past.

Events are kept as they come off the bus, in one ring for the node, from the first client on until `RESUME_S` after the
last: a feed without readers costs nothing. JSON is made of them only for a client that is connected. A client is a
position in the ring: it costs no queue, and one that is too slow, or comes back too late, gets a `reset` (it should
load its lists again) in place of what it has missed.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from datetime import datetime
from typing import Any, Final, TypeAlias

from msgspec import Struct

from callapi.base.entropy import random_hex
from callapi.base.ids import AccountSid, CallSid
from callapi.calls.bridges.joined import Bridged
from callapi.calls.events import (
    CallEnded,
    CallStarted,
    EventBus,
    PartiesJoined,
    PartiesParted,
    ProblemRaised,
    RecordingChanged,
    StatusChanged,
    VerbStarted,
)
from callapi.store import CallRecord, Json, RecordingRecord

MAX_KEPT: Final = 10_000
"""Events of the node that a client may have missed and still gets."""
RESUME_S: Final = 600.0
"""How long events are kept when the last client has left, for one that comes back."""
MAX_CLIENTS: Final = 200
KEEP_ALIVE_S: Final = 10.0
"""How often a silent feed sends a comment, and whether the client may still read it is asked."""
GATHER_S: Final = 0.05
"""How long events are gathered before the clients are woken."""


class Relayed(Struct, frozen=True):
    """An event of another node, as its clients would see it."""

    account_sid: AccountSid
    call_sids: tuple[CallSid, ...]
    """The call, and the call that it is a child of."""
    content: dict[str, Any]


CallSource: TypeAlias = CallStarted | StatusChanged | CallEnded | PartiesJoined | PartiesParted | VerbStarted
FeedSource: TypeAlias = CallSource | ProblemRaised | RecordingChanged | Relayed
_NAMES: Final[dict[type, str]] = {
    CallStarted: "call-started",
    StatusChanged: "call-status",
    CallEnded: "call-ended",
    PartiesJoined: "call-joined",
    PartiesParted: "call-parted",
    VerbStarted: "verb",
    ProblemRaised: "notification",
    RecordingChanged: "recording",
}


class FeedFilter(Struct, frozen=True):
    """Whose events a client reads; `call_sid` None: of all calls of the account."""

    account_sid: AccountSid
    call_sid: CallSid | None = None


class Feed:
    """The ring of a node's events, and the clients that read it. An event's id is the position after it."""

    def __init__(self, bus: EventBus, represent: Callable[[CallRecord | RecordingRecord], Json]) -> None:
        """`represent` makes of a record what REST shows of it."""
        self._bus = bus
        self._detach: list[Callable[[], None]] = []
        self._rest_timer: asyncio.TimerHandle | None = None
        self._represent = represent
        self._epoch = random_hex()[:8]
        self._kept: deque[FeedSource] = deque(maxlen=MAX_KEPT)
        self._next = 0
        self._wakers: set[asyncio.Event] = set()
        self.has_clients = asyncio.Event()
        """Set while a client is connected."""
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False
        self._export: Callable[[Relayed], None] | None = None
        self._is_export_wanted: Callable[[], bool] = bool

    def close(self) -> None:
        """End every client's stream: the node stops."""
        self._is_closed = True
        self._stop_rest_timer()
        self._wake()

    def export_to(self, export: Callable[[Relayed], None], is_wanted: Callable[[], bool]) -> None:
        """Give each event of this node to `export` too, while `is_wanted`."""
        self._export, self._is_export_wanted = export, is_wanted
        self._start_keeping()

    def relay(self, event: Relayed) -> None:
        """Take in an event of another node."""
        self._kept.append(event)
        self._next += 1
        self._wake_soon()

    @property
    def clients(self) -> int:
        """How many are connected."""
        return len(self._wakers)

    @property
    def is_full(self) -> bool:
        """Whether one more client is refused."""
        return self._is_closed or len(self._wakers) >= MAX_CLIENTS

    async def stream(
        self, wanted: FeedFilter, last_event_id: str | None, may_read: Callable[[], Awaitable[bool]]
    ) -> AsyncGenerator[bytes, None]:
        """The text of a client's stream: what followed `last_event_id` (None: from now on), then what happens.

        Ends when the node stops, or `may_read` says no: it is asked every `KEEP_ALIVE_S` seconds.
        """
        loop = asyncio.get_running_loop()
        waker = asyncio.Event()
        self._wakers.add(waker)
        self.has_clients.set()
        self._stop_rest_timer()
        self._start_keeping()
        try:
            resumed = self._position_after(last_event_id)
            head = self._reset() if resumed is None else b": connected\n\n"
            position = self._next if resumed is None else resumed
            yield b"retry: 2000\n\n" + head
            asked_at = loop.time()
            while not self._is_closed:
                waker.clear()
                if text := self._text_since(position, wanted):
                    yield text
                position = self._next
                try:
                    async with asyncio.timeout_at(asked_at + KEEP_ALIVE_S):
                        await waker.wait()
                except TimeoutError:
                    asked_at = loop.time()
                    if not await may_read():
                        return
                    yield b": keep-alive\n\n"
        finally:
            self._wakers.discard(waker)
            if not self._wakers:
                self.has_clients.clear()
                if self._export is None and not self._is_closed:
                    self._rest_timer = loop.call_later(RESUME_S, self._rest)

    def _start_keeping(self) -> None:
        if not self._detach:
            self._detach = [self._bus.attach(kind, self._keep) for kind in _NAMES]

    def _rest(self) -> None:
        """Keep nothing until the next client comes; for one that comes back, the positions of before are gone."""
        self._rest_timer = None
        for detach in self._detach:
            detach()
        self._detach = []
        self._kept.clear()
        self._epoch = random_hex()[:8]

    def _stop_rest_timer(self) -> None:
        if self._rest_timer is not None:
            self._rest_timer.cancel()
            self._rest_timer = None

    def _keep(self, event: FeedSource) -> None:
        self._kept.append(event)
        self._next += 1
        if self._wakers:
            self._wake_soon()
        if self._export is not None and self._is_export_wanted():
            self._export(_relayed(event, self._content(event)))

    def _wake_soon(self) -> None:
        if self._wakers and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER_S, self._wake)

    def _wake(self) -> None:
        self._timer = None
        for waker in self._wakers:
            waker.set()

    def _position_after(self, last_event_id: str | None) -> int | None:
        """Where a client goes on; None: what it has missed is gone."""
        if not last_event_id:
            return self._next
        epoch, _, number = last_event_id.partition("-")
        if epoch != self._epoch or not number.isdecimal() or len(number) > 18:
            return None
        position = int(number)
        return position if self._oldest <= position <= self._next else None

    @property
    def _oldest(self) -> int:
        return self._next - len(self._kept)

    def _text_since(self, position: int, wanted: FeedFilter) -> bytes:
        if position < self._oldest:
            return self._reset()
        return b"".join(self._texts_since(position, wanted))

    def _texts_since(self, position: int, wanted: FeedFilter) -> Iterator[bytes]:
        oldest = self._oldest
        for number in range(position, self._next):
            event = self._kept[number - oldest]
            if _is_wanted(event, wanted):
                yield _sse(f"{self._epoch}-{number + 1}", self._content(event))

    def _reset(self) -> bytes:
        return _sse(f"{self._epoch}-{self._next}", {"type": "reset"})

    def _content(self, event: FeedSource) -> dict[str, Json]:
        if isinstance(event, Relayed):
            return event.content
        content: dict[str, Json] = {"type": _NAMES[type(event)], "at": _iso(event.at)}
        match event:
            case RecordingChanged(recording):
                content |= {"sid": recording.sid, "call_sid": recording.call_sid, "status": recording.status}
                content["recording"] = self._represent(recording)
            case ProblemRaised(problem):
                content |= {"sid": event.call_sid, "call_sid": event.call_sid, "code": problem.code}
                content |= {"message": problem.text, "warning": problem.is_warning}
            case _:
                content |= _of_call(event)
                content["call"] = self._represent(event.record)
        return content


def _of_call(event: CallSource) -> dict[str, Json]:
    record = event.record
    content: dict[str, Json] = {"sid": record.sid, "call_sid": record.sid, "status": record.status}
    match event:
        case PartiesJoined(joined=Bridged(other)) | PartiesParted(joined=Bridged(other)):
            content["with"] = other
        case VerbStarted(position=position):
            content |= {"verb": position.verb, "line": position.line}
    return content


def _is_wanted(event: FeedSource, wanted: FeedFilter) -> bool:
    match event:
        case Relayed(account, calls):
            return account == wanted.account_sid and (wanted.call_sid is None or wanted.call_sid in calls)
        case RecordingChanged(recording):
            account, call = recording.account_sid, recording.call_sid
            return account == wanted.account_sid and wanted.call_sid in (None, call)
        case ProblemRaised():
            is_of_call = wanted.call_sid in (None, event.call_sid)
            return event.account_sid == wanted.account_sid and is_of_call
        case _:
            record = event.record
            is_of_call = wanted.call_sid in (None, record.sid, record.parent_call_sid)
            return record.account_sid == wanted.account_sid and is_of_call


def _relayed(event: FeedSource, content: dict[str, Json]) -> Relayed:
    match event:
        case Relayed():
            return event
        case RecordingChanged(recording):
            return Relayed(recording.account_sid, (recording.call_sid,), content)
        case ProblemRaised():
            return Relayed(event.account_sid, tuple(filter(None, [event.call_sid])), content)
        case _:
            record = event.record
            calls = tuple(filter(None, [record.sid, record.parent_call_sid]))
            return Relayed(record.account_sid, calls, content)


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _sse(identifier: str, content: dict[str, Json]) -> bytes:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), default=dict)
    return f"id: {identifier}\ndata: {text}\n\n".encode("utf-8", "replace")
