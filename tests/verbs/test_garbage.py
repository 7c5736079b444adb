"""A call leaves no cycles: what it was made of is gone when it is over, without the collector's help."""

import asyncio
import gc
from pathlib import Path

from callapi.calls.call import Call
from tests.verbs.world import World, world
from tests.virtual_time import run

DIAL = '<Response><Dial action="/after"><Sip>sip:bob@127.0.0.9</Sip></Dial></Response>'


def live_calls() -> int:
    return sum(isinstance(each, Call) for each in gc.get_objects())


async def joined(here: World) -> None:
    here.caller(DIAL)
    await asyncio.sleep(2)
    here.phones[-1].ring()
    here.phones[-1].answer()
    await asyncio.sleep(5)
    here.phones[-1].hang_up()


async def answered_without_ringing(here: World) -> None:
    here.caller(DIAL)
    await asyncio.sleep(2)
    here.phones[-1].answer()
    await asyncio.sleep(5)
    here.phones[-1].hang_up()


async def cancelled(here: World) -> None:
    _, alice = here.caller(DIAL)
    await asyncio.sleep(2)
    here.phones[-1].ring()
    alice.hang_up()


def test_calls_are_gone_when_they_are_over(tmp_path: Path) -> None:
    async def whole() -> None:
        async with world(tmp_path) as here:
            here.application.documents["/after"] = "<Response/>"
            for story in (joined, answered_without_ringing, cancelled):
                before = live_calls()
                await story(here)
                await here.live.empty.wait()
                await asyncio.sleep(1)
                assert live_calls() == before, story.__name__

    gc.collect()
    gc.disable()
    try:
        run(whole())
    finally:
        gc.enable()
