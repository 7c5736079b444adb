"""How many connections there are, who gets them, and when they end."""

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from callapi.webhooks.client import pool as pool_module
from callapi.webhooks.client.connection import Connection
from callapi.webhooks.client.connector import Connector
from callapi.webhooks.client.pool import Pool
from callapi.webhooks.encoding import Origin

ONE, OTHER = Origin("http", "one.example", 80), Origin("http", "other.example", 80)


class Opened:
    """A connection without a peer."""

    def __init__(self, on_lost: Callable[[Connection], None]) -> None:
        self._on_lost = on_lost
        self.is_usable = True
        self.is_closed = False
        self.idle_since = 0.0

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed, self.is_usable = True, False
            self._on_lost(cast("Connection", self))


class Doors:
    """A connector that opens as many as it is asked for, until it `fails`."""

    def __init__(self) -> None:
        self.opened: list[Opened] = []
        self.fails = False

    async def connect(self, _origin: Origin, on_lost: Callable[[Connection], None]) -> Opened:
        await asyncio.sleep(0)
        if self.fails:
            raise ConnectionRefusedError(111, "refused")
        self.opened.append(Opened(on_lost))
        return self.opened[-1]


@pytest.fixture
def doors() -> Doors:
    return Doors()


@pytest.fixture
def pool(doors: Doors) -> Pool:
    return Pool(cast("Connector", doors))


async def test_a_connection_is_used_again_the_last_first(pool: Pool, doors: Doors) -> None:
    first, second = await pool.acquire(ONE, is_new=False), await pool.acquire(ONE, is_new=False)
    pool.release(first)
    pool.release(second)
    assert await pool.acquire(ONE, is_new=False) is second
    assert await pool.acquire(ONE, is_new=True) not in (first, second)
    assert await pool.acquire(ONE, is_new=False) is first
    await pool.acquire(OTHER, is_new=False)
    assert len(doors.opened) == 4


async def test_what_is_not_usable_is_closed(pool: Pool, doors: Doors) -> None:
    connection = await pool.acquire(ONE, is_new=False)
    connection.is_usable = False
    pool.release(connection)
    assert doors.opened[0].is_closed
    kept = await pool.acquire(ONE, is_new=False)
    pool.release(kept)
    doors.opened[1].close()  # by the peer, while it is idle
    assert await pool.acquire(ONE, is_new=False) is not kept


async def test_more_than_may_be_open_wait_in_their_order(
    pool: Pool, doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "MAX_TO_ONE_ORIGIN", 2)
    first = await pool.acquire(ONE, is_new=False)
    await pool.acquire(ONE, is_new=False)
    waiting = [asyncio.ensure_future(pool.acquire(ONE, is_new=False)) for _ in range(3)]
    await asyncio.sleep(0.01)
    assert not any(each.done() for each in waiting)
    waiting[0].cancel()
    pool.release(first)
    await asyncio.sleep(0.01)
    assert waiting[1].result() is first
    assert not waiting[2].done()
    doors.opened[1].close()  # lost while in use: a new one takes its place
    await asyncio.sleep(0.01)
    assert waiting[2].done()
    assert len(doors.opened) == 3


async def test_a_turn_that_was_given_to_a_cancelled_one_goes_on(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "MAX_TO_ONE_ORIGIN", 1)
    held = await pool.acquire(ONE, is_new=False)
    first, second = (asyncio.ensure_future(pool.acquire(ONE, is_new=False)) for _ in range(2))
    await asyncio.sleep(0.01)
    pool.release(held)
    first.cancel()
    assert await asyncio.wait_for(second, 1) is held


async def test_at_the_bound_of_all_an_idle_one_of_another_origin_makes_room(
    pool: Pool, doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "MAX_CONNECTIONS", 2)
    idle, held = await pool.acquire(ONE, is_new=False), await pool.acquire(ONE, is_new=False)
    pool.release(idle)
    await pool.acquire(OTHER, is_new=False)
    assert doors.opened[0].is_closed
    waiting = asyncio.ensure_future(pool.acquire(OTHER, is_new=False))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    pool.release(held)
    await asyncio.wait_for(waiting, 1)
    assert doors.opened[1].is_closed


async def test_a_failure_gives_its_place_back(
    pool: Pool, doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "MAX_TO_ONE_ORIGIN", 1)
    doors.fails = True
    for _ in range(3):
        with pytest.raises(ConnectionRefusedError):
            await pool.acquire(ONE, is_new=False)
    doors.fails = False
    await asyncio.wait_for(pool.acquire(ONE, is_new=False), 1)


async def test_what_is_idle_for_long_is_closed(
    pool: Pool, doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "_KEPT_S", 0.05)
    early, late = await pool.acquire(ONE, is_new=False), await pool.acquire(ONE, is_new=False)
    pool.release(early)
    await asyncio.sleep(0.03)
    pool.release(late)
    await asyncio.sleep(0.035)
    assert [each.is_closed for each in doors.opened] == [True, False]
    await asyncio.sleep(0.05)
    assert [each.is_closed for each in doors.opened] == [True, True]


async def test_closing_the_pool_closes_all(pool: Pool, doors: Doors) -> None:
    held, idle = await pool.acquire(ONE, is_new=False), await pool.acquire(ONE, is_new=False)
    pool.release(idle)
    pool.close()
    pool.release(held)
    assert all(each.is_closed for each in doors.opened)
