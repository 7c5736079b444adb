"""`<Play>`: audio by URL, or digits."""

from typing import Final

from callapi.calls.problem import Problem
from callapi.media import Playback, Prompt, UnplayableAudio
from callapi.rcml import Play
from callapi.verbs.execution import Execution, Next, Outcome
from callapi.webhooks import without_credentials

UNPLAYABLE: Final = 13520


async def play(verb: Play, execution: Execution) -> Outcome:
    """Answer, play to the end; audio that cannot be had is skipped with a notification."""
    call = execution.call
    call.answer()
    if verb.digits is not None:
        await heard(call.leg.stream.send_digits(verb.digits))
        execution.sounded()
    if verb.url is not None and (prompt := await audio(verb.url, verb.line, execution)) is not None:
        execution.sounded()
        await heard(execution.output.play(prompt, loop=verb.loop))
    return Next()


async def heard(playback: Playback) -> None:
    """Wait until `playback` is over; a story that is cut short falls silent."""
    try:
        await playback.ended()
    finally:
        playback.stop()


async def audio(url: str, line: int, execution: Execution) -> Prompt | None:
    """The audio behind `url` (relative to the document); None, and a notification, if it cannot be had."""
    resolved = execution.resolve(url)
    try:
        prompt = await execution.services.prompts.prompt(resolved)
    except UnplayableAudio as error:
        execution.call.notify(Problem(UNPLAYABLE, f"skipped: {error.url}: {error.reason}", line=line))
        return None
    if prompt.flaw:
        text = f"cut short: {without_credentials(resolved)}: {prompt.flaw}; what there is of it is played"
        execution.call.notify(Problem(UNPLAYABLE, text, is_warning=True, line=line))
    return prompt
