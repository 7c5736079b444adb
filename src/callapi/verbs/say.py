"""`<Say>`: speech, sentence by sentence, so that a long text sounds before all of it is ready."""

from callapi.calls.journal import Problem
from callapi.media import UnplayableAudio
from callapi.rcml import Say
from callapi.verbs.execution import Execution, Next, Outcome
from callapi.verbs.play import heard

NO_SPEECH = 13512


async def say(verb: Say, execution: Execution) -> Outcome:
    """Answer and speak; text that cannot be spoken is skipped with a notification."""
    call = execution.call
    call.answer()
    execution.sounded()
    times = 0
    try:
        while verb.loop == 0 or times < verb.loop:
            times += 1
            spoken = 0
            async for sentence in execution.house.speaker.speak(verb.text, verb.voice, verb.language):
                spoken += 1
                await heard(call.leg.stream.play(sentence))
            if not spoken:
                break
    except UnplayableAudio as error:
        call.notify(Problem(NO_SPEECH, f"not spoken: {error.reason}", line=verb.line))
    return Next()
