"""`<Record>`: record the caller until a digit, silence or the longest length ends it."""

import asyncio
from functools import partial

from callapi.calls.call import Call
from callapi.calls.one_shot import first_of
from callapi.calls.parameters import Parameters
from callapi.calls.recording.recordings import ActiveRecording, RecordingFacts
from callapi.calls.transcribing.recorded import RecordedSpeech, transcribe
from callapi.media import RecordOptions
from callapi.rcml import Record
from callapi.verbs.audio.recordings import callback_of
from callapi.verbs.execution import Execution, GoTo, Next, Outcome
from callapi.verbs.parameters import recorded

HANGUP_DIGITS = "hangup"
"""What `Digits` says of a recording that the caller's leaving ended."""


async def record(verb: Record, execution: Execution) -> Outcome:
    """Answer, beep, record, request `action`: also for a caller who leaves, but not for an empty recording."""
    call = execution.call
    call.answer()
    execution.sounded()
    call.digits.clear()  # what was typed before the beep is not meant for what comes after it
    options = RecordOptions(
        received_only=True,
        silence_timeout_s=verb.timeout or None,
        max_length_s=verb.max_length,
        finish_on_key=verb.finish_on_key,
        trim=verb.trim,
        beep=verb.play_beep,
    )
    active = execution.services.recordings.start(call, "RecordVerb", options, callback_of(verb, execution))
    try:
        digit = await first_of(_ended(active), _digit(verb, call))
        active.stop()
        ended = await active.ended()
    except asyncio.CancelledError:
        active.stop()
        call.run_detached(partial(_request_action, verb, execution, active))
        raise
    call.digits.clear()
    if (parameters := await _parameters(verb, execution, active, digit or ended.digit)) is None:
        return Next()
    return GoTo(execution.request(verb.action or "", verb.method, parameters, must_arrive=True))


async def _ended(active: ActiveRecording) -> None:
    await active.ended()


async def _digit(verb: Record, call: Call) -> str:
    """The digit that ends it, however it came: the media plane does not see digits in SIP INFO."""
    while (digit := await call.digits.get()) not in verb.finish_on_key:
        pass
    return digit


def _transcribe(verb: Record, execution: Execution, facts: RecordingFacts) -> None:
    """Turn the recording into text beside the document."""
    services, url = execution.services, verb.transcribe_callback
    path = services.recordings.path_of(facts.sid)
    speech = RecordedSpeech(facts, path, execution.resolve(url) if url else None)
    bus = services.streams.bus
    execution.call.run_detached(partial(transcribe, execution.call, bus, services.recogniser, speech))


async def _parameters(
    verb: Record, execution: Execution, active: ActiveRecording, digits: str | None
) -> Parameters | None:
    ended = await active.ended()
    facts = await active.facts()
    if facts is None or ended.is_silent or ended.duration_ms == 0:
        return None
    if verb.transcribe or verb.transcribe_callback:
        _transcribe(verb, execution, facts)
    return recorded(facts) + ((("Digits", digits),) if digits else ())


async def _request_action(verb: Record, execution: Execution, active: ActiveRecording) -> None:
    parameters = await _parameters(verb, execution, active, HANGUP_DIGITS)
    if parameters is not None:
        await execution.notify(execution.request(verb.action or "", verb.method, parameters))
