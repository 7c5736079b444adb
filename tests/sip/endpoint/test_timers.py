"""One heap, one alarm: due timers fire in order, stopped ones never, and nothing piles up."""

import asyncio
from enum import StrEnum

from callapi.sip.endpoint.timers import SLACK, TimerQueue, Timing
from callapi.sip.transaction.timers import Timer
from tests.virtual_time import run


class Owner:
    def __init__(self, name: str) -> None:
        self.name = name
        self.timers: dict[StrEnum, Timing] = {}


class Watch:
    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.fired: list[tuple[float, str, str]] = []
        self.queue = TimerQueue(self.loop, self.fire)

    def fire(self, owner: object, timer: StrEnum) -> None:
        assert isinstance(owner, Owner)
        self.fired.append((self.loop.time(), owner.name, str(timer)))


def test_timers_fire_in_order_and_on_time() -> None:
    async def story() -> None:
        watch, one, two = Watch(), Owner("one"), Owner("two")
        watch.queue.start(one, Timer.B, 32.0)
        watch.queue.start(one, Timer.A, 0.5)
        watch.queue.start(two, Timer.A, 0.25)
        await asyncio.sleep(40)
        assert [(name, timer) for _, name, timer in watch.fired] == [("two", "A"), ("one", "A"), ("one", "B")]
        for (at, _, _), due in zip(watch.fired, (0.25, 0.5, 32.0), strict=True):
            assert due <= at <= due + 2 * SLACK
        assert (len(watch.queue), one.timers, two.timers) == (0, {}, {})

    run(story())


def test_stopped_and_replaced_timers_do_not_fire() -> None:
    async def story() -> None:
        watch, owner = Watch(), Owner("one")
        watch.queue.start(owner, Timer.A, 0.5)
        watch.queue.start(owner, Timer.A, 2.0)
        watch.queue.start(owner, Timer.B, 1.0)
        watch.queue.stop(owner, Timer.B)
        watch.queue.stop(owner, Timer.D)
        assert len(watch.queue) == 1
        await asyncio.sleep(5)
        assert [(round(at, 1), timer) for at, _, timer in watch.fired] == [(2.0, "A")]

    run(story())


def test_stopped_timers_do_not_pile_up() -> None:
    async def story() -> None:
        watch = Watch()
        for _ in range(10_000):
            owner = Owner("brief")
            for timer in (Timer.A, Timer.B, Timer.D):
                watch.queue.start(owner, timer, 32.0)
            watch.queue.stop_all(owner)
        assert len(watch.queue) == 0
        assert len(watch.queue._heap) < 1_000
        await asyncio.sleep(40)
        assert watch.fired == []

    run(story())


def test_an_owner_may_start_and_stop_timers_while_one_fires() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        owner, seen = Owner("one"), []

        def fire(fired: object, timer: StrEnum) -> None:
            seen.append((round(loop.time(), 1), str(timer)))
            if timer is Timer.A and len(seen) < 3:
                queue.start(owner, Timer.A, loop.time() + 1)
            else:
                queue.stop_all(owner)

        queue = TimerQueue(loop, fire)
        queue.start(owner, Timer.A, 1.0)
        queue.start(owner, Timer.B, 10.0)
        await asyncio.sleep(20)
        assert seen == [(1.0, "A"), (2.0, "A"), (3.0, "A")]

    run(story())


def test_closing_forgets_everything() -> None:
    async def story() -> None:
        watch, owner = Watch(), Owner("one")
        watch.queue.start(owner, Timer.A, 1.0)
        watch.queue.close()
        await asyncio.sleep(5)
        assert (watch.fired, len(watch.queue)) == ([], 0)

    run(story())
