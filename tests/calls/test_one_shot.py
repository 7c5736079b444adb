"""Waiting for what happens once."""

import asyncio

import pytest

from callapi.calls.one_shot import OneShot, first_of


async def test_every_waiter_gets_the_value_and_latecomers_get_it_at_once() -> None:
    one_shot: OneShot[int] = OneShot()
    async with asyncio.TaskGroup() as group:
        waits = [group.create_task(one_shot.wait()) for _ in range(3)]
        await asyncio.sleep(0)
        one_shot.set(7)
        one_shot.set(8)
    assert [each.result() for each in waits] == [7, 7, 7]
    assert await one_shot.wait() == 7


async def test_a_cancelled_wait_disturbs_no_other_and_leaves_nothing_behind() -> None:
    one_shot: OneShot[int] = OneShot()
    async with asyncio.TaskGroup() as group:
        leaving, staying = group.create_task(one_shot.wait()), group.create_task(one_shot.wait())
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.sleep(0)
        assert len(one_shot._waiters) == 1
        one_shot.set(1)
    assert leaving.cancelled()
    assert staying.result() == 1


async def test_then_acts_when_it_comes() -> None:
    one_shot: OneShot[str] = OneShot()
    seen: list[str] = []
    one_shot.then(seen.append)
    one_shot.set("rang")
    one_shot.set("again")
    assert seen == ["rang"]


async def test_the_first_of_several_wins_and_the_others_have_unwound() -> None:
    unwound: list[str] = []

    async def forever(name: str) -> str:
        try:
            await asyncio.Event().wait()
        finally:
            unwound.append(name)
        return name

    async def soon() -> str:
        await asyncio.sleep(0)
        return "soon"

    assert await first_of(forever("a"), soon(), forever("b")) == "soon"
    assert sorted(unwound) == ["a", "b"]


async def test_a_wait_that_takes_too_long_raises_and_leaves_nothing_behind() -> None:
    one_shot: OneShot[int] = OneShot()
    with pytest.raises(TimeoutError):
        await one_shot.wait(0.001)
    assert not one_shot._waiters
    one_shot.set(1)
    assert await one_shot.wait(0) == 1


async def test_a_value_that_comes_in_the_moment_in_which_the_time_is_up_counts() -> None:
    one_shot: OneShot[int] = OneShot()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(one_shot.wait(60))
        await asyncio.sleep(0)
        one_shot._waiters[0].set_result(None)  # as its timer does
        one_shot.set(1)
    assert waiting.result() == 1


async def test_a_wait_with_a_bound_is_cancelled_as_any_other() -> None:
    one_shot: OneShot[int] = OneShot()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(one_shot.wait(60))
        await asyncio.sleep(0)
        waiting.cancel()
    assert waiting.cancelled()
    assert not one_shot._waiters
