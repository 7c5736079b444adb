"""What the caller hears while its party is being called: ringing, music, or the callee's own early media.

A caller that is answered already hears the ringing tone of a country, or `dialMusic`. With `answerOnBridge` it is
not answered: it gets 180, or, from a single callee that sends early media, 183 and that callee's audio.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from callapi.base.task_group import TaskGroup
from callapi.calls.bridges.bridge import bridged
from callapi.rcml import Dial
from callapi.verbs.audio.play import audio, heard
from callapi.verbs.dial.forking import Forking
from callapi.verbs.execution import Execution


@asynccontextmanager
async def ringback(verb: Dial, execution: Execution, forking: Forking) -> AsyncIterator[None]:
    """Let the caller hear that its party is being called, for as long as the block lasts."""
    call = execution.call
    if verb.answer_on_bridge and not call.leg.is_answered:
        async with TaskGroup() as group:
            watch = group.create_task(_pass_on_ringing(execution, forking))
            yield
            watch.cancel()
        return
    call.answer()
    execution.sounded()
    if verb.dial_music is None:
        tone = call.leg.stream.play_tone(verb.ring_tone)
        try:
            yield
        finally:
            tone.stop()
        return
    async with TaskGroup() as group:
        music = group.create_task(_play_music(verb.dial_music, verb, execution))
        yield
        music.cancel()


async def _play_music(url: str, verb: Dial, execution: Execution) -> None:
    stream = execution.call.leg.stream
    prompt = await audio(url, verb.line, execution)
    await heard(stream.play_tone(verb.ring_tone) if prompt is None else stream.play(prompt, loop=0))


async def _pass_on_ringing(execution: Execution, forking: Forking) -> None:
    """180 when the first phone rings; the early media of a single callee with 183."""
    caller = execution.call.leg
    ringing = await forking.rang.wait()
    caller.ring()
    if len(forking.branches) > 1:
        return
    await ringing.early_media.wait()
    if ringing.released.is_set:
        return
    caller.offer_early_media()
    with bridged(execution.services.plane, execution.call, ringing):
        await ringing.answered.wait()
