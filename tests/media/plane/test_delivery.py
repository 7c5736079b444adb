"""The queue of events is bounded and survives cancellation; an outcome is delivered once, to all waiters."""

import asyncio

import pytest

from callapi.media.errors import StreamClosed
from callapi.media.plane.delivery import QUEUE_BOUND, EventQueue, Outcome
from callapi.media.plane.events import PlaybackEnded, Stalled


async def test_events_come_in_order_and_the_iterator_ends_with_the_stream() -> None:
    queue = EventQueue()
    queue.put(Stalled(1.0))
    queue.put(Stalled(2.0))
    queue.close()
    queue.put(Stalled(3.0))
    assert [event async for event in queue] == [Stalled(1.0), Stalled(2.0)]
    with pytest.raises(StreamClosed):
        await queue.next()


async def test_a_cancelled_wait_loses_no_event() -> None:
    queue = EventQueue()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.next(), 0.01)
    queue.put(Stalled(1.0))
    assert await queue.next() == Stalled(1.0)


async def test_a_wait_ends_when_the_queue_is_closed() -> None:
    queue = EventQueue()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(anext(queue, None))
        await asyncio.sleep(0)
        queue.close()
    assert waiting.result() is None


async def test_what_is_not_taken_is_bounded_and_counted() -> None:
    queue = EventQueue()
    for number in range(QUEUE_BOUND + 3):
        queue.put(PlaybackEnded(number, finished=True))
    assert queue.lost == 3
    assert await queue.next() == PlaybackEnded(3, finished=True)


async def test_an_outcome_outlives_a_cancelled_waiter_and_is_set_once() -> None:
    outcome: Outcome[int] = Outcome()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(outcome.wait(), 0.01)
    outcome.set(1)
    outcome.set(2)
    assert outcome.is_set
    assert await outcome.wait() == await outcome.wait() == 1
