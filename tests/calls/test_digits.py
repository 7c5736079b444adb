"""`DigitBuffer`: digits typed ahead, in order, bounded; whoever waits gets the next one."""

import asyncio

from callapi.calls.digits import TYPE_AHEAD, DigitBuffer


async def test_the_oldest_digits_are_forgotten_past_the_bound() -> None:
    digits = DigitBuffer()
    for digit in "9" + "1" * (TYPE_AHEAD - 1) + "2":
        digits.put(digit)
    taken = [await digits.get() for _ in range(TYPE_AHEAD)]
    assert taken == [*"1" * (TYPE_AHEAD - 1), "2"]


async def test_who_waits_gets_what_is_pressed_and_a_cancelled_wait_loses_nothing() -> None:
    digits = DigitBuffer()
    cancelled, waiting = (asyncio.create_task(digits.get()) for _ in range(2))
    await asyncio.sleep(0)
    digits.put("5")
    cancelled.cancel()
    assert await asyncio.wait_for(waiting, 5) == "5"
    digits.put("7")
    digits.clear()
    digits.put("8")
    assert await digits.get() == "8"
