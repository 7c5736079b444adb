"""`<Gather>`: collect digits or speech while prompts are played; the first of either ends the prompts."""

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any, Final

from msgspec import Struct

from callapi.base.later import imported
from callapi.calls.call import Call
from callapi.calls.one_shot import first_of
from callapi.calls.parameters import Parameters
from callapi.calls.problem import Problem
from callapi.calls.transcribing.profanity import masked
from callapi.media import EngineFailed
from callapi.media.speech import Recognised, Recogniser, hints_of
from callapi.rcml import Gather, GatherInput, Pause, Play, Say
from callapi.verbs.audio.play import play
from callapi.verbs.audio.say import say
from callapi.verbs.audio.speech_capture import RATE, SpeechCapture
from callapi.verbs.control import pause
from callapi.verbs.execution import Execution, GoTo, Next, Outcome

NOT_UNDERSTOOD: Final = 60_041
AUTO_SILENCE_S: Final = 1.0
"""The silence that ends speech with `speechTimeout="auto"`."""
PARTIAL_S: Final = 1.0
"""How often speech so far is recognised for `partialResultCallback`."""
MAX_NOISES: Final = 10
"""How many noises without words are ignored."""


class Collected(Struct, frozen=True):
    """What a Gather got: digits without the one that finished them, or speech, or nothing."""

    digits: str = ""
    speech: Recognised | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was collected."""
        return not self.digits and self.speech is None


async def gather(verb: Gather, execution: Execution) -> Outcome:
    """Answer, prompt, collect; ask `action` (by default the present document's URL) unless nothing came."""
    call = execution.call
    call.answer()
    execution.sounded()
    collected = await _collect(verb, execution)
    if collected.is_empty and not verb.action_on_empty_result:
        return Next()
    return GoTo(execution.request(verb.action or "", verb.method, _parameters(verb, collected)))


def _parameters(verb: Gather, collected: Collected) -> Parameters:
    if collected.speech is not None:
        speech = collected.speech
        return ("SpeechResult", _shown(verb, speech.text)), ("Confidence", f"{speech.confidence:.2f}")
    if GatherInput.DTMF in verb.input:
        return (("Digits", collected.digits),)
    return (("SpeechResult", ""),)


def _shown(verb: Gather, text: str) -> str:
    return masked(text) if verb.profanity_filter else text


async def _collect(verb: Gather, execution: Execution) -> Collected:
    call, recogniser = execution.call, execution.services.recogniser
    if GatherInput.DTMF in verb.input and (digit := await _next_digit(call, 0)) is not None:
        return Collected(await _digits(verb, call, digit))  # typed ahead: no prompt is heard
    if not verb.barge_in:
        await _prompts(verb, execution)
    if GatherInput.SPEECH not in verb.input:
        return await _from_digits(verb, execution)
    if recogniser is None:
        _warn(verb, call, "speech is not recognised here: no recogniser is configured and installed")
        return await _from_digits(verb, execution)
    recogniser.prepare()
    await imported("numpy")
    with SpeechCapture(call, execution.services.detector) as capture:
        return await first_of(Listening(verb, execution, capture, recogniser).collect(), capture.listen())


async def _from_digits(verb: Gather, execution: Execution) -> Collected:
    """Digits alone; nothing if only speech was asked for and there is no recogniser."""
    if GatherInput.DTMF not in verb.input:
        await _prompts_and_timeout(verb, execution)
        return Collected()
    digit = await first_of(_next_digit(execution.call), _prompts_and_timeout(verb, execution))
    return Collected(await _digits(verb, execution.call, digit))


async def _digits(verb: Gather, call: Call, digit: str | None) -> str:
    """What is entered from `digit` on, without the digit that finishes it."""
    digits = ""
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


async def _prompts_and_timeout(verb: Gather, execution: Execution) -> None:
    """Play the prompts that may be interrupted, then wait for `timeout`."""
    if verb.barge_in:
        await _prompts(verb, execution)
    await asyncio.sleep(verb.timeout)


async def _prompts(verb: Gather, execution: Execution) -> None:
    for prompt in verb.prompts:
        match prompt:
            case Say():
                await say(prompt, execution)
            case Play():
                await play(prompt, execution)
            case Pause():
                await pause(prompt, execution)


def _warn(verb: Gather, call: Call, text: str) -> None:
    call.notify(Problem(NOT_UNDERSTOOD, text, is_warning=True, line=verb.line, column=verb.column))


class Listening:
    """A Gather that accepts speech, and perhaps digits: whichever comes first."""

    def __init__(
        self, verb: Gather, execution: Execution, capture: SpeechCapture, recogniser: Recogniser
    ) -> None:
        self._verb = verb
        self._execution = execution
        self._call = execution.call
        self._capture = capture
        self._recogniser = recogniser
        self._hints = hints_of(verb.hints)
        self._silence_s = AUTO_SILENCE_S if verb.speech_timeout is None else float(verb.speech_timeout)

    async def collect(self) -> Collected:
        """Prompt and listen. Noise without words is ignored, and another `timeout` begins."""
        for noise in range(MAX_NOISES):
            if noise:
                waiting: Coroutine[Any, Any, None] = asyncio.sleep(self._verb.timeout)
            else:
                waiting = _prompts_and_timeout(self._verb, self._execution)
            match await first_of(*self._digits(), self._begins(), waiting):
                case str() as digit:
                    return Collected(await _digits(self._verb, self._call, digit))
                case None:
                    return Collected()
            match await first_of(*self._digits(), self._understand()):
                case str() as digit:
                    return Collected(await _digits(self._verb, self._call, digit))
                case Recognised() as speech if speech.text:
                    self._call.live_record.speech_recognised(speech.confidence)
                    return Collected(speech=speech)
            self._capture.forget()
        return Collected()

    def _digits(self) -> tuple[Coroutine[Any, Any, Any], ...]:
        return (_next_digit(self._call),) if GatherInput.DTMF in self._verb.input else ()

    async def _begins(self) -> bool:
        """True when the caller speaks. If the audio cannot be read, digits and the clock decide alone."""
        if not await self._capture.begins():
            _warn(self._verb, self._call, f"nothing can be heard: {self._capture.failure}")
            await asyncio.get_running_loop().create_future()
        return True

    async def _understand(self) -> Recognised | None:
        """Wait for the end of speech; what was understood."""
        partials = (self._partials(),) if self._verb.partial_result_callback else ()
        limit = (asyncio.sleep(self._verb.max_speech_time),) if self._verb.max_speech_time else ()
        await first_of(self._capture.ends(self._silence_s), *limit, *partials)
        try:
            return await self._recognise()
        except EngineFailed as failure:
            _warn(self._verb, self._call, f"speech was not understood: {failure}")
            return None

    async def _recognise(self) -> Recognised:
        said = self._capture.said()
        return await self._recogniser.recognise(said, RATE, self._verb.language, self._hints)

    async def _partials(self) -> None:
        """Request `partialResultCallback` whenever what was understood so far has changed; until cancelled."""
        former, sequence = "", 0
        while True:
            await asyncio.sleep(PARTIAL_S)
            try:
                present = _shown(self._verb, (await self._recognise()).text)
            except EngineFailed:
                continue  # the whole is recognised again at the end, which reports a failure
            if present and present != former:
                await self._report(former, present, sequence)
                former, sequence = present, sequence + 1

    async def _report(self, former: str, present: str, sequence: int) -> None:
        stable = _common(former, present)
        parameters = (
            ("StableSpeechResult", stable),
            ("UnstableSpeechResult", present[len(stable) :].strip()),
            ("SequenceNumber", str(sequence)),
        )
        url, method = self._verb.partial_result_callback or "", self._verb.partial_result_callback_method
        request = self._execution.request(url, method, parameters)
        await self._call.shielded(partial(self._execution.notify, request))


def _common(former: str, present: str) -> str:
    """The words that two hypotheses have in common at their beginning."""
    words = []
    for one, other in zip(former.split(), present.split(), strict=False):
        if one != other:
            break
        words.append(other)
    return " ".join(words)
