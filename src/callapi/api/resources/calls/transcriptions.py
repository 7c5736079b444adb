"""Transcriptions of live calls: what is said, as text, to a callback; start and stop."""

from typing import Any, Final

from callapi.api.errors import INVALID_PARAMETER, INVALID_STATUS_CALLBACK, NOT_FOUND, ApiError
from callapi.api.operation import Operation, RequestContext
from callapi.api.requests.parameter_types import BOOLEAN, METHOD, URL, choice, text
from callapi.api.requests.parameters import Parameter
from callapi.api.resources.records import own_call
from callapi.api.responses.representations import Representation, instant, uri
from callapi.api.responses.representations import text as text_field
from callapi.calls.transcribing.request import TranscriptionRecord, TranscriptionRefused, TranscriptionRequest

COLLECTION: Final = "/Accounts/{AccountSid}/Calls/{CallSid}/Transcriptions"


def _path(each: TranscriptionRecord) -> str:
    return f"/Accounts/{each.account_sid}/Calls/{each.call_sid}/Transcriptions/{each.sid}"


TRANSCRIPTION: Final[Representation[TranscriptionRecord]] = Representation(
    "transcriptions",
    "Transcription",
    (
        text_field("sid"),
        text_field("account_sid"),
        text_field("call_sid"),
        text_field("name"),
        text_field("status"),
        instant("date_updated"),
        uri("uri", _path),
    ),
    schema="LiveTranscription",
)
TRACKS: Final = {
    "inbound_track": ("inbound_track",),
    "outbound_track": ("outbound_track",),
    "both_tracks": ("inbound_track", "outbound_track"),
}
NAME: Final = Parameter("Name", text(), "by which it can be stopped; unique on the call")
TRACK: Final = Parameter(
    "Track", choice(*TRACKS), "what the party says, what it hears, or both", default="both_tracks"
)
CALLBACK: Final = Parameter(
    "StatusCallbackUrl", URL, "receives what is understood", fault=INVALID_STATUS_CALLBACK
)
CALLBACK_METHOD: Final = Parameter("StatusCallbackMethod", METHOD, "of it", default="POST")
INBOUND_LABEL: Final = Parameter("InboundTrackLabel", text(), "how the callback names the inbound track")
OUTBOUND_LABEL: Final = Parameter("OutboundTrackLabel", text(), "how it names the outbound track")
PARTIAL: Final = Parameter(
    "PartialResults", BOOLEAN, "also what is understood before a sentence is over", default=False
)
LANGUAGE: Final = Parameter("LanguageCode", text(maximum=35), "of the speech")
HINTS: Final = Parameter("Hints", text(maximum=4096), "words to expect, separated by commas")
PROFANITY_FILTER: Final = Parameter(
    "ProfanityFilter", BOOLEAN, "hide the letters of coarse words (`f***`)", default=True
)
CREATE: Final[tuple[Parameter[Any], ...]] = (
    NAME,
    TRACK,
    CALLBACK,
    CALLBACK_METHOD,
    INBOUND_LABEL,
    OUTBOUND_LABEL,
    PARTIAL,
    LANGUAGE,
    HINTS,
    PROFANITY_FILTER,
)
STATUS: Final = Parameter("Status", choice("stopped"), "`stopped` ends it", is_required=True)


async def create(context: RequestContext) -> TranscriptionRecord:
    """Start a transcription."""
    given = context.given
    call = await own_call(context, "CallSid")
    request = TranscriptionRequest(
        name=given.get(NAME),
        tracks=TRACKS[given[TRACK]],
        url=given.get(CALLBACK),
        method=given[CALLBACK_METHOD],
        labels=(given.get(INBOUND_LABEL), given.get(OUTBOUND_LABEL)),
        partial_results=given[PARTIAL],
        language=given.get(LANGUAGE),
        hints=given.get(HINTS),
        hides_profanity=given[PROFANITY_FILTER],
    )
    try:
        return context.deps.streams.start_transcription(call.sid, request)
    except TranscriptionRefused as refusal:
        raise ApiError(INVALID_PARAMETER, str(refusal)) from refusal


async def update(context: RequestContext) -> TranscriptionRecord:
    """Stop a transcription, found by its sid or name."""
    call = await own_call(context, "CallSid")
    stopped = context.deps.streams.stop_transcription(call.sid, context.path["Key"])
    if stopped is None:
        raise ApiError(NOT_FOUND)
    return stopped


OPERATIONS: Final = (
    Operation(
        "POST",
        COLLECTION,
        "Start a transcription",
        create,
        TRANSCRIPTION,
        CREATE,
        status=201,
        faults=(INVALID_PARAMETER,),
    ),
    Operation(
        "POST",
        f"{COLLECTION}/{{Key}}",
        "Stop a transcription",
        update,
        TRANSCRIPTION,
        (STATUS,),
        faults=(NOT_FOUND,),
    ),
)
