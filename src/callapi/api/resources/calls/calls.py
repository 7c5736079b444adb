"""Calls: placed over REST, inbound, or dialled by a document; what is up can be changed, what is over deleted."""

from typing import Any, Final

from msgspec.structs import replace

from callapi.api.errors import NOT_COMPLETED, ApiError
from callapi.api.operation import Operation, RequestContext
from callapi.api.requests.filters import interval
from callapi.api.requests.parameter_types import PARTY, choice, sid, whole
from callapi.api.requests.parameter_types import text as text_kind
from callapi.api.requests.parameters import Parameter
from callapi.api.requests.request_path import RequestPath
from callapi.api.resources.records import own_call
from callapi.api.responses.paging import PAGING, page_request
from callapi.api.responses.representations import (
    Representation,
    counted,
    field,
    instant,
    nothing,
    number,
    path_of,
    subresources,
    text,
    uri,
)
from callapi.base.ids import CallSid
from callapi.calls.status import CallStatus
from callapi.store import CallFilter, CallRecord, EventBlock, Json, Page, PageRequest, Remove

COLLECTION: Final = "/Accounts/{AccountSid}/Calls"
CALL_PATH: Final = "/Accounts/{AccountSid}/Calls/{Sid}"


def _queue_time(call: CallRecord, _: RequestPath) -> Json:
    """How long it waited to be placed, in milliseconds."""
    waited_until = call.start_time or call.end_time
    return str(round((waited_until - call.date_created).total_seconds() * 1000)) if waited_until else None


CALL: Final[Representation[CallRecord]] = Representation(
    "calls",
    "Call",
    (
        text("sid"),
        instant("date_created"),
        instant("date_updated"),
        text("parent_call_sid"),
        text("account_sid"),
        text("to"),
        text("to_formatted", "to"),
        text("from", "from_"),
        text("from_formatted", "from_"),
        text("phone_number_sid", "number_sid"),
        text("status"),
        instant("start_time"),
        instant("end_time"),
        counted("duration"),
        nothing("price"),
        nothing("price_unit"),
        text("direction"),
        text("answered_by"),
        text("annotation", "end_reason"),
        text("api_version"),
        text("forwarded_from"),
        nothing("group_sid"),
        text("caller_name"),
        field("queue_time", _queue_time),
        nothing("trunk_sid"),
        counted("ring_duration", xml_name="Ring_duration"),
        instant("answer_time"),
        text("sip_call_id"),
        number("sip_response_code"),
        text("srtp"),
        text("ended_by"),
        text("end_reason"),
        text("node"),
        uri("uri", path_of("Calls")),
        subresources(
            {"notifications": "Notifications", "recordings": "Recordings", "events": "Events"},
            path_of("Calls"),
        ),
    ),
)

TO: Final = Parameter("To", PARTY, "calls to this party, as it stands in `to`")
FROM: Final = Parameter("From", PARTY, "calls from this party, as it stands in `from`")
STATUS: Final = Parameter("Status", choice(*CallStatus), "calls in this state")
PARENT: Final = Parameter("ParentCallSid", sid("CA"), "the calls that a Dial of this call made")
STARTED: Final = interval("StartTime", "start_time", "when it started")
ENDED: Final = interval("EndTime", "end_time", "when it ended")
SIP_CALL_ID: Final = Parameter("SipCallId", text_kind(), "the call with this SIP Call-ID")
SIP_CODE: Final = Parameter("SipResponseCode", whole(100, 699), "calls that ended with this SIP status")
NODE: Final = Parameter("Node", text_kind(), "calls of this node")
LONGER: Final = Parameter(
    "Duration>", whole(0, 10_000_000), "calls of so many seconds or more", aliases=("Duration>=",)
)
SHORTER: Final = Parameter(
    "Duration<", whole(0, 10_000_000), "calls of so many seconds or less", aliases=("Duration<=",)
)
FIND: Final = Parameter(
    "Find", text_kind(), "calls with exactly this sid, From, To or SIP Call-ID: one page, the newest first"
)
FILTERS: Final[tuple[Parameter[Any], ...]] = (
    TO,
    FROM,
    STATUS,
    PARENT,
    *STARTED.parameters,
    *ENDED.parameters,
    SIP_CALL_ID,
    SIP_CODE,
    NODE,
    LONGER,
    SHORTER,
    FIND,
)


async def fetch(context: RequestContext) -> CallRecord:
    """One call, as it stands now."""
    return await own_call(context)


async def page(context: RequestContext) -> Page[CallRecord]:
    """The account's calls, newest first."""
    given, calls = context.given, context.deps.store.calls
    parent = given.get(PARENT)
    started_from, started_before = STARTED.between(given)
    ended_from, ended_before = ENDED.between(given)
    wanted = CallFilter(
        to=given.get(TO),
        from_=given.get(FROM),
        status=given.get(STATUS),
        parent_call_sid=CallSid(parent) if parent else None,
        started_from=started_from,
        started_before=started_before,
        ended_from=ended_from,
        ended_before=ended_before,
        sip_call_id=given.get(SIP_CALL_ID),
        sip_response_code=given.get(SIP_CODE),
        node=given.get(NODE),
        least_duration=given.get(LONGER),
        greatest_duration=given.get(SHORTER),
    )
    if (text := given.get(FIND)) is not None:
        return await _found(context, text, wanted)
    return await calls.list_page(context.account.sid, wanted, page_request(given))


async def _found(context: RequestContext, text: str, wanted: CallFilter) -> Page[CallRecord]:
    """The calls of which `text` is the sid, a party or the Call-ID: each field has an index, so each is asked."""
    request, calls = page_request(context.given), context.deps.store.calls
    request = PageRequest(0, request.size, None)
    party = PARTY.read([text])
    asked = (
        replace(wanted, sip_call_id=text),
        replace(wanted, from_=party),
        replace(wanted, to=party),
    )
    found = {call.sid: call for call in [await calls.fetch(text)] if call is not None}
    for each in asked:
        page = await calls.list_page(context.account.sid, each, request)
        found |= {call.sid: call for call in page.records}
    own = [call for call in found.values() if call.account_sid == context.account.sid]
    own.sort(key=lambda call: (call.date_created, call.sid), reverse=True)
    return Page(tuple(own[: request.size]), request, has_next=False)


async def delete(context: RequestContext) -> None:
    """Delete a call that is over, with its events; its recordings stay."""
    call = await own_call(context)
    if call.end_time is None:
        raise ApiError(NOT_COMPLETED)
    await context.deps.store.commit(Remove(CallRecord, (call.sid,)), Remove(EventBlock, (call.sid,)))


OPERATIONS: Final = (
    Operation("GET", COLLECTION, "List calls", page, CALL, (*FILTERS, *PAGING), is_list=True),
    Operation("GET", CALL_PATH, "Fetch a call", fetch, CALL),
    Operation("DELETE", CALL_PATH, "Delete a call that is over", delete, status=204, faults=(NOT_COMPLETED,)),
)
