"""Recordings of live calls: begin one, pause it, let it go on, end it."""

from typing import Any, Final

from callapi.api.errors import INVALID_STATUS_CALLBACK, NOT_FOUND, NOT_MODIFIABLE, ApiError
from callapi.api.operation import Operation, RequestContext
from callapi.api.requests.parameter_types import METHOD, URL, choice, words
from callapi.api.requests.parameters import Parameter
from callapi.api.resources.calls.recordings import CALL_PATH, RECORDING
from callapi.api.resources.records import own, own_call
from callapi.base.ids import RecordingSid
from callapi.calls.recording.commands import RecordingChange, record_options
from callapi.calls.recording.recordings import CURRENT, RecordingCallback
from callapi.rcml import Method, RecordingEvent
from callapi.store import RecordingRecord

CALLBACK: Final = Parameter(
    "RecordingStatusCallback", URL, "requested when it begins and ends", fault=INVALID_STATUS_CALLBACK
)
CALLBACK_METHOD: Final = Parameter("RecordingStatusCallbackMethod", METHOD, "of it", default="POST")
CALLBACK_EVENT: Final = Parameter(
    "RecordingStatusCallbackEvent",
    words(*RecordingEvent),
    "which steps; repeated, or with spaces or commas between",
    default=("completed",),
)
TRIM: Final = Parameter(
    "Trim", choice("trim-silence", "do-not-trim"), "silence at both ends", default="do-not-trim"
)
CHANNELS: Final = Parameter(
    "RecordingChannels", choice("mono", "dual"), "both parties mixed, or one on each channel", default="mono"
)
TRACK: Final = Parameter(
    "RecordingTrack", choice("inbound", "both"), "what the party says alone, or both", default="both"
)
CREATE: Final[tuple[Parameter[Any], ...]] = (CALLBACK, CALLBACK_METHOD, CALLBACK_EVENT, TRIM, CHANNELS, TRACK)
STATUS: Final = Parameter(
    "Status", choice("paused", "in-progress", "stopped"), "what becomes of it", is_required=True
)
PAUSE: Final = Parameter(
    "PauseBehavior", choice("skip", "silence"), "of the time that it is paused", default="silence"
)


async def create(context: RequestContext) -> RecordingRecord:
    """Record a call that is in progress, from now on."""
    given = context.given
    call = await own_call(context, "CallSid")
    url = given.get(CALLBACK)
    callback = None
    if url is not None:
        events = frozenset(RecordingEvent(each) for each in given[CALLBACK_EVENT])
        callback = RecordingCallback(url, Method(given[CALLBACK_METHOD]), events)
    options = record_options(given[CHANNELS] == "dual", given[TRACK], trim=given[TRIM] == "trim-silence")
    return context.deps.recordings.start_recording(call.sid, options, callback)


async def update(context: RequestContext) -> RecordingRecord:
    """Pause, resume or stop a recording that is under way, by its sid or as `Twilio.CURRENT`."""
    given, key = context.given, context.path.get("Sid") or context.path["Key"]
    call = await own_call(context, "CallSid")
    if "Key" in context.path and key != CURRENT:
        raise ApiError(NOT_FOUND)
    change = RecordingChange.RESUME if given[STATUS] == "in-progress" else RecordingChange.STOP
    if given[STATUS] == "paused":
        change = RecordingChange.PAUSE_SKIP if given[PAUSE] == "skip" else RecordingChange.PAUSE_SILENT
    changed = context.deps.recordings.change_recording(call.sid, key, change)
    if changed is not None:
        return changed
    if key == CURRENT:
        raise ApiError(NOT_FOUND, "No recording of this call is in progress")
    known = own(await context.deps.store.recordings.fetch(RecordingSid(key)), context)
    if known.call_sid != call.sid:
        raise ApiError(NOT_FOUND)
    raise ApiError(NOT_MODIFIABLE, f"The recording {key} is over ({known.status})")


def _update(path: str) -> Operation:
    return Operation(
        "POST",
        path,
        "Change a recording that is under way",
        update,
        RECORDING,
        (STATUS, PAUSE),
        faults=(NOT_MODIFIABLE,),
    )


OPERATIONS: Final = (
    Operation(
        "POST",
        CALL_PATH,
        "Record a live call",
        create,
        RECORDING,
        CREATE,
        status=201,
        faults=(NOT_MODIFIABLE,),
    ),
    _update(f"{CALL_PATH}/{{Sid}}"),
    _update(f"{CALL_PATH}/{{Key}}"),
)
