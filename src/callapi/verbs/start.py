"""`<Start>` and `<Stop>`: what runs beside the document, which goes on at once."""

from typing import Final, assert_never

from callapi.calls.problem import Problem
from callapi.calls.transcribing.request import TranscriptionRequest
from callapi.rcml import Recording, ServiceKind, ServiceName, Start, Stop, Stream, Track, Transcription
from callapi.verbs.audio.recordings import start_recording
from callapi.verbs.connect import stream_request
from callapi.verbs.execution import Execution, Next, Outcome

NOTHING_TO_STOP: Final = 60_051
_TRACKS: Final = {
    Track.INBOUND: (Track.INBOUND.value,),
    Track.OUTBOUND: (Track.OUTBOUND.value,),
    Track.BOTH: (Track.INBOUND.value, Track.OUTBOUND.value),
}


async def start(verb: Start, execution: Execution) -> Outcome:
    """Start every service of the verb; the document does not wait for any of them."""
    call, services = execution.call, execution.services
    for service in verb.services:
        match service:
            case Stream():
                services.streams.start(call, stream_request(service, execution, is_bidirectional=False))
            case Transcription():
                services.transcriptions.start(call, _transcription_request(service, execution))
            case Recording():
                start_recording(service, execution)
            case _:
                assert_never(service)
    return Next()


async def stop(verb: Stop, execution: Execution) -> Outcome:
    """End what the verb names; a name that is not known is a warning."""
    for service in verb.services:
        if not _stop(service, execution):
            what = f"<{service.kind}>" + (f" {service.name!r}" if service.name else "")
            text = f"<Stop>: there is no {what} to stop on this call"
            problem = Problem(
                NOTHING_TO_STOP, text, is_warning=True, line=service.line, column=service.column
            )
            execution.call.notify(problem)
    return Next()


def _stop(service: ServiceName, execution: Execution) -> bool:
    sid = execution.call.sid
    match service.kind:
        case ServiceKind.STREAM:
            return execution.services.streams.stop(sid, service.name)
        case ServiceKind.TRANSCRIPTION:
            return execution.services.transcriptions.stop(sid, service.name)
        case ServiceKind.RECORDING:
            return execution.services.recordings.stop(sid, service.name)


def _transcription_request(noun: Transcription, execution: Execution) -> TranscriptionRequest:
    return TranscriptionRequest(
        name=noun.name,
        tracks=_TRACKS[noun.track],
        url=execution.resolve(noun.status_callback) if noun.status_callback else None,
        method=noun.status_callback_method.value,
        labels=(noun.inbound_label, noun.outbound_label),
        partial_results=noun.partial_results,
        language=noun.language,
        hints=noun.hints,
        hides_profanity=noun.profanity_filter,
        line=noun.line,
        column=noun.column,
    )
