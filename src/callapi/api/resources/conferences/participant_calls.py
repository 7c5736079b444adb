"""Calling a party into a conference: POST to the participants of a room.

The called party runs the `<Conference>` that an application would have written.
"""

import re
from typing import Any, Final
from urllib.parse import urljoin
from xml.sax.saxutils import escape, quoteattr

from callapi.api.errors import (
    INVALID_TIMEOUT,
    NOT_FOUND,
    TOO_MANY_REQUESTS,
    UNAVAILABLE,
    UNREACHABLE_TO,
    ApiError,
)
from callapi.api.operation import Operation, RequestContext
from callapi.api.requests.parameter_types import BOOLEAN, METHOD, URL, choice, text, whole, words
from callapi.api.requests.parameters import Given, Parameter
from callapi.api.resources.calls.call_commands import (
    CALLER_NAME,
    FROM,
    RECORD,
    RECORDING,
    SIP_PASSWORD,
    SIP_USERNAME,
    STATUS_CALLBACK,
    STATUS_CALLBACK_EVENT,
    STATUS_CALLBACK_METHOD,
    TIME_LIMIT,
    TO,
    caller_of,
    recording_order,
    subscription_of,
)
from callapi.api.resources.calls.machine_detection import OF_PARTICIPANTS, detection_of_participant
from callapi.api.resources.conferences.participants import (
    COACHED,
    COACHING,
    COLLECTION,
    END,
    MUTED,
    PARTICIPANT,
    WAIT_METHOD,
    WAIT_URL,
)
from callapi.base.ids import CallSid
from callapi.calls.commands import CreateCall, ModifyCall
from callapi.calls.conferences.control import ParticipantView
from callapi.calls.conferences.events import SUBSCRIPTION_WORDS
from callapi.calls.conferences.machine import JoinRefused
from callapi.calls.conferences.options import (
    JITTER_DELAYS,
    MAX_LABEL,
    MAX_PARTICIPANTS,
    Beep,
    HeldAudio,
    ParticipantOptions,
    RoomOptions,
)
from callapi.calls.documents.document import DocumentRequest
from callapi.calls.placing.placement import Subscription
from callapi.calls.recording.recordings import RecordingCallback
from callapi.rcml import RecordingEvent

_SID: Final = re.compile("CF[0-9a-f]{32}")

LABEL: Final = Parameter("Label", text(maximum=MAX_LABEL), "a name, once in the room, to be addressed by")
TIMEOUT: Final = Parameter("Timeout", whole(5, 600), "seconds to ring", default=60, fault=INVALID_TIMEOUT)
EARLY_MEDIA: Final = Parameter(
    "EarlyMedia",
    BOOLEAN,
    "the room hears the party ring, and what its network sends before the answer",
    default=True,
)
JITTER_BUFFER: Final = Parameter(
    "JitterBufferSize", choice(*JITTER_DELAYS), "`jitterBufferSize` of `<Conference>`"
)
BEEP: Final = Parameter(
    "Beep", choice("true", "false", "onEnter", "onExit"), "as of `<Conference>`", default="true"
)
START: Final = Parameter("StartConferenceOnEnter", BOOLEAN, "as of `<Conference>`", default=True)
PARTICIPANT_LIMIT: Final = Parameter(
    "MaxParticipants", whole(1, MAX_PARTICIPANTS), "of the room", default=MAX_PARTICIPANTS
)
CONFERENCE_RECORD: Final = Parameter(
    "ConferenceRecord",
    choice("true", "false", "record-from-start", "do-not-record"),
    "record the room",
    default="false",
)
CONFERENCE_TRIM: Final = Parameter(
    "ConferenceTrim", choice("trim-silence", "do-not-trim"), "of its recording", default="trim-silence"
)
ROOM_CALLBACK: Final = Parameter("ConferenceStatusCallback", URL, "receives the events of the room")
ROOM_CALLBACK_METHOD: Final = Parameter("ConferenceStatusCallbackMethod", METHOD, "of it", default="POST")
ROOM_CALLBACK_EVENT: Final = Parameter(
    "ConferenceStatusCallbackEvent", words(*SUBSCRIPTION_WORDS), "which events", default=("start", "end")
)
RECORDING_CALLBACK: Final = Parameter(
    "ConferenceRecordingStatusCallback", URL, "receives the status of the recording of the room"
)
RECORDING_CALLBACK_METHOD: Final = Parameter(
    "ConferenceRecordingStatusCallbackMethod", METHOD, "of it", default="POST"
)
RECORDING_CALLBACK_EVENT: Final = Parameter(
    "ConferenceRecordingStatusCallbackEvent",
    words(*RecordingEvent),
    "which events",
    default=(RecordingEvent.COMPLETED.value,),
)
CALLER_ID: Final = Parameter("CallerId", text(), "the caller shown, in place of `From`")
DISPLAY_NAME: Final = Parameter(
    "CallerDisplayName", text(maximum=128), "the display name of the caller", aliases=(CALLER_NAME.name,)
)
REGION: Final = Parameter(
    "Region", text(), "accepted, without effect: a room is on the node that has its calls"
)
CREATE: Final[tuple[Parameter[Any], ...]] = (
    TO,
    FROM,
    CALLER_ID,
    DISPLAY_NAME,
    STATUS_CALLBACK,
    STATUS_CALLBACK_METHOD,
    STATUS_CALLBACK_EVENT,
    LABEL,
    TIMEOUT,
    TIME_LIMIT,
    *RECORDING,
    MUTED,
    BEEP,
    START,
    END,
    WAIT_URL,
    WAIT_METHOD,
    EARLY_MEDIA,
    JITTER_BUFFER,
    PARTICIPANT_LIMIT,
    CONFERENCE_RECORD,
    CONFERENCE_TRIM,
    ROOM_CALLBACK,
    ROOM_CALLBACK_METHOD,
    ROOM_CALLBACK_EVENT,
    RECORDING_CALLBACK,
    RECORDING_CALLBACK_METHOD,
    RECORDING_CALLBACK_EVENT,
    SIP_USERNAME,
    SIP_PASSWORD,
    COACHING,
    COACHED,
    *OF_PARTICIPANTS,
    REGION,
)


async def create(context: RequestContext) -> ParticipantView:
    """Call a party into a room, which is made if no live one has that name."""
    given, deps, account = context.given, context.deps, context.account.sid
    options, room = _participant_options(given), _room_options(given)
    key = context.path["Room"]
    if _SID.fullmatch(key) and deps.conferences.sid_of(account, key) is None:
        raise ApiError(NOT_FOUND, f"The conference {key} is not live")
    name = deps.conferences.check(account, key, options)
    record = await deps.calls.create_call(account, _command(given, context, name))
    try:
        return deps.conferences.invite(account, name, room, record.sid, options)
    except JoinRefused:
        await deps.control.modify_call(record.sid, ModifyCall(status="completed"))
        raise


def _command(given: Given, context: RequestContext, name: str) -> CreateCall:
    document = DocumentRequest(urljoin(context.deps.public_url, "/"), inline=_document(given, name))
    return CreateCall(
        from_=caller_of((given.get(CALLER_ID) or given[FROM]).strip()),
        to=given[TO].strip(),
        document=document,
        callbacks=subscription_of(given),
        timeout_s=given[TIMEOUT],
        time_limit_s=given[TIME_LIMIT],
        recording=recording_order(given) if given[RECORD] else None,
        sip_username=given.get(SIP_USERNAME),
        sip_password=given.get(SIP_PASSWORD),
        caller_name=given.get(DISPLAY_NAME),
        detection=detection_of_participant(given),
    )


def _document(given: Given, name: str) -> str:
    """What the called party runs: the same `<Conference>` that an application would have written."""
    pairs: dict[str, Any] = {
        "participantLabel": given.get(LABEL),
        "muted": given.get(MUTED),
        "beep": given[BEEP],
        "startConferenceOnEnter": given[START],
        "endConferenceOnExit": given.get(END),
        "waitUrl": given.get(WAIT_URL),
        "waitMethod": given[WAIT_METHOD] if given.get(WAIT_URL) else None,
        "jitterBufferSize": given.get(JITTER_BUFFER),
        "coach": given.get(COACHED) if given.get(COACHING) is not False else None,
    }
    written = "".join(
        f" {each}={quoteattr(str(value).lower() if isinstance(value, bool) else str(value))}"
        for each, value in pairs.items()
        if value is not None
    )
    return f"<Response><Dial><Conference{written}>{escape(name)}</Conference></Dial></Response>"


def _participant_options(given: Given) -> ParticipantOptions:
    coached = given.get(COACHED) if given.get(COACHING) is not False else None
    return ParticipantOptions(
        label=given.get(LABEL),
        muted=given.get(MUTED) is True,
        beep=Beep(given[BEEP]),
        start_on_enter=given[START],
        end_on_exit=given.get(END) is True,
        coach=CallSid(coached) if coached else None,
        wait=HeldAudio(given.get(WAIT_URL), given[WAIT_METHOD]),
        early_media=given[EARLY_MEDIA],
    )


def _room_options(given: Given) -> RoomOptions:
    callback, recording = given.get(ROOM_CALLBACK), given.get(RECORDING_CALLBACK)
    return RoomOptions(
        max_participants=given[PARTICIPANT_LIMIT],
        record=given[CONFERENCE_RECORD] in {"true", "record-from-start"},
        trim=given[CONFERENCE_TRIM] == "trim-silence",
        callbacks=Subscription(callback, given[ROOM_CALLBACK_METHOD], given[ROOM_CALLBACK_EVENT])
        if callback
        else None,
        recording_callback=RecordingCallback(
            recording,
            given[RECORDING_CALLBACK_METHOD],
            frozenset(RecordingEvent(each) for each in given[RECORDING_CALLBACK_EVENT]),
        )
        if recording
        else None,
    )


OPERATIONS: Final = (
    Operation(
        "POST",
        COLLECTION,
        "Call a party into a conference",
        create,
        PARTICIPANT,
        CREATE,
        status=201,
        faults=(TOO_MANY_REQUESTS, UNAVAILABLE, UNREACHABLE_TO),
    ),
)
