"""Calls that a crash left behind get their final record and callback, under the event id they would have had."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from callapi.base.ids import AccountSid, CallSid, ConferenceSid
from callapi.calls.events import EventBus
from callapi.calls.records.callbacks import status_callback_row
from callapi.calls.records.journal import Journal
from callapi.calls.records.reconciliation import close_conferences_a_crash_left, close_what_a_crash_left
from callapi.store import CallRecord, ConferenceRecord
from tests.verbs.world import Book

NOW = datetime(2026, 11, 17, 10, 0, 0, tzinfo=UTC)
TALKING = CallRecord(
    sid=CallSid("CA" + "1" * 32),
    account_sid=AccountSid("AC" + "0" * 32),
    from_="sip:alice@127.0.0.1",
    to="sip:bob@127.0.0.1",
    direction="outbound-dial",
    status="in-progress",
    date_created=NOW,
    date_updated=NOW + timedelta(seconds=5),
    api_version="2012-04-24",
    node="node-1",
    answer_time=NOW,
    start_time=NOW,
    status_callback="http://app/status",
    status_callback_method="POST",
    status_callback_events=("answered", "completed"),
    sequence_number=1,
)


class Left:
    """Two calls without an end."""

    async def live_ones(self, node: str) -> tuple[CallRecord, ...]:
        ringing = replace(
            TALKING, sid=CallSid("CA" + "2" * 32), status="ringing", answer_time=None, sequence_number=0
        )
        return (TALKING, ringing) if node == "node-1" else ()


def _bus(book: Book) -> EventBus:
    bus = EventBus()
    Journal(book).attach_to(bus)  # type: ignore[arg-type]
    return bus


async def test_each_gets_its_end_and_its_callback() -> None:
    book = Book()
    assert await close_what_a_crash_left(Left(), _bus(book), "node-1") == 2
    talking, ringing = book.calls.values()
    assert (talking.status, ringing.status) == ("completed", "failed")
    assert (talking.duration, ringing.duration) == (5, 0)
    assert talking.end_time is not None
    assert talking.end_reason == "the node broke off"
    reported = [dict(each.parameters) for each in book.callbacks]
    assert [(each["CallStatus"], each["SequenceNumber"]) for each in reported] == [
        ("completed", "1"),
        ("failed", "0"),
    ]
    assert reported[0]["CallDuration"] == "5"


async def test_the_event_id_is_the_one_that_the_end_would_have_had() -> None:
    book = Book()
    await close_what_a_crash_left(Left(), _bus(book), "node-1")
    regular = status_callback_row(replace(TALKING, status="completed", end_time=NOW), NOW)
    assert regular is not None
    assert book.callbacks[0].event_id == regular.event_id


class LeftRooms:
    """A room without an end, for which an application waits."""

    async def live_ones(self, node: str) -> tuple[ConferenceRecord, ...]:
        return (
            ConferenceRecord(
                sid=ConferenceSid("CF" + "1" * 32),
                account_sid=AccountSid("AC" + "0" * 32),
                friendly_name="Room",
                status="in-progress",
                date_created=NOW,
                date_updated=NOW,
                api_version="2012-04-24",
                node=node,
                status_callback="http://app/room",
                status_callback_events=("end",),
                sequence_number=4,
            ),
        )


async def test_rooms_that_a_crash_left_get_their_end() -> None:
    book = Book()
    assert await close_conferences_a_crash_left(LeftRooms(), _bus(book), "node-1") == 1
    (room,) = book.conferences.values()
    assert (room.status, room.sequence_number) == ("completed", 5)
    (reported,) = book.reported("/room")
    assert (reported["StatusCallbackEvent"], reported["SequenceNumber"]) == ("conference-end", "4")
