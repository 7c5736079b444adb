"""`<Say>`: speech, sentence by sentence, so that a long text sounds before all of it is ready."""

from contextlib import aclosing
from typing import Final

from callapi.calls.problem import Problem
from callapi.media import UnplayableAudio
from callapi.media.speech import Utterance
from callapi.rcml import Say
from callapi.verbs.audio.play import heard
from callapi.verbs.execution import Execution, Next, Outcome

INVALID_VOICE: Final = 13512
NO_SPEECH: Final = 60_040


async def say(verb: Say, execution: Execution) -> Outcome:
    """Answer and speak; text that cannot be spoken is skipped with a notification."""
    call = execution.call
    call.answer()
    execution.sounded()
    utterance = Utterance(verb.text, verb.markup, verb.voice, verb.language)
    warnings: set[str] = set()

    def warn(text: str) -> None:
        if text not in warnings:  # once, however often it is said
            warnings.add(text)
            call.notify(Problem(INVALID_VOICE, text, is_warning=True, line=verb.line, column=verb.column))

    times = 0
    try:
        while verb.loop == 0 or times < verb.loop:
            times += 1
            spoken = 0
            async with aclosing(execution.services.speaker.speak(utterance, warn)) as sentences:
                async for sentence in sentences:
                    spoken += 1
                    await heard(execution.output.play(sentence))
            if not spoken:
                break
    except UnplayableAudio as error:
        text = f"not spoken: {error.reason}"
        call.notify(Problem(NO_SPEECH, text, line=verb.line, column=verb.column))
    return Next()
