"""Participants of a live conference: call a party into it, mute, hold, coach, announce to and take out."""

import re
from typing import Any, Final
from urllib.parse import urljoin
from xml.sax.saxutils import escape, quoteattr

from callapi.api.errors import (
    INVALID_METHOD,
    INVALID_TIMEOUT,
    INVALID_URL,
    NOT_FOUND,
    TOO_MANY_REQUESTS,
    UNAVAILABLE,
    UNREACHABLE_TO,
    ApiError,
)
from callapi.api.operation import Operation, RequestContext, update
from callapi.api.requests.parameter_types import BOOLEAN, METHOD, URL, choice, sid, text, whole, words
from callapi.api.requests.parameters import Given, Parameter
from callapi.api.resources.calls.call_commands import (
    CALLER_NAME,
    FROM,
    RECORD,
    SIP_PASSWORD,
    SIP_USERNAME,
    STATUS_CALLBACK,
    STATUS_CALLBACK_EVENT,
    STATUS_CALLBACK_METHOD,
    TIME_LIMIT,
    TO,
    caller_of,
    subscription_of,
)
from callapi.api.resources.calls.machine_detection import OF_PARTICIPANTS, detection_of_participant
from callapi.api.resources.conferences.conferences import ANNOUNCE_METHOD, ANNOUNCE_URL
from callapi.api.responses.paging import PAGING, page_request
from callapi.api.responses.representations import Field, Representation, counted, field, instant, uri
from callapi.api.responses.representations import text as text_field
from callapi.base.ids import CallSid
from callapi.calls.commands import CreateCall, ModifyCall, RecordingOrder
from callapi.calls.conferences.control import ParticipantChanges, ParticipantView
from callapi.calls.conferences.events import SUBSCRIPTION_WORDS
from callapi.calls.conferences.machine import JoinRefused
from callapi.calls.conferences.options import (
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
from callapi.store import Page

_SID: Final = re.compile("CF[0-9a-f]{32}")
COLLECTION: Final = "/Accounts/{AccountSid}/Conferences/{Room}/Participants"
ITEM: Final = COLLECTION + "/{Participant}"


def _flag(name: str) -> Field[ParticipantView]:
    return field(name, lambda view, _: bool(getattr(view, name)), "boolean")


def _path(view: ParticipantView) -> str:
    return f"/Accounts/{view.account_sid}/Conferences/{view.conference_sid}/Participants/{view.call_sid}"


PARTICIPANT: Final[Representation[ParticipantView]] = Representation(
    "participants",
    "Participant",
    (
        text_field("account_sid"),
        text_field("call_sid"),
        text_field("label"),
        text_field("call_sid_to_coach"),
        _flag("coaching"),
        text_field("conference_sid"),
        instant("date_created"),
        instant("date_updated"),
        _flag("end_conference_on_exit"),
        _flag("muted"),
        _flag("hold"),
        _flag("start_conference_on_enter"),
        text_field("status"),
        counted("queue_time"),
        uri("uri", _path),
    ),
)

MUTED: Final = Parameter("Muted", BOOLEAN, "not heard by the others")
HOLD: Final = Parameter("Hold", BOOLEAN, "out of the room, with music or `HoldUrl`")
COACHING: Final = Parameter("Coaching", BOOLEAN, "heard by one participant alone")
COACHED: Final = Parameter("CallSidToCoach", sid("CA"), "the participant that hears it")
FILTERS: Final[tuple[Parameter[Any], ...]] = (MUTED, HOLD, COACHING)

LABEL: Final = Parameter("Label", text(maximum=MAX_LABEL), "a name, once in the room, to be addressed by")
TIMEOUT: Final = Parameter("Timeout", whole(5, 600), "seconds to ring", default=60, fault=INVALID_TIMEOUT)
EARLY_MEDIA: Final = Parameter("EarlyMedia", BOOLEAN, "accepted; the room hears a party once it has answered")
BEEP: Final = Parameter(
    "Beep", choice("true", "false", "onEnter", "onExit"), "as of `<Conference>`", default="true"
)
START: Final = Parameter("StartConferenceOnEnter", BOOLEAN, "as of `<Conference>`", default=True)
END: Final = Parameter("EndConferenceOnExit", BOOLEAN, "as of `<Conference>`")
WAIT_URL: Final = Parameter("WaitUrl", URL, "heard until the room starts", fault=INVALID_URL)
WAIT_METHOD: Final = Parameter("WaitMethod", METHOD, "of it", default="POST", fault=INVALID_METHOD)
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
IGNORED: Final = tuple(
    Parameter(name, text(), "accepted, without effect")
    for name in ("Region", "JitterBufferSize", "CallReason")
)
CREATE: Final[tuple[Parameter[Any], ...]] = (
    TO,
    FROM,
    CALLER_ID,
    CALLER_NAME,
    STATUS_CALLBACK,
    STATUS_CALLBACK_METHOD,
    STATUS_CALLBACK_EVENT,
    LABEL,
    TIMEOUT,
    TIME_LIMIT,
    RECORD,
    MUTED,
    BEEP,
    START,
    END,
    WAIT_URL,
    WAIT_METHOD,
    EARLY_MEDIA,
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
    *IGNORED,
)

HOLD_URL: Final = Parameter("HoldUrl", URL, "heard on hold", fault=INVALID_URL)
HOLD_METHOD: Final = Parameter("HoldMethod", METHOD, "of it", default="GET", fault=INVALID_METHOD)
BEEP_ON_EXIT: Final = Parameter("BeepOnExit", BOOLEAN, "whether its leaving is heard")
CHANGES: Final[tuple[Parameter[Any], ...]] = (
    MUTED,
    HOLD,
    HOLD_URL,
    HOLD_METHOD,
    ANNOUNCE_URL,
    ANNOUNCE_METHOD,
    WAIT_URL,
    WAIT_METHOD,
    BEEP_ON_EXIT,
    END,
    COACHING,
    COACHED,
)


async def _room(context: RequestContext) -> str:
    """The room in the path: the sid or name of a live one, or the sid of one that is over. Raises ApiError (404)."""
    key = context.path["Room"]
    if context.deps.conferences.sid_of(context.account.sid, key) is None:
        record = await context.deps.store.conferences.fetch(key)
        if record is None or record.account_sid != context.account.sid:
            raise ApiError(NOT_FOUND, f"The requested resource {context.request_path.path} was not found")
    return key


async def page(context: RequestContext) -> Page[ParticipantView]:
    """The participants of a room; none once it is over."""
    given, request = context.given, page_request(context.given)
    everyone = context.deps.conferences.participants(context.account.sid, await _room(context))
    wanted = [
        each
        for each in everyone
        if given.get(MUTED) in {None, each.muted}
        and given.get(HOLD) in {None, each.hold}
        and given.get(COACHING) in {None, each.coaching}
    ]
    start = request.page * request.size
    if request.after is not None:
        sids = [each.call_sid for each in wanted]
        start = sids.index(CallSid(request.after)) + 1 if request.after in sids else len(sids)
    found = tuple(wanted[start : start + request.size])
    return Page(found, request, has_next=len(wanted) > start + request.size)


async def fetch(context: RequestContext) -> ParticipantView:
    """One participant, by the sid of its call or its label."""
    room = await _room(context)
    return context.deps.conferences.participant(context.account.sid, room, context.path["Participant"])


async def modify(context: RequestContext) -> ParticipantView:
    """Mute, hold, announce to, coach: whatever is given."""
    given, room = context.given, await _room(context)
    announce = given.get(ANNOUNCE_URL)
    wait = given.get(WAIT_URL)
    coached = given.get(COACHED)
    changes = ParticipantChanges(
        muted=given.get(MUTED),
        hold=given.get(HOLD),
        hold_audio=HeldAudio(given.get(HOLD_URL), given[HOLD_METHOD]),
        announce=DocumentRequest(announce, given[ANNOUNCE_METHOD]) if announce else None,
        wait=HeldAudio(wait, given[WAIT_METHOD]) if wait else None,
        beep_on_exit=given.get(BEEP_ON_EXIT),
        end_on_exit=given.get(END),
        coaching=given.get(COACHING),
        call_sid_to_coach=CallSid(coached) if coached else None,
    )
    return context.deps.conferences.update(context.account.sid, room, context.path["Participant"], changes)


async def delete(context: RequestContext) -> None:
    """Take a participant out; its document goes on."""
    context.deps.conferences.kick(context.account.sid, await _room(context), context.path["Participant"])


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
        recording=RecordingOrder() if given[RECORD] else None,
        sip_username=given.get(SIP_USERNAME),
        sip_password=given.get(SIP_PASSWORD),
        caller_name=given.get(CALLER_NAME),
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
    Operation("GET", COLLECTION, "List participants", page, PARTICIPANT, (*FILTERS, *PAGING), is_list=True),
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
    Operation("GET", ITEM, "Fetch a participant", fetch, PARTICIPANT),
    *update(Operation("POST", ITEM, "Change a participant", modify, PARTICIPANT, CHANGES)),
    Operation("DELETE", ITEM, "Take a participant out of the conference", delete, status=204),
)
