"""The time limit of a call, in virtual time."""

import asyncio

import pytest

from callapi.calls.time_limit import TimeLimit
from tests.virtual_time import run


@pytest.mark.parametrize(("seconds", "changed", "expires_s"), [(10, None, 10), (10, 60, 60), (100, 5, 20)])
def test_it_counts_from_the_answer(seconds: int, changed: int | None, expires_s: int) -> None:
    """Changed 20 s after the answer: what is over already ends at once."""

    async def story() -> None:
        clock = asyncio.get_running_loop().time
        expired: list[float] = []
        limit = TimeLimit(lambda: expired.append(clock() - answered_at), None)
        limit.set(seconds if changed is None else 1000)
        await asyncio.sleep(7)
        answered_at = clock()
        limit.begin(answered_at)
        await asyncio.sleep(20 if changed is not None else 0)
        if changed is not None:
            limit.set(changed)
        await asyncio.sleep(200)
        assert expired == [pytest.approx(expires_s)]

    run(story())


def test_a_call_that_is_over_has_no_limit() -> None:
    async def story() -> None:
        expired: list[bool] = []
        limit = TimeLimit(lambda: expired.append(True), asyncio.get_running_loop().time())
        limit.set(5)
        limit.close()
        await asyncio.sleep(10)
        assert not expired

    run(story())
