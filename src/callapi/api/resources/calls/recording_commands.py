"""Recordings of live calls and conferences: begin one of a call, pause it, let it go on, end it."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from callapi.api.errors import INVALID_STATUS_CALLBACK, NOT_FOUND, NOT_MODIFIABLE, ApiError
from callapi.api.operation import Operation, RequestContext
from callapi.api.requests.parameter_types import METHOD, URL, choice, words
from callapi.api.requests.parameters import Parameter
from callapi.api.resources.calls.recordings import CALL_PATH, CONFERENCE_PATH, RECORDING
from callapi.api.resources.records import own, own_call
from callapi.base.ids import RecordingSid
from callapi.calls.recording.commands import RecordingChange, record_options
from callapi.calls.recording.recordings import CURRENT, Recorded, RecordingCallback
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
    "RecordingTrack",
    choice("inbound", "outbound", "both"),
    "`inbound`: what the party says alone, `outbound`: what it hears",
    default="both",
)
CREATE: Final[tuple[Parameter[Any], ...]] = (CALLBACK, CALLBACK_METHOD, CALLBACK_EVENT, TRIM, CHANNELS, TRACK)
STATUS: Final = Parameter(
    "Status", choice("paused", "in-progress", "stopped"), "what becomes of it", is_required=True
)
PAUSE: Final = Parameter(
    "PauseBehavior", choice("skip", "silence"), "of the time that it is paused", default="silence"
)


_KEYS: Final = ("{Sid}", "{Key}")
"""A sid, or `Twilio.CURRENT`."""


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
    sent_only = given[TRACK] == "outbound"
    return context.deps.recordings.start_recording(call.sid, options, callback, sent_only=sent_only)


async def update(context: RequestContext) -> RecordingRecord:
    """Pause, resume or stop a recording of a call that is under way, by its sid or as `Twilio.CURRENT`."""
    return await _change(context, (await own_call(context, "CallSid")).sid)


async def update_of_conference(context: RequestContext) -> RecordingRecord:
    """The same of a conference."""
    conference = own(await context.deps.store.conferences.fetch(context.path["ConferenceSid"]), context)
    return await _change(context, conference.sid)


async def _change(context: RequestContext, of: Recorded) -> RecordingRecord:
    given, key = context.given, context.path.get("Sid") or context.path["Key"]
    if "Key" in context.path and key != CURRENT:
        raise ApiError(NOT_FOUND)
    change = RecordingChange.RESUME if given[STATUS] == "in-progress" else RecordingChange.STOP
    if given[STATUS] == "paused":
        change = RecordingChange.PAUSE_SKIP if given[PAUSE] == "skip" else RecordingChange.PAUSE_SILENT
    changed = context.deps.recordings.change_recording(of, key, change)
    if changed is not None:
        return changed
    if key == CURRENT:
        raise ApiError(NOT_FOUND, f"No recording of {of} is in progress")
    known = own(await context.deps.store.recordings.fetch(RecordingSid(key)), context)
    if of not in {known.call_sid, known.conference_sid}:
        raise ApiError(NOT_FOUND)
    raise ApiError(NOT_MODIFIABLE, f"The recording {key} is over ({known.status})")


def _update(path: str, handler: Callable[[RequestContext], Awaitable[RecordingRecord]]) -> Operation:
    return Operation(
        "POST",
        path,
        "Change a recording that is under way",
        handler,
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
    *(_update(f"{CALL_PATH}/{key}", update) for key in _KEYS),
    *(_update(f"{CONFERENCE_PATH}/{key}", update_of_conference) for key in _KEYS),
)
