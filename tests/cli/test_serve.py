"""Signals: the first drains, the second is in a hurry."""

import asyncio
from typing import Any

from callapi.cli.serve import StopSignals, drained


class _Node:
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.is_drained = False

    async def drain(self) -> None:
        await asyncio.sleep(self.seconds)
        self.is_drained = True


def _node(seconds: float) -> Any:
    return _Node(seconds)


async def test_one_signal_waits_for_the_last_call() -> None:
    node, orders = _node(0.05), StopSignals()
    orders.received()
    assert orders.stop.is_set()
    assert not orders.stop_now.is_set()
    await drained(node, orders)
    assert node.is_drained


async def test_a_second_signal_does_not_wait() -> None:
    node, orders = _node(60), StopSignals()
    orders.received()
    asyncio.get_running_loop().call_later(0.02, orders.received)
    async with asyncio.timeout(2):
        await drained(node, orders)
    assert not node.is_drained


async def test_a_third_changes_nothing() -> None:
    orders = StopSignals()
    for _ in range(3):
        orders.received()
    assert orders.stop_now.is_set()
