"""Attempts with pauses, in virtual time: how often, how far apart, and what cancels them."""

import asyncio
from itertools import islice

import pytest

from callapi.base.retrying import FIRST_S, MAX_S, every, looked_up, pauses, retried
from tests.virtual_time import run


class DatabaseAway(Exception):
    """Of this test."""


def test_pauses_double_up_to_a_bound() -> None:
    assert list(islice(pauses(1, 5), 5)) == [1, 2, 4, 5, 5]
    assert max(islice(pauses(), 20)) == MAX_S


def test_an_attempt_is_made_until_it_succeeds_and_reported_once() -> None:
    async def story() -> None:
        begun, made, reported = asyncio.get_running_loop().time(), [], list[str]()

        async def attempt() -> str:
            made.append(asyncio.get_running_loop().time() - begun)
            if len(made) < 4:
                raise DatabaseAway(str(len(made)))
            return "done"

        assert (
            await retried(attempt, DatabaseAway, on_failure=lambda error: reported.append(str(error)))
            == "done"
        )
        assert made == [0, FIRST_S, 3 * FIRST_S, 7 * FIRST_S]
        assert reported == ["1"]

    run(story())


def test_another_error_is_not_tried_again() -> None:
    async def attempt() -> None:
        raise ValueError("a mistake")

    async def story() -> None:
        with pytest.raises(ValueError, match="a mistake"):
            await retried(attempt, DatabaseAway)

    run(story())


def test_an_outage_without_end_is_ended_by_cancellation() -> None:
    async def attempt() -> None:
        raise DatabaseAway

    async def story() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3600):
                await retried(attempt, DatabaseAway)

    run(story())


@pytest.mark.parametrize(("found_at", "expected", "seconds"), [(1, 1, 0.0), (3, 3, 1.0), (5, None, 1.5)])
def test_a_look_up_has_a_bound(found_at: int, expected: int | None, seconds: float) -> None:
    async def story() -> None:
        looks = 0
        begun = asyncio.get_running_loop().time()

        async def look() -> int | None:
            nonlocal looks
            looks += 1
            return looks if looks >= found_at else None

        assert await looked_up(look, 4, 0.5) == expected
        assert asyncio.get_running_loop().time() - begun == pytest.approx(seconds)

    run(story())


def test_a_round_follows_the_end_of_the_one_before() -> None:
    async def story() -> None:
        begun, rounds = asyncio.get_running_loop().time(), list[float]()

        async def act() -> None:
            rounds.append(asyncio.get_running_loop().time() - begun)
            await asyncio.sleep(1)

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await every(3, act)
        assert rounds == [0, 4, 8]

    run(story())
