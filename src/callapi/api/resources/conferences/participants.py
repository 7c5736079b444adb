"""Participants of a live conference: mute, hold, coach, announce to and take out. See also `participant_calls`."""

from typing import Any, Final

from callapi.api.errors import (
    INVALID_METHOD,
    INVALID_URL,
    NOT_FOUND,
    ApiError,
)
from callapi.api.operation import Operation, RequestContext, update
from callapi.api.requests.parameter_types import BOOLEAN, METHOD, URL, sid
from callapi.api.requests.parameters import Parameter
from callapi.api.resources.conferences.conferences import ANNOUNCE_METHOD, ANNOUNCE_URL
from callapi.api.responses.paging import PAGING, page_request
from callapi.api.responses.representations import Field, Representation, counted, field, instant, uri
from callapi.api.responses.representations import text as text_field
from callapi.base.ids import CallSid
from callapi.calls.conferences.control import ParticipantChanges, ParticipantView
from callapi.calls.conferences.options import (
    HeldAudio,
)
from callapi.calls.documents.document import DocumentRequest
from callapi.store import Page

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

END: Final = Parameter("EndConferenceOnExit", BOOLEAN, "as of `<Conference>`")
WAIT_URL: Final = Parameter("WaitUrl", URL, "heard until the room starts", fault=INVALID_URL)
WAIT_METHOD: Final = Parameter("WaitMethod", METHOD, "of it", default="POST", fault=INVALID_METHOD)
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


OPERATIONS: Final = (
    Operation("GET", COLLECTION, "List participants", page, PARTICIPANT, (*FILTERS, *PAGING), is_list=True),
    Operation("GET", ITEM, "Fetch a participant", fetch, PARTICIPANT),
    *update(Operation("POST", ITEM, "Change a participant", modify, PARTICIPANT, CHANGES)),
    Operation("DELETE", ITEM, "Take a participant out of the conference", delete, status=204),
)
