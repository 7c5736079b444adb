"""Calls: fetch, list, delete. Placing and commanding them is in `call_commands`."""

from datetime import datetime
from typing import Final

from callapi.api.errors import NOT_COMPLETED, ApiError
from callapi.api.kinds import SPAN, Span, choice, sid, text
from callapi.api.operation import Ask, Operation
from callapi.api.paging import PAGING, page_request
from callapi.api.parameters import Parameter
from callapi.api.representations import (
    Representation,
    counted,
    field,
    instant,
    nothing,
    number,
    path_of,
    subresources,
    uri,
)
from callapi.api.representations import text as plain
from callapi.api.resources.records import own_call
from callapi.base.ids import CallSid
from callapi.calls.status import CallStatus
from callapi.store import CallFilter, CallRecord, EventBlock, Page, Remove

COLLECTION: Final = "/Accounts/{AccountSid}/Calls"
CALL_PATH: Final = "/Accounts/{AccountSid}/Calls/{Sid}"

CALL: Final[Representation[CallRecord]] = Representation(
    "calls",
    "Call",
    (
        plain("sid"),
        instant("date_created"),
        instant("date_updated"),
        plain("parent_call_sid"),
        plain("account_sid"),
        plain("to"),
        plain("to_formatted", "to"),
        plain("from", "from_"),
        plain("from_formatted", "from_"),
        plain("phone_number_sid", "number_sid"),
        plain("status"),
        instant("start_time"),
        instant("end_time"),
        counted("duration"),
        nothing("price"),
        nothing("price_unit"),
        plain("direction"),
        plain("answered_by"),
        plain("annotation", "end_reason"),
        plain("api_version"),
        plain("forwarded_from"),
        nothing("group_sid"),
        plain("caller_name"),
        field("queue_time", lambda _call, _place: "0"),
        nothing("trunk_sid"),
        counted("ring_duration", xml_name="Ring_duration"),
        instant("answer_time"),
        plain("sip_call_id"),
        number("sip_response_code"),
        plain("ended_by"),
        plain("end_reason"),
        uri("uri", path_of("Calls")),
        subresources(
            {"notifications": "Notifications", "recordings": "Recordings", "events": "Events"},
            path_of("Calls"),
        ),
    ),
)

TO: Final = Parameter("To", text(), "calls to this party, as it stands in `to`")
FROM: Final = Parameter("From", text(), "calls from this party, as it stands in `from`")
STATUS: Final = Parameter("Status", choice(*CallStatus), "calls in this state")
PARENT: Final = Parameter("ParentCallSid", sid("CA"), "the calls that a Dial of this call made")
STARTED: Final = Parameter("StartTime", SPAN, "calls that started on this day (UTC) or in this second")
STARTED_FROM: Final = Parameter(
    "StartTime>", SPAN, "… that or later (`StartTime>=2026-11-17` on the wire)", aliases=("StartTime>=",)
)
STARTED_TO: Final = Parameter("StartTime<", SPAN, "… that or earlier", aliases=("StartTime<=",))
ENDED: Final = Parameter("EndTime", SPAN, "calls that ended on this day (UTC) or in this second")
ENDED_FROM: Final = Parameter("EndTime>", SPAN, "… that or later", aliases=("EndTime>=",))
ENDED_TO: Final = Parameter("EndTime<", SPAN, "… that or earlier", aliases=("EndTime<=",))
FILTERS: Final = (
    TO,
    FROM,
    STATUS,
    PARENT,
    STARTED,
    STARTED_FROM,
    STARTED_TO,
    ENDED,
    ENDED_FROM,
    ENDED_TO,
)


async def fetch(ask: Ask) -> CallRecord:
    """One call, as it stands now."""
    return await own_call(ask)


async def page(ask: Ask) -> Page[CallRecord]:
    """The account's calls, newest first."""
    given, calls = ask.given, ask.deps.store.calls
    parent = given.get(PARENT)
    started_from, started_before = _between(
        given.get(STARTED), given.get(STARTED_FROM), given.get(STARTED_TO)
    )
    ended_from, ended_before = _between(given.get(ENDED), given.get(ENDED_FROM), given.get(ENDED_TO))
    wanted = CallFilter(
        to=given.get(TO),
        from_=given.get(FROM),
        status=given.get(STATUS),
        parent_call_sid=CallSid(parent) if parent else None,
        started_from=started_from,
        started_before=started_before,
        ended_from=ended_from,
        ended_before=ended_before,
    )
    return await calls.list_page(ask.account.sid, wanted, page_request(given))


async def delete(ask: Ask) -> None:
    """Forget a call that is over, with its events; its recordings stay."""
    call = await own_call(ask)
    if call.end_time is None:
        raise ApiError(NOT_COMPLETED)
    await ask.deps.store.commit(Remove(CallRecord, (call.sid,)), Remove(EventBlock, (call.sid,)))


def _between(
    within: Span | None, from_: Span | None, to: Span | None
) -> tuple[datetime | None, datetime | None]:
    """The instants that three filters leave: at least the first, before the second."""
    begins = [each.begin for each in (within, from_) if each]
    ends = [each.end for each in (within, to) if each]
    return max(begins, default=None), min(ends, default=None)


OPERATIONS: Final = (
    Operation("GET", COLLECTION, "List calls", page, CALL, (*FILTERS, *PAGING), is_list=True),
    Operation("GET", CALL_PATH, "Fetch a call", fetch, CALL),
    Operation("DELETE", CALL_PATH, "Delete a call that is over", delete, status=204, faults=(NOT_COMPLETED,)),
)
