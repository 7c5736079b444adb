"""`<Gather>`: collect digits while prompts are played."""

import asyncio

from callapi.calls.call import Call
from callapi.calls.latch import first_of
from callapi.calls.parameters import Parameters
from callapi.rcml import Gather, Pause, Play, Say
from callapi.verbs.control import pause
from callapi.verbs.execution import Execution, GoTo, Next, Outcome
from callapi.verbs.play import play
from callapi.verbs.say import say


async def gather(verb: Gather, execution: Execution) -> Outcome:
    """Answer, prompt, collect; ask `action` (by default the present document's URL) if there is something to tell."""
    call = execution.call
    call.answer()
    execution.sounded()
    digits = await _digits(verb, execution)
    if not digits and not verb.action_on_empty_result:
        return Next()
    parameters: Parameters = (("Digits", digits),)
    return GoTo(execution.request(verb.action or "", verb.method, parameters))


async def _digits(verb: Gather, execution: Execution) -> str:
    """What was entered, without the key that finished it. The first digit ends the prompts, also one typed ahead."""
    call, digits = execution.call, ""
    digit = await first_of(_next_digit(call), _prompts(verb, execution))
    while digit is not None and digit not in verb.finish_on_key:
        digits += digit
        if len(digits) == verb.num_digits:
            break
        digit = await _next_digit(call, verb.timeout)
    return digits


async def _next_digit(call: Call, timeout_s: float | None = None) -> str | None:
    try:
        async with asyncio.timeout(timeout_s):
            return await call.digits.get()
    except TimeoutError:
        return None


async def _prompts(verb: Gather, execution: Execution) -> None:
    """Everything that is heard before the waiting, and the waiting."""
    for prompt in verb.prompts:
        match prompt:
            case Say():
                await say(prompt, execution)
            case Play():
                await play(prompt, execution)
            case Pause():
                await pause(prompt, execution)
    await asyncio.sleep(verb.timeout)
