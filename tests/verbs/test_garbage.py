"""A call leaves no cycles: what it was made of is gone when it is over, without the collector's help."""

import asyncio
import gc
from pathlib import Path

from callapi.calls.call import Call
from tests.verbs.world import World, world
from tests.virtual_time import run

DIAL = '<Response><Dial action="/after"><Sip>sip:bob@127.0.0.9</Sip></Dial></Response>'

LEFT = (
    "<Gather/>",
    '<Gather input="dtmf"><Pause length="60"/></Gather>',
    "<Record/>",
    "<Enqueue>line</Enqueue>",
)
"""Documents whose caller hangs up in the middle."""


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


async def ringing_on_two_phones(here: World) -> None:
    _, alice = here.caller(DIAL.replace("</Dial>", "<Sip>sip:carol@127.0.0.9</Sip></Dial>"))
    await asyncio.sleep(2)
    alice.hang_up()


async def left_while_it_waits(here: World) -> None:
    for document in LEFT:
        _, alice = here.caller(f"<Response>{document}</Response>")
        await asyncio.sleep(2)
        alice.hang_up()
        await asyncio.sleep(1)


async def in_a_room(here: World) -> None:
    room = '<Response><Dial><Conference beep="false" waitUrl="">Room 1</Conference></Dial></Response>'
    phones = [here.caller(room)[1] for _ in range(3)]
    for each in phones:
        await asyncio.sleep(2)
        each.hang_up()


def test_calls_are_gone_when_they_are_over(tmp_path: Path) -> None:
    async def whole() -> None:
        async with world(tmp_path) as here:
            here.application.documents["/after"] = "<Response/>"
            stories = (joined, answered_without_ringing, cancelled, ringing_on_two_phones)
            for story in (*stories, left_while_it_waits, in_a_room):
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
