"""Calls: place one, and change one that is up."""

import re
from typing import Any, Final, Literal

from callapi.api.errors import (
    INVALID_CALLBACK_EVENT,
    INVALID_FROM,
    INVALID_METHOD,
    INVALID_PARAMETER,
    INVALID_STATUS_CALLBACK,
    INVALID_TIMEOUT,
    INVALID_TO,
    INVALID_URL,
    NO_FROM,
    NO_TO,
    NOT_MODIFIABLE,
    RETRY_AFTER,
    TOO_MANY_REQUESTS,
    UNAVAILABLE,
    UNREACHABLE_TO,
    ApiError,
)
from callapi.api.operation import Operation, RequestContext, update
from callapi.api.requests.parameter_types import BOOLEAN, METHOD, URL, choice, pattern, text, whole, words
from callapi.api.requests.parameters import Given, Parameter
from callapi.api.resources.calls.calls import CALL, CALL_PATH, COLLECTION
from callapi.api.resources.calls.documents import DOCUMENT, document_request
from callapi.api.resources.calls.machine_detection import OF_CALLS, detection_of_call
from callapi.api.resources.records import own_call
from callapi.base.errors import CallApiError
from callapi.calls.commands import CreateCall, ModifyCall, RecordingOrder
from callapi.calls.placing.placement import Subscription
from callapi.calls.recording.recordings import RecordingCallback
from callapi.media import RecordOptions
from callapi.rcml import RecordingEvent
from callapi.sip import SipUri
from callapi.store import CallRecord

MAX_PARTY: Final = 2048
"""The limits of a SIP URI and of its headers are those of `<Sip>`, and say by how much they are passed."""
_USER: Final = re.compile(r"(?:client:)?[A-Za-z0-9+\-_.]+")
_KEYS: Final = str.maketrans("abcd", "ABCD")
_PUNCTUATION: Final = re.compile(r"[\s().-]")

TO: Final = Parameter(
    "To",
    text(maximum=MAX_PARTY),
    "the called party: a number, `sip:user@host` (with headers after `?`), `client:name`",
    is_required=True,
    fault=INVALID_TO,
    missing=NO_TO,
)
FROM: Final = Parameter(
    "From",
    text(),
    "the calling party: a number, `client:name` or a SIP URI",
    is_required=True,
    fault=INVALID_FROM,
    missing=NO_FROM,
)
CALLER_NAME: Final = Parameter("CallerName", text(maximum=128), "the display name of the caller")
STATUS_CALLBACK: Final = Parameter(
    "StatusCallback", URL, "requested at the steps of the call", fault=INVALID_STATUS_CALLBACK
)
STATUS_CALLBACK_METHOD: Final = Parameter(
    "StatusCallbackMethod", METHOD, "of it", default="POST", fault=INVALID_METHOD
)
STATUS_CALLBACK_EVENT: Final = Parameter(
    "StatusCallbackEvent",
    words("initiated", "ringing", "answered", "completed"),
    "which steps; repeated, or with spaces or commas between",
    default=("completed",),
    fault=INVALID_CALLBACK_EVENT,
)
TIMEOUT: Final = Parameter("Timeout", whole(1, 600), "seconds to ring", default=60, fault=INVALID_TIMEOUT)
TIME_LIMIT: Final = Parameter("TimeLimit", whole(1, 86_400), "seconds to last once answered", default=14_400)
RECORD: Final = Parameter("Record", BOOLEAN, "record the whole call", default=False)
RECORDING_CHANNELS: Final = Parameter(
    "RecordingChannels", choice("mono", "dual"), "both mixed, or a channel each", default="mono"
)
RECORDING_TRACK: Final = Parameter(
    "RecordingTrack",
    choice("inbound", "outbound", "both"),
    "`inbound`: the called party alone, `outbound`: what it hears",
    default="both",
)
RECORDING_CALLBACK: Final = Parameter("RecordingStatusCallback", URL, "requested when the recording changes")
RECORDING_CALLBACK_METHOD: Final = Parameter(
    "RecordingStatusCallbackMethod", METHOD, "of it", default="POST", fault=INVALID_METHOD
)
RECORDING_CALLBACK_EVENT: Final = Parameter(
    "RecordingStatusCallbackEvent", words(*RecordingEvent), "which changes", default=("completed",)
)
TRIM: Final = Parameter(
    "Trim",
    choice("trim-silence", "do-not-trim"),
    "whether silence is cut off at both ends",
    default="do-not-trim",
)
RECORDING: Final[tuple[Parameter[Any], ...]] = (
    RECORD,
    RECORDING_CHANNELS,
    RECORDING_TRACK,
    RECORDING_CALLBACK,
    RECORDING_CALLBACK_METHOD,
    RECORDING_CALLBACK_EVENT,
    TRIM,
)
"""Of the whole call."""
CALLER_ID: Final = Parameter(
    "CallerId", text(), "shown to the called party in place of `From`", fault=INVALID_FROM
)
SEND_DIGITS: Final = Parameter(
    "SendDigits",
    pattern(r"[0-9A-Da-d*#wW]{1,32}", "keys 0-9 A-D * #, `w` for half a second and `W` for one, at most 32"),
    "keys to press once answered, before the document",
)
SIP_USERNAME: Final = Parameter(
    "SipAuthUsername", text(), "answers a challenge of this call", aliases=("Username",)
)
SIP_PASSWORD: Final = Parameter("SipAuthPassword", text(), "with it", aliases=("Password",))
CREATE: Final[tuple[Parameter[Any], ...]] = (
    TO,
    FROM,
    *DOCUMENT,
    CALLER_NAME,
    STATUS_CALLBACK,
    STATUS_CALLBACK_METHOD,
    STATUS_CALLBACK_EVENT,
    TIMEOUT,
    TIME_LIMIT,
    *RECORDING,
    CALLER_ID,
    SEND_DIGITS,
    SIP_USERNAME,
    SIP_PASSWORD,
    *OF_CALLS,
)

STATUS: Final = Parameter(
    "Status",
    choice("canceled", "completed"),
    "`canceled` ends a call that was not answered yet, `completed` any",
)
MOVE_CONNECTED_LEG: Final = Parameter(
    "MoveConnectedCallLeg", BOOLEAN, "the party it is joined with gets the document too", default=False
)
MUTE: Final = Parameter("Mute", BOOLEAN, "whether the others hear this party")
NEW_TIME_LIMIT: Final = Parameter(
    "TimeLimit", whole(1, 86_400), "seconds that it may last from its answer on"
)
NEW_STATUS_CALLBACK: Final = Parameter(
    "StatusCallback", URL, "requested at its further steps", fault=INVALID_STATUS_CALLBACK
)
NEW_STATUS_CALLBACK_METHOD: Final = Parameter("StatusCallbackMethod", METHOD, "of it", fault=INVALID_METHOD)
MODIFY: Final[tuple[Parameter[Any], ...]] = (
    *DOCUMENT,
    STATUS,
    MOVE_CONNECTED_LEG,
    MUTE,
    NEW_TIME_LIMIT,
    NEW_STATUS_CALLBACK,
    NEW_STATUS_CALLBACK_METHOD,
)


async def create(context: RequestContext) -> CallRecord:
    """Queue a call; its record, as it waits for its turn."""
    given, deps = context.given, context.deps
    to, from_ = given[TO].strip(), caller_of(given[FROM].strip())
    if not to:
        raise ApiError(NO_TO)
    document = await document_request(context)
    if document is None:
        raise ApiError(INVALID_URL)
    if not deps.store.is_writable:
        raise ApiError(UNAVAILABLE, "Service unavailable: the database cannot be used", RETRY_AFTER)
    command = CreateCall(
        from_=from_,
        to=to,
        document=document,
        callbacks=subscription_of(given),
        timeout_s=given[TIMEOUT],
        time_limit_s=given[TIME_LIMIT],
        recording=recording_order(given) if given[RECORD] else None,
        sip_username=given.get(SIP_USERNAME),
        sip_password=given.get(SIP_PASSWORD),
        caller_name=given.get(CALLER_NAME),
        caller_id=caller_of(caller_id.strip()) if (caller_id := given.get(CALLER_ID)) else None,
        send_digits=(given.get(SEND_DIGITS) or "").translate(_KEYS) or None,
        detection=detection_of_call(given),
    )
    return await deps.calls.create_call(context.account.sid, command)


async def modify(context: RequestContext) -> CallRecord:
    """Give a live call another document, end it, mute it, or change its limit or callback.

    Its record as it stands right after.
    """
    given = context.given
    call = await own_call(context)
    command = ModifyCall(
        await document_request(context),
        _ending(given.get(STATUS)),
        given[MOVE_CONNECTED_LEG],
        given.get(MUTE),
        given.get(NEW_TIME_LIMIT),
        given.get(NEW_STATUS_CALLBACK),
        given.get(NEW_STATUS_CALLBACK_METHOD),
    )
    if command == ModifyCall(move_connected_leg=command.move_connected_leg):
        raise ApiError(
            INVALID_PARAMETER,
            "One of Url, Rcml, Twiml, ApplicationSid, Status, Mute, TimeLimit, StatusCallback must be given",
        )
    return await context.deps.control.modify_call(call.sid, command)


def _ending(status: str | None) -> Literal["canceled", "completed"] | None:
    match status:
        case "canceled" | "completed":
            return status
        case _:
            return None


def caller_of(text: str) -> str:
    """The From as it is placed: punctuation of numbers taken out. Raises ApiError."""
    if text.lower().startswith(("sip:", "sips:")):
        try:
            SipUri.parse(text)
        except CallApiError as error:
            raise ApiError(INVALID_FROM, f"{INVALID_FROM.text}: {error}") from error
        return text
    if text.startswith("+"):
        text = _PUNCTUATION.sub("", text)
    if _USER.fullmatch(text) is None:
        raise ApiError(
            INVALID_FROM, f"{INVALID_FROM.text}: {text!r} is neither a number nor client:name nor a SIP URI"
        )
    return text


def recording_order(given: Given) -> RecordingOrder:
    """How the whole call is recorded."""
    track, url = given[RECORDING_TRACK], given.get(RECORDING_CALLBACK)
    named: tuple[str, ...] = given[RECORDING_CALLBACK_EVENT]
    events = frozenset(RecordingEvent(each) for each in named)
    return RecordingOrder(
        RecordOptions(
            channels=2 if given[RECORDING_CHANNELS] == "dual" and track == "both" else 1,
            received_only=track == "inbound",
            trim=given[TRIM] == "trim-silence",
        ),
        sent_only=track == "outbound",
        callback=RecordingCallback(url, given[RECORDING_CALLBACK_METHOD], events) if url else None,
    )


def subscription_of(given: Given) -> Subscription | None:
    """Where the status callbacks of the call that is asked for go."""
    url = given.get(STATUS_CALLBACK)
    if url is None:
        return None
    return Subscription(url, given[STATUS_CALLBACK_METHOD], given[STATUS_CALLBACK_EVENT])


_FAULTS: Final = (TOO_MANY_REQUESTS, UNAVAILABLE, UNREACHABLE_TO)

OPERATIONS: Final = (
    Operation("POST", COLLECTION, "Place a call", create, CALL, CREATE, status=201, faults=_FAULTS),
    *update(
        Operation("POST", CALL_PATH, "Change a live call", modify, CALL, MODIFY, faults=(NOT_MODIFIABLE,))
    ),
)
