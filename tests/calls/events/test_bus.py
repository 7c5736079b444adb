"""The bus: who hears what, in which order, and that a slow or broken subscriber costs the publisher nothing."""

import asyncio
from datetime import UTC, datetime

import pytest

from callapi.base.ids import AccountSid, CallSid
from callapi.calls.events import CallClosed, CallOpened, Event, EventBus, SpeechRecognised
from callapi.store import CallRecord

NOW = datetime(2026, 11, 17, 10, 0, 0, tzinfo=UTC)
RECORD = CallRecord(
    sid=CallSid("CA" + "1" * 32),
    account_sid=AccountSid("AC" + "0" * 32),
    from_="alice",
    to="bob",
    direction="inbound",
    status="ringing",
    date_created=NOW,
    date_updated=NOW,
    api_version="2012-04-24",
    node="node-1",
)
OPENED, CLOSED = CallOpened(RECORD, NOW), CallClosed(RECORD, NOW)


def test_a_handler_runs_inside_publish_and_hears_its_type_alone() -> None:
    bus, heard = EventBus(), list[Event]()
    bus.attach(CallOpened, heard.append)
    bus.publish(CLOSED)
    assert heard == []
    bus.publish(OPENED)
    assert heard == [OPENED]


def test_handlers_run_in_the_order_of_attachment_and_can_be_detached() -> None:
    bus, heard = EventBus(), list[str]()
    first = bus.attach(CallOpened, lambda _: heard.append("first"))
    bus.attach(CallOpened, lambda _: heard.append("second"))
    bus.publish(OPENED)
    assert heard == ["first", "second"]
    first()
    bus.publish(OPENED)
    assert heard == ["first", "second", "second"]


def test_nothing_is_wanted_that_has_no_subscriber() -> None:
    bus = EventBus()
    assert not bus.wants(CallOpened)
    detach = bus.attach(CallOpened, lambda _: None)
    assert bus.wants(CallOpened)
    assert not bus.wants(CallClosed)
    detach()
    assert not bus.wants(CallOpened)


def test_a_handler_that_raises_disturbs_neither_the_publisher_nor_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bus, heard = EventBus(), list[Event]()

    def broken(_: CallOpened) -> None:
        raise ValueError("broken")

    bus.attach(CallOpened, broken)
    bus.attach(CallOpened, heard.append)
    bus.publish(OPENED)
    assert heard == [OPENED]
    assert "a subscriber failed on CallOpened" in caplog.text


def test_only_members_of_the_union_can_be_subscribed_to() -> None:
    with pytest.raises(TypeError, match="not an event type"):
        EventBus().attach(int, lambda _: None)


async def test_a_subscription_keeps_the_order_and_ends_when_it_is_closed() -> None:
    bus = EventBus()
    with bus.subscribe(CallOpened, CallClosed) as events:
        bus.publish(OPENED)
        bus.publish(SpeechRecognised(RECORD, NOW, 0.5))
        bus.publish(CLOSED)
    bus.publish(OPENED)
    assert [event async for event in events] == [OPENED, CLOSED]
    assert not bus.wants(CallOpened)


async def test_a_subscription_without_types_hears_everything() -> None:
    bus = EventBus()
    with bus.subscribe() as events:
        bus.publish(OPENED)
        bus.publish(CLOSED)
        assert [await events.next(), await events.next()] == [OPENED, CLOSED]


async def test_a_slow_subscriber_loses_the_oldest_events_and_knows_how_many() -> None:
    bus = EventBus()
    with bus.subscribe(CallOpened, CallClosed, capacity=2) as events:
        for event in (OPENED, OPENED, CLOSED, CLOSED):
            bus.publish(event)
        assert (len(events), events.dropped) == (2, 2)
        assert [await events.next(), await events.next()] == [CLOSED, CLOSED]


async def test_a_waiting_subscriber_wakes_on_an_event_and_on_the_end() -> None:
    bus = EventBus()
    with bus.subscribe(CallOpened) as events:
        waiting = asyncio.ensure_future(events.next())
        await asyncio.sleep(0)
        bus.publish(OPENED)
        assert await waiting == OPENED
        waiting = asyncio.ensure_future(events.next())
        await asyncio.sleep(0)
        events.close()
        assert await waiting is None
