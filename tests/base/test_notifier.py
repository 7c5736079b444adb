"""`Notifier`: those that wait at the moment are woken, and no other."""

import asyncio

from callapi.base.notifier import Notifier


async def test_everybody_who_waits_is_woken_once() -> None:
    bell = Notifier()
    waits = [asyncio.create_task(bell.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    bell.ring()
    await asyncio.wait_for(asyncio.gather(*waits), 5)
    later = asyncio.create_task(bell.wait())
    await asyncio.sleep(0)
    assert not later.done()
    later.cancel()


async def test_a_wait_that_was_cancelled_disturbs_no_other() -> None:
    bell = Notifier()
    cancelled, other = (asyncio.create_task(bell.wait()) for _ in range(2))
    await asyncio.sleep(0)
    cancelled.cancel()
    bell.ring()
    await asyncio.wait_for(other, 5)
    assert cancelled.cancelled() or cancelled.cancelling()
    bell.ring()
