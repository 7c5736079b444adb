"""The events of a call, an extension of ours: SIP messages, HTTP exchanges, verbs and media figures, in order.

While a call lives its timeline is in memory, afterwards in the store.
"""

from typing import Final

from callapi.api.operation import Operation, RequestContext
from callapi.api.paging import MAX_SIZE, PAGE, PAGE_SIZE, page_request
from callapi.api.representations import Representation, field, number, text
from callapi.api.request_path import RequestPath
from callapi.api.resources.records import own_call
from callapi.store import EventRecord, Json, Page

PATH: Final = "/Accounts/{AccountSid}/Calls/{CallSid}/Events"


def _at(event: EventRecord, _request_path: RequestPath) -> Json:
    return event.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


EVENT: Final[Representation[EventRecord]] = Representation(
    "events",
    "Event",
    (
        number("sequence"),
        field("at", _at),
        text("kind"),
        field("data", lambda event, _place: event.data, "object"),
    ),
)


async def page(context: RequestContext) -> Page[EventRecord]:
    """What happened on the call so far, the first things first."""
    call = await own_call(context, "CallSid")
    request = page_request(context.given, MAX_SIZE)
    live = context.deps.live_events(call.sid)
    if not live:
        return await context.deps.store.events.page(call.sid, request)
    begin = request.page * request.size
    end = begin + request.size
    return Page(live[begin:end], request, has_next=len(live) > end)


OPERATIONS: Final = (
    Operation("GET", PATH, "List the events of a call", page, EVENT, (PAGE, PAGE_SIZE), is_list=True),
)
