"""Everything that happened on one call, in order: SIP messages, HTTP exchanges, verbs, media figures.

A subscriber of the event bus that turns events into rows of JSON. They are kept in memory while the call lives and for
a moment longer (the answer to our BYE or the ACK of a refusal comes after its end), then written in one piece: a row
for each message in the database would cost more than the call itself. Those of a call that lasts are packed meanwhile.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Final, TypeAlias, cast

from msgspec import Struct
from msgspec.msgpack import Decoder, Encoder
from msgspec.structs import asdict

from callapi.base.clock import utc_now
from callapi.base.ids import CallSid
from callapi.calls.bridges.joined import Bridged, InConference, InQueue, Joined, Streaming
from callapi.calls.conferences.events import ConferenceStep
from callapi.calls.events import (
    CallClosed,
    CallEnded,
    CallOpened,
    ConferenceChanged,
    ConversationChanged,
    DigitReceived,
    DocumentRead,
    EventBus,
    FirstPacketReceived,
    MachineDetected,
    MediaMeasured,
    MediaSampled,
    PartiesJoined,
    PartiesParted,
    ProblemRaised,
    SpeechRecognised,
    StatusChanged,
    StreamChanged,
    TranscriptionChanged,
    TransferChanged,
    VerbStarted,
)
from callapi.calls.records.packed_events import PackedEvents
from callapi.media import StreamStatistics
from callapi.sip import Traced
from callapi.store import AddEvents, EventRecord, Json
from callapi.webhooks import HttpExchange

MAX_EVENTS: Final = 1000
MAX_EARLY_CALLS: Final = 1000
MAX_EARLY_MESSAGES: Final = 4
MAX_SAID: Final = 2000
"""Characters of one thing that was said in a conversation."""
LATE_S: Final = 1.0
"""How long after its end a call's timeline stays open for its last messages."""
PACK_AFTER_S: Final = 20.0
"""How old a timeline is when what it has so far is packed: most of a call that lasts, and nothing of a short one."""
PIECE: Final = 64
"""Events that follow are packed when so many have come."""
_PRIVATE: Final = frozenset({"Digits", "SpeechResult"})
"""What a caller typed or said may be a secret: the timeline shows that it was sent, not its content."""

_TALKING: Final = frozenset({ConferenceStep.SPEECH_START, ConferenceStep.SPEECH_STOP})
"""These come every few seconds while a participant talks."""


class SipSeen(Struct, frozen=True, gc=False):
    """A SIP message as a timeline keeps it: octets, which become text when the timeline is read."""

    at: datetime
    direction: str
    transport: str
    peer: str
    """Host and port."""
    message: bytes


class Figures(Struct, frozen=True, gc=False, array_like=True):
    """The counters of a stream as a timeline shows them."""

    packets_received: int
    packets_sent: int
    packets_lost: int
    packets_dropped: int
    jitter_ms: float
    round_trip_ms: float | None
    mos: float | None
    codec: str
    remote: str | None
    """Host and port; None: nothing is sent anywhere."""


class Sample(Struct, frozen=True, gc=False):
    """`Figures` as a timeline keeps them: a long call has many, of a quarter of the memory in this form."""

    at: datetime
    figures: bytes


Entry: TypeAlias = SipSeen | HttpExchange | Sample | EventRecord
_ENCODER: Final = Encoder()
_FIGURES: Final = Decoder(Figures)


class Timeline:
    """The events of one call, at most `MAX_EVENTS`; `dropped` counts those beyond.

    Messages are kept as they came and become JSON when they are asked for: of most calls that is once, at their end.
    """

    __slots__ = ("_entries", "_packed", "dropped")

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._packed: PackedEvents | None = None
        self.dropped = 0

    @property
    def events(self) -> tuple[EventRecord, ...]:
        """What happened so far."""
        packed = self._packed.events() if self._packed is not None else ()
        return packed + self._unpacked()

    def pack(self) -> None:
        """Pack what happened so far, and from now on each `PIECE` events that follow."""
        if self._packed is None:
            self._packed = PackedEvents()
        if self._packed.add(self._unpacked()):
            self._entries = []

    def add(self, kind: str, data: Mapping[str, Json]) -> None:
        """Note that `kind` happened now."""
        self._append(EventRecord(self._count, utc_now(), kind, data))

    def add_sip(self, traced: Traced) -> None:
        """Note a SIP message, whole, with the secrets taken out."""
        hop = traced.hop
        peer = _peer(hop.host, hop.port)
        self._append(SipSeen(utc_now(), traced.direction, hop.transport, peer, traced.data))

    def add_http(self, exchange: HttpExchange) -> None:
        """Note a request to the application."""
        self._append(exchange)

    def add_sample(self, at: datetime, figures: Figures) -> None:
        """Note the counters of the call's stream."""
        self._append(Sample(at, _ENCODER.encode(figures)))

    def as_change(self, sid: CallSid) -> AddEvents | None:
        """What the store is to keep, None if nothing happened."""
        return AddEvents(sid, self.events) if self._count else None

    @property
    def _count(self) -> int:
        return len(self._entries) + (self._packed.count if self._packed is not None else 0)

    def _append(self, entry: Entry) -> None:
        if self._count >= MAX_EVENTS:
            self.dropped += 1
            return
        self._entries.append(entry)
        if self._packed is not None and len(self._entries) % PIECE == 0:
            self.pack()

    def _unpacked(self) -> tuple[EventRecord, ...]:
        first = self._packed.count if self._packed is not None else 0
        return tuple([_event(sequence, entry) for sequence, entry in enumerate(self._entries, first)])


class Timelines:
    """The timelines of calls, found by what names a call: its Call-ID on the wire, its sid over HTTP.

    Each goes to `keep`, once, when its call has been over for `LATE_S`.
    """

    __slots__ = ("_by_call_id", "_by_sid", "_early", "_keep", "_over", "_packing", "_young")

    def __init__(self, keep: Callable[[CallSid, Timeline], None]) -> None:
        self._keep = keep
        self._early: OrderedDict[str, list[Traced]] = OrderedDict()
        """Messages of calls that are not open yet: an INVITE is on the wire before its call has a sid."""
        self._by_call_id: dict[str, Timeline] = {}
        self._by_sid: dict[str, Timeline] = {}
        self._over: dict[tuple[CallSid, str], asyncio.TimerHandle] = {}
        self._young: deque[tuple[float, CallSid]] = deque()
        """When each is to be packed, by the clock of the loop, in that order; some are over by then."""
        self._packing: asyncio.TimerHandle | None = None

    def attach_to(self, bus: EventBus) -> None:
        """Note what is published there from now on."""
        bus.attach(CallOpened, self._opened)
        bus.attach(CallClosed, self._closed)
        bus.attach(StatusChanged, self._moved)
        bus.attach(CallEnded, self._moved)
        bus.attach(DigitReceived, self._digit)
        bus.attach(FirstPacketReceived, self._first_packet)
        bus.attach(DocumentRead, self._document)
        bus.attach(MediaMeasured, self._measured)
        bus.attach(MediaSampled, self._sampled)
        bus.attach(ProblemRaised, self._raised)
        bus.attach(SpeechRecognised, self._recognised)
        bus.attach(VerbStarted, self._verb)
        bus.attach(TransferChanged, self._transfer)
        bus.attach(StreamChanged, self._stream)
        bus.attach(TranscriptionChanged, self._transcription)
        bus.attach(ConversationChanged, self._conversation)
        bus.attach(MachineDetected, self._machine)
        bus.attach(Traced, self.sip)
        bus.attach(HttpExchange, self.http)
        bus.attach(PartiesJoined, self._joined)
        bus.attach(PartiesParted, self._parted)
        bus.attach(ConferenceChanged, self._conference)

    def note(self, sid: CallSid, kind: str, data: Mapping[str, Json]) -> None:
        """Note what comes by no bus: on a call that is up, or over for less than `LATE_S`."""
        self._add(sid, kind, data)

    def _add(self, sid: CallSid, kind: str, data: Mapping[str, Json]) -> None:
        if (timeline := self._by_sid.get(sid)) is not None:
            timeline.add(kind, data)

    def _opened(self, event: CallOpened) -> None:
        self.open(event.record.sid, event.record.sip_call_id or "", Timeline())
        self._young.append((asyncio.get_running_loop().time() + PACK_AFTER_S, event.record.sid))
        if self._packing is None:
            self._await_oldest()

    def _closed(self, event: CallClosed) -> None:
        self.close(event.record.sid, event.record.sip_call_id or "")

    def _moved(self, event: StatusChanged | CallEnded) -> None:
        self._add(event.record.sid, "status", {"status": event.record.status})

    def _digit(self, event: DigitReceived) -> None:
        self._add(event.record.sid, "digit", {"source": event.source.value})

    def _first_packet(self, event: FirstPacketReceived) -> None:
        source = event.source
        self._add(event.record.sid, "media", {"first_packet_from": f"{source.host}:{source.port}"})

    def _measured(self, event: MediaMeasured) -> None:
        self._add(event.record.sid, "media", asdict(_figures(event.statistics)))

    def _sampled(self, event: MediaSampled) -> None:
        if (timeline := self._by_sid.get(event.record.sid)) is not None:
            timeline.add_sample(event.at, _figures(event.statistics))

    def _document(self, event: DocumentRead) -> None:
        self._add(event.record.sid, "document", {"url": event.url, "body": event.text})

    def _raised(self, event: ProblemRaised) -> None:
        if event.call_sid is not None:
            problem = event.problem
            data: dict[str, Json] = {"code": problem.code, "text": problem.text, "line": problem.line}
            self._add(event.call_sid, "notification", data)

    def _recognised(self, event: SpeechRecognised) -> None:
        self._add(event.record.sid, "speech", {"confidence": round(event.confidence, 2)})

    def _verb(self, event: VerbStarted) -> None:
        self._add(event.record.sid, "verb", {"name": event.position.verb, "line": event.position.line})

    def _stream(self, event: StreamChanged) -> None:
        data: dict[str, Json] = {"event": event.step, "stream_sid": event.stream_sid, "name": event.name}
        if event.error is not None:
            data["error"] = event.error
        self._add(event.record.sid, "stream", data)

    def _transcription(self, event: TranscriptionChanged) -> None:
        data: dict[str, Json] = {"event": event.step, "transcription_sid": event.transcription_sid}
        if event.text is not None:
            data |= {"track": event.track, "text": event.text, "confidence": event.confidence}
        if event.recording_sid is not None:
            data["recording_sid"] = event.recording_sid
        self._add(event.record.sid, "transcription", data)

    def _conversation(self, event: ConversationChanged) -> None:
        data: dict[str, Json] = {"event": event.step.value, "session_sid": event.session_sid}
        if event.text is not None:
            data["text"] = event.text[:MAX_SAID]
        if event.utterance is not None:
            data["utterance"] = event.utterance
        self._add(event.record.sid, "conversation", data)

    def _joined(self, event: PartiesJoined) -> None:
        self._add(event.record.sid, "joined", _with(event.joined))

    def _parted(self, event: PartiesParted) -> None:
        data = {**_with(event.joined), "seconds": round(event.joined_s, 1)}
        self._add(event.record.sid, "parted", data)

    def _conference(self, event: ConferenceChanged) -> None:
        participant = event.happening.participant
        if participant is None or event.happening.step in _TALKING:
            return
        data: dict[str, Json] = {
            "event": event.happening.step.value,
            "conference_sid": event.conference.sid,
            "name": event.conference.friendly_name,
        }
        if participant.call_sid_to_coach is not None:
            data["call_sid_to_coach"] = participant.call_sid_to_coach
        self._add(participant.call_sid, "conference", data)

    def _machine(self, event: MachineDetected) -> None:
        data: dict[str, Json] = {"answered_by": event.record.answered_by, "duration_ms": event.duration_ms}
        self._add(event.record.sid, "answering-machine-detection", data)

    def _transfer(self, event: TransferChanged) -> None:
        data: dict[str, Json] = {"step": event.step.value, "target": event.target, "code": event.code}
        self._add(event.record.sid, "transfer", data)

    def open(self, sid: CallSid, call_id: str, timeline: Timeline) -> None:
        """From now on the events of this call go into `timeline`."""
        self._by_sid[sid] = self._by_call_id[call_id] = timeline
        for traced in self._early.pop(call_id, ()):
            timeline.add_sip(traced)

    def _await_oldest(self) -> None:
        self._packing = asyncio.get_running_loop().call_at(self._young[0][0], self._pack_oldest)

    def _pack_oldest(self) -> None:
        """Pack one timeline; the next has its own turn of the loop, so that no other work waits for several."""
        _, sid = self._young.popleft()
        self._packing = None
        if self._young:
            self._await_oldest()
        if (timeline := self._by_sid.get(sid)) is not None:
            timeline.pack()

    def close(self, sid: CallSid, call_id: str) -> None:
        """The call is over; its last messages may be on their way."""
        self._over[sid, call_id] = asyncio.get_running_loop().call_later(LATE_S, self._put_away, sid, call_id)

    def close_all(self) -> None:
        """No event follows: keep the timelines of all calls that are over."""
        if self._packing is not None:
            self._packing.cancel()
            self._packing = None
        self._young.clear()
        for (sid, call_id), timer in list(self._over.items()):
            timer.cancel()
            self._put_away(sid, call_id)

    def _put_away(self, sid: CallSid, call_id: str) -> None:
        del self._over[sid, call_id]
        timeline = self._by_sid.pop(sid)
        if (
            self._by_call_id.get(call_id) is timeline
        ):  # a call that comes back to this node has its Call-ID twice
            del self._by_call_id[call_id]
        self._keep(sid, timeline)

    def events(self, sid: CallSid) -> tuple[EventRecord, ...]:
        """What happened so far on a call that is not put away; nothing if there is none."""
        timeline = self._by_sid.get(sid)
        return timeline.events if timeline else ()

    def sip(self, traced: Traced) -> None:
        """A message on the wire: the endpoint's trace."""
        call_id = traced.message.call_id
        if (timeline := self._by_call_id.get(call_id)) is not None:
            timeline.add_sip(traced)
            return
        waiting = self._early.setdefault(call_id, [])
        if len(waiting) < MAX_EARLY_MESSAGES:
            waiting.append(traced)
        if len(self._early) > MAX_EARLY_CALLS:
            self._early.popitem(last=False)

    def http(self, exchange: HttpExchange) -> None:
        """A request to an application: the fetcher's trace."""
        if (timeline := self._by_sid.get(exchange.call_sid)) is not None:
            timeline.add_http(exchange)


def _event(sequence: int, entry: Entry) -> EventRecord:
    # By type, not by pattern: it runs for each event of each call.
    if type(entry) is SipSeen:
        data: dict[str, Json] = {
            "direction": entry.direction,
            "peer": f"{entry.transport}:{entry.peer}",
            "message": entry.message.decode("utf-8", "replace"),
        }
        return EventRecord(sequence, entry.at, "sip", data)
    if type(entry) is HttpExchange:
        return EventRecord(sequence, entry.started_at, "http", _exchange(entry))
    if type(entry) is Sample:
        return EventRecord(sequence, entry.at, "sample", asdict(_FIGURES.decode(entry.figures)))
    return cast("EventRecord", entry)


def _exchange(exchange: HttpExchange) -> dict[str, Json]:
    parameters: dict[str, Json] = dict(exchange.parameters)
    for name in _PRIVATE:
        parameters.pop(name, None)
    return {
        "method": exchange.method,
        "url": exchange.url,
        "parameters": parameters,
        "status": exchange.status,
        "error": exchange.error,
        "duration_ms": round(exchange.duration_s * 1000, 1),
        "attempt": exchange.attempt,
    }


@lru_cache(maxsize=4096)
def _peer(host: str, port: int) -> str:
    """One text for all messages of a peer."""
    return f"{host}:{port}"


def _with(joined: Joined) -> dict[str, Json]:
    """What a call was connected to: a sid, and the name of a conference or queue."""
    match joined:
        case Bridged(other):
            return {"with": other}
        case InConference(sid, name) | InQueue(sid, name):
            return {"with": sid, "name": name}
        case Streaming(sid):
            return {"with": sid}


def _figures(heard: StreamStatistics) -> Figures:
    return Figures(
        packets_received=heard.packets_received,
        packets_sent=heard.packets_sent,
        packets_lost=heard.packets_lost,
        packets_dropped=heard.packets_dropped,
        jitter_ms=round(heard.jitter_ms, 2),
        round_trip_ms=heard.round_trip_ms,
        mos=heard.mos,
        codec=heard.codec,
        remote=_peer(heard.remote.host, heard.remote.port) if heard.remote else None,
    )
