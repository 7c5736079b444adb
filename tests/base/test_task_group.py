"""What a cancelled group leaves behind, and that it works as asyncio's does."""

import asyncio
import gc
import weakref

import pytest

from callapi.base.task_group import TaskGroup


class Held:
    """Something that a story refers to."""


async def story(seen: list[weakref.ref[Held]]) -> None:
    held = Held()
    seen.append(weakref.ref(held))
    async with TaskGroup() as group:
        group.create_task(asyncio.sleep(60))
        await asyncio.sleep(60)


def test_a_cancelled_group_leaves_no_cycle() -> None:
    async def whole() -> None:
        seen: list[weakref.ref[Held]] = []
        task = asyncio.create_task(story(seen))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        del task
        assert seen[0]() is None

    gc.collect()
    gc.disable()
    try:
        asyncio.run(whole())
    finally:
        gc.enable()


def test_errors_are_those_of_the_tasks() -> None:
    async def fails() -> None:
        raise ValueError("no")

    async def whole() -> None:
        async with TaskGroup() as group:
            group.create_task(fails())
            await asyncio.sleep(60)

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(whole())
    assert isinstance(caught.value.exceptions[0], ValueError)


def test_a_timeout_around_it_is_a_timeout() -> None:
    async def whole() -> None:
        async with asyncio.timeout(0.01), TaskGroup() as group:
            group.create_task(asyncio.sleep(60))

    with pytest.raises(TimeoutError):
        asyncio.run(whole())
