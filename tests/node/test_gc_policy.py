"""The collector's hours: young garbage at once, old garbage when the last call is over, nothing of it otherwise."""

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from callapi.node import gc_policy
from callapi.node.gc_policy import EVERY_S, GcPolicy


class Knot:
    """Holds on to itself."""

    def __init__(self) -> None:
        self.myself = self


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


async def test_young_garbage_is_found_while_calls_are_up() -> None:
    working = GcPolicy(lambda: False)
    working.start()
    assert not gc.isenabled()
    knot = weakref.ref(Knot())
    await asyncio.sleep(3 * EVERY_S)
    assert knot() is None
    working.stop()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


async def test_old_garbage_is_found_after_a_while_without_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gc_policy, "QUIET_S", 3 * EVERY_S)
    calls = [Knot()]
    working = GcPolicy(lambda: not calls)
    working.start()
    await asyncio.sleep(3 * EVERY_S)
    knot = weakref.ref(calls.pop())
    await asyncio.sleep(EVERY_S)
    assert knot() is not None
    await asyncio.sleep(5 * EVERY_S)
    assert knot() is None
    working.stop()


async def test_a_node_that_stays_quiet_is_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gc_policy, "QUIET_S", 0.0)
    working = GcPolicy(lambda: True)
    working.start()
    full = gc.get_stats()[2]["collections"]
    await asyncio.sleep(4 * EVERY_S)
    assert gc.get_stats()[2]["collections"] == full
    working.stop()
