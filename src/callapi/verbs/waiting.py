"""Waiting: what a party hears that is connected to nothing, and the key that ends a connection."""

import asyncio

from callapi.calls.call import Call
from callapi.calls.conferences.options import HeldAudio
from callapi.rcml import Dial
from callapi.verbs.audio.play import heard
from callapi.verbs.execution import Execution, StoryResult

PAUSE_S = 1.0
"""Between two rounds of a document that made no sound, so that they do not follow one another without end."""


async def play_music(execution: Execution) -> None:
    """The node's own music, until cancelled."""
    execution.call.answer()
    await heard(execution.output.play(await execution.services.music(), loop=0))


async def silence() -> None:
    """Nothing, until cancelled."""
    await asyncio.get_running_loop().create_future()


async def star(verb: Dial, call: Call) -> None:
    """Until `call` presses the star that leaves what the Dial has joined it with; never without `hangupOnStar`."""
    if not verb.hangup_on_star:
        await silence()
    while await call.digits.get() != "*":
        pass


async def hear_once(execution: Execution, audio: HeldAudio) -> None:
    """What `audio` says, then silence, until cancelled; music if its document cannot be run."""
    if audio.url is None:
        await play_music(execution)
    elif audio.url:
        request = execution.request(audio.url, audio.method)
        if await execution.documents(execution, request) is StoryResult.BROKEN:
            await play_music(execution)
    await silence()
