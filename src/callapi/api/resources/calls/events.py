"""The events of a call, an extension of ours: SIP messages, HTTP exchanges, verbs and media figures, in order.

While a call lives its timeline is in memory, afterwards in the store.
"""

from typing import Final

from starlette.responses import Response

from callapi.api.operation import Operation, RequestContext
from callapi.api.requests.request_path import Format, RequestPath
from callapi.api.resources.records import own_call
from callapi.api.responses.paging import MAX_SIZE, PAGE, PAGE_SIZE, page_request
from callapi.api.responses.pcap import capture
from callapi.api.responses.representations import Representation, field, number, text
from callapi.base.ids import CallSid
from callapi.store import MAX_EVENTS, EventRecord, Json, Page, PageRequest

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


async def pcap(context: RequestContext) -> Response:
    """The SIP messages of the call, and of the calls that it dialled, as a capture file."""
    call = await own_call(context, "CallSid")
    children = await context.deps.store.calls.children(call.sid)
    events = [event for each in (call, *children) for event in await _all_events(context, each.sid)]
    events.sort(key=lambda event: event.at)
    headers = {"Content-Disposition": f'attachment; filename="{call.sid}.pcap"'}
    return Response(capture(events), media_type="application/vnd.tcpdump.pcap", headers=headers)


async def _all_events(context: RequestContext, sid: CallSid) -> tuple[EventRecord, ...]:
    live = context.deps.live_events(sid)
    if live:
        return live
    return (await context.deps.store.events.page(sid, PageRequest(0, MAX_EVENTS))).records


OPERATIONS: Final = (
    Operation("GET", PATH, "List the events of a call", page, EVENT, (PAGE, PAGE_SIZE), is_list=True),
    Operation("GET", PATH, "The SIP messages of a call", pcap, formats=frozenset({Format.PCAP})),
)
