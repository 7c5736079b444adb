"""What a party hears that is connected to nothing: a document or audio of the application, music, or silence."""

import asyncio

from callapi.calls.conferences.options import HeldAudio
from callapi.verbs.audio.play import heard
from callapi.verbs.execution import Execution, StoryResult

PAUSE_S = 1.0
"""Between two rounds of a document that made no sound, so that they do not follow one another without end."""


async def play_music(execution: Execution) -> None:
    """The node's own music, until cancelled."""
    execution.call.answer()
    await heard(execution.output.play(execution.services.music(), loop=0))


async def silence() -> None:
    """Nothing, until cancelled."""
    await asyncio.get_running_loop().create_future()


async def hear_once(execution: Execution, audio: HeldAudio) -> None:
    """What `audio` says, then silence, until cancelled; music if its document cannot be run."""
    if audio.url is None:
        await play_music(execution)
    elif audio.url:
        request = execution.request(audio.url, audio.method)
        if await execution.documents(execution, request) is StoryResult.BROKEN:
            await play_music(execution)
    await silence()
