"""Timelines: what comes before a call is open and after it is over also belongs to it."""

import asyncio
from datetime import UTC, datetime

from msgspec.structs import replace

from callapi.base.ids import AccountSid, CallSid, ConferenceSid
from callapi.calls.bridges.joined import Bridged, InConference
from callapi.calls.conferences.events import ConferenceHappening, ConferenceStep, ParticipantFacts
from callapi.calls.events import (
    CallClosed,
    CallOpened,
    ConferenceChanged,
    ConversationChanged,
    ConversationStep,
    EventBus,
    MediaSampled,
    PartiesJoined,
    PartiesParted,
    TranscriptionChanged,
)
from callapi.calls.records.packed_events import PackedEvents
from callapi.calls.records.timeline import (
    LATE_S,
    MAX_EVENTS,
    MAX_SAID,
    PACK_AFTER_S,
    PIECE,
    Timeline,
    Timelines,
)
from callapi.media import MediaAddress, StreamStatistics
from callapi.sip import Traced
from callapi.sip.messages.message import Request
from callapi.sip.messages.uri import SipUri, Transport
from callapi.sip.transport import Hop
from callapi.store import ConferenceRecord
from tests.api.world import call_record
from tests.virtual_time import run

SID = CallSid("CA" + "1" * 32)
HOP = Hop(Transport.UDP, "127.0.0.1", 5060)


class Book:
    """What was kept: of each call the first words of its SIP messages."""

    def __init__(self) -> None:
        self.kept: list[tuple[CallSid, list[str]]] = []
        self.timelines = Timelines(self._keep)

    def _keep(self, sid: CallSid, timeline: Timeline) -> None:
        self.kept.append((sid, [str(each.data.get("message")) for each in timeline.events]))

    def hear(self, text: str, call_id: str = "one") -> None:
        """A message is on the wire."""
        request = Request("OPTIONS", SipUri.parse("sip:bob@127.0.0.1"))
        request.headers.add("Call-ID", call_id)
        self.timelines.sip(Traced(0.0, "received", HOP, request, text.encode()))


def test_first_and_last_messages_belong_to_the_call() -> None:
    """The INVITE comes before its call is open, the ACK of a refusal when it is over; each call is kept once."""

    async def story() -> None:
        book = Book()
        book.hear("INVITE")
        book.timelines.open(SID, "one", Timeline())
        book.hear("603")
        book.timelines.close(SID, "one")
        book.hear("ACK")
        assert len(book.timelines.events(SID)) == 3
        assert book.kept == []
        await asyncio.sleep(LATE_S)
        assert book.kept == [(SID, ["INVITE", "603", "ACK"])]
        book.hear("ACK again, far too late")
        assert not book.timelines.events(SID)
        book.timelines.close_all()
        await asyncio.sleep(LATE_S)
        assert len(book.kept) == 1

    run(story())


def test_at_the_end_of_the_node_nothing_is_waited_for() -> None:
    """Timelines of calls that are just over are kept at once."""

    async def story() -> None:
        book = Book()
        book.timelines.open(SID, "one", Timeline())
        book.timelines.close(SID, "one")
        book.timelines.close_all()
        assert [sid for sid, _ in book.kept] == [SID]
        await asyncio.sleep(2 * LATE_S)
        assert len(book.kept) == 1

    run(story())


def test_events_of_a_call_that_lasts_are_packed_and_read_as_before() -> None:
    """So are those that follow; what a short call had is gone when its turn would come."""

    async def story() -> None:
        book, bus = Book(), EventBus()
        book.timelines.attach_to(bus)
        call = call_record(AccountSid("AC" + "1" * 32), sid=SID, sip_call_id="one")
        short = replace(call, sid=CallSid("CA" + "2" * 32), sip_call_id="two")
        for each in (call, short):
            bus.publish(CallOpened(each, datetime.now(UTC)))
        bus.publish(CallClosed(short, datetime.now(UTC)))
        book.hear("INVITE ☎")
        book.timelines.note(SID, "listening", {"by": ["SK1"], "seconds": 1.5, "error": None})
        before = book.timelines.events(SID)
        await asyncio.sleep(PACK_AFTER_S + 1)
        assert [sid for sid, _ in book.kept] == [short.sid]
        assert book.timelines.events(SID) == before
        for number in range(2 * PIECE + 1):
            book.hear(f"INFO {number}")
        after = book.timelines.events(SID)
        assert after[:2] == before
        assert [each.sequence for each in after] == list(range(2 * PIECE + 3))
        assert [each.data["message"] for each in after[2:]] == [f"INFO {n}" for n in range(2 * PIECE + 1)]

    run(story())


def test_a_packed_timeline_takes_a_quarter_of_its_messages_and_has_the_same_bound() -> None:
    """Its messages repeat each other; text that cannot be packed stays as it is."""
    timeline, names = Timeline(), "Via: SIP/2.0/UDP 192.0.2.1\r\nFrom: <sip:bob@192.0.2.1>;tag=1\r\n"
    for number in range(40):
        timeline.add("sip", {"message": f"INFO {number}\r\n{names}{names}"})
    timeline.pack()
    packed = PackedEvents()
    assert packed.add(timeline.events)
    assert packed.size < 40 * 2 * len(names) / 4
    timeline.add("document", {"body": "\ud800"})
    timeline.pack()
    for _ in range(MAX_EVENTS):
        timeline.add("verb", {})
    assert [each.sequence for each in timeline.events] == list(range(MAX_EVENTS))
    assert timeline.events[40].data == {"body": "\ud800"}
    assert timeline.dropped == 41


def test_whom_a_call_hears_and_what_was_said_is_noted() -> None:
    """Bridges, rooms and their changes, transcribed text; of a room what concerns the call alone."""
    timelines, bus, now = Timelines(lambda *_: None), EventBus(), datetime.now(UTC)
    timelines.attach_to(bus)
    timelines.open(SID, "one", Timeline())
    account, other = AccountSid("AC" + "1" * 32), CallSid("CA" + "2" * 32)
    call = call_record(account, sid=SID)
    room = InConference(ConferenceSid("CF" + "1" * 32), "Monday")
    conference = ConferenceRecord(
        room.conference_sid, account, "Monday", "in-progress", now, now, "2010-04-01", "node-1"
    )
    facts = ParticipantFacts(SID, None, True, False, True, other, True, False)
    bus.publish(PartiesJoined(call, now, Bridged(other)))
    bus.publish(PartiesParted(call, now, Bridged(other), 1.26))
    bus.publish(PartiesJoined(call, now, room))
    for step in (ConferenceStep.MUTE, ConferenceStep.SPEECH_START):
        bus.publish(ConferenceChanged(conference, now, ConferenceHappening(step, facts)))
    bus.publish(ConferenceChanged(conference, now, ConferenceHappening(ConferenceStep.START)))
    said = TranscriptionChanged(call, now, "GT1", None, "transcription-content")
    bus.publish(replace(said, text="good morning", track="inbound_track", confidence=0.9))
    bus.publish(replace(said, step="transcription-completed", text="all of it", recording_sid="RE1"))
    words = ConversationChanged(call, now, "VX1", ConversationStep.PROMPT, "x" * (MAX_SAID + 1))
    bus.publish(words)
    bus.publish(replace(words, step=ConversationStep.STARTED, text=None))
    timelines.note(SID, "listening", {"event": "listening-started", "by": "SK1"})
    assert [(each.kind, dict(each.data)) for each in timelines.events(SID)] == [
        ("joined", {"with": other}),
        ("parted", {"with": other, "seconds": 1.3}),
        ("joined", {"with": room.conference_sid, "name": "Monday"}),
        (
            "conference",
            {
                "event": "participant-mute",
                "conference_sid": room.conference_sid,
                "name": "Monday",
                "call_sid_to_coach": other,
            },
        ),
        (
            "transcription",
            {
                "event": "transcription-content",
                "transcription_sid": "GT1",
                "track": "inbound_track",
                "text": "good morning",
                "confidence": 0.9,
            },
        ),
        (
            "transcription",
            {
                "event": "transcription-completed",
                "transcription_sid": "GT1",
                "track": None,
                "text": "all of it",
                "confidence": None,
                "recording_sid": "RE1",
            },
        ),
        ("conversation", {"event": "prompt", "session_sid": "VX1", "text": "x" * MAX_SAID}),
        ("conversation", {"event": "conversation-started", "session_sid": "VX1"}),
        ("listening", {"event": "listening-started", "by": "SK1"}),
    ]


def test_samples_are_shown_with_the_figures_of_their_stream() -> None:
    async def story() -> None:
        book, bus = Book(), EventBus()
        book.timelines.attach_to(bus)
        record = call_record(AccountSid("AC" + "1" * 32), sid=SID)
        timeline = Timeline()
        book.timelines.open(SID, "one", timeline)
        heard = StreamStatistics(
            5, 800, 7, 1120, 1, 2, 3.14159, 12.5, 4.2, "PCMU", MediaAddress("192.0.2.1", 4000)
        )
        at = datetime(2026, 11, 30, tzinfo=UTC)
        bus.publish(MediaSampled(record, at, heard))
        bus.publish(MediaSampled(record, at, StreamStatistics(packets_sent=1)))
        first, second = timeline.events
        assert (first.sequence, first.at, first.kind) == (0, at, "sample")
        assert first.data == {
            "packets_received": 5,
            "packets_sent": 7,
            "packets_lost": 1,
            "packets_dropped": 2,
            "jitter_ms": 3.14,
            "round_trip_ms": 12.5,
            "mos": 4.2,
            "codec": "PCMU",
            "remote": "192.0.2.1:4000",
        }
        assert (second.data["mos"], second.data["remote"]) == (None, None)
        for _ in range(MAX_EVENTS):
            bus.publish(MediaSampled(record, at, heard))
        assert (len(timeline.events), timeline.dropped) == (MAX_EVENTS, 2)

    run(story())
