"""Queues of callers, and their members: whom `<Enqueue>` has put there, in the order of their service."""

from typing import Any, Final

from msgspec.structs import replace

from callapi.api.errors import INVALID_PARAMETER, INVALID_URL, QUEUE_NOT_EMPTY, QUEUE_TAKEN, ApiError
from callapi.api.operation import Operation, RequestContext, update
from callapi.api.requests.parameter_types import METHOD, URL, text, whole
from callapi.api.requests.parameters import Parameter
from callapi.api.resources.records import own
from callapi.api.responses.paging import PAGING, page_request
from callapi.api.responses.representations import Representation, field, instant, number, uri
from callapi.api.responses.representations import text as text_field
from callapi.base.clock import utc_now
from callapi.base.ids import new_queue_sid
from callapi.calls.documents.document import DocumentRequest
from callapi.calls.queues.control import MemberView, QueueFigures
from callapi.store import Page, Put, QueueRecord, Remove

COLLECTION: Final = "/Accounts/{AccountSid}/Queues"
ITEM: Final = COLLECTION + "/{Sid}"
MEMBERS: Final = "/Accounts/{AccountSid}/Queues/{QueueSid}/Members"
MEMBER: Final = MEMBERS + "/{Member}"
MAX_SIZE: Final = 5000

QUEUE: Final[Representation[QueueFigures]] = Representation(
    "queues",
    "Queue",
    (
        text_field("sid", "record.sid"),
        text_field("account_sid", "record.account_sid"),
        text_field("friendly_name", "record.friendly_name"),
        number("current_size"),
        number("max_size", "record.max_size"),
        number("average_wait_time"),
        instant("date_created", "record.date_created"),
        instant("date_updated", "record.date_updated"),
        uri("uri", lambda each: f"/Accounts/{each.record.account_sid}/Queues/{each.record.sid}"),
        field(
            "subresource_uris",
            lambda each, path: {
                "members": path.uri(f"/Accounts/{each.record.account_sid}/Queues/{each.record.sid}/Members")
            },
            "object",
        ),
    ),
)
QUEUE_MEMBER: Final[Representation[MemberView]] = Representation(
    "queue_members",
    "QueueMember",
    (
        text_field("call_sid"),
        text_field("queue_sid"),
        instant("date_enqueued"),
        number("position"),
        number("wait_time"),
        uri(
            "uri",
            lambda each: f"/Accounts/{each.account_sid}/Queues/{each.queue_sid}/Members/{each.call_sid}",
        ),
        text_field("account_sid"),
    ),
)

NAME: Final = Parameter("FriendlyName", text(maximum=64), "the name that `<Enqueue>` uses", is_required=True)
NEW_NAME: Final = Parameter(
    "FriendlyName", text(maximum=64), "another name", field="friendly_name", is_kept=True
)
SIZE: Final = Parameter("MaxSize", whole(1, MAX_SIZE), "how many may wait", default=1000)
NEW_SIZE: Final = Parameter(
    "MaxSize", whole(1, MAX_SIZE), "how many may wait", field="max_size", is_kept=True
)
CHANGES: Final[tuple[Parameter[Any], ...]] = (NEW_NAME, NEW_SIZE)
MEMBER_URL: Final = Parameter(
    "Url", URL, "requested for the document of the member", is_required=True, fault=INVALID_URL
)
MEMBER_METHOD: Final = Parameter("Method", METHOD, "of it", default="POST")


async def _own(context: RequestContext, key: str = "Sid") -> QueueRecord:
    return own(await context.deps.store.queues.fetch(context.path[key]), context)


async def _figures(context: RequestContext, record: QueueRecord) -> QueueFigures:
    [figures] = await context.deps.queues.figures((record,))
    return figures


async def page(context: RequestContext) -> Page[QueueFigures]:
    """The account's queues."""
    found = await context.deps.store.queues.page(context.account.sid, page_request(context.given))
    figures = await context.deps.queues.figures(found.records)
    return Page(figures, found.request, found.has_next)


async def fetch(context: RequestContext) -> QueueFigures:
    """One queue, as it stands now."""
    return await _figures(context, await _own(context))


async def create(context: RequestContext) -> QueueFigures:
    """An empty queue."""
    name, now = context.given[NAME], utc_now()
    await _require_free(context, name)
    record = QueueRecord(new_queue_sid(), context.account.sid, name, context.given[SIZE], now, now)
    await context.deps.store.commit(Put(record))
    return await _figures(context, record)


async def modify(context: RequestContext) -> QueueFigures:
    """Another name or size; those who wait stay."""
    before = await _own(context)
    changes = context.given.changes(CHANGES)
    name = changes.get("friendly_name", before.friendly_name)
    if name != before.friendly_name:
        await _require_free(context, name)
    record = replace(before, date_updated=utc_now(), **changes)
    await context.deps.store.commit(Put(record))
    await context.deps.queues.changed(before, record)
    return await _figures(context, record)


async def delete(context: RequestContext) -> None:
    """Delete an empty queue."""
    record = await _own(context)
    if (await _figures(context, record)).current_size:
        raise ApiError(QUEUE_NOT_EMPTY)
    await context.deps.store.commit(Remove(QueueRecord, (record.sid,)))
    await context.deps.queues.removed(record)


async def _require_free(context: RequestContext, name: str) -> None:
    if await context.deps.store.queues.named(context.account.sid, name) is not None:
        raise ApiError(QUEUE_TAKEN)


async def member_page(context: RequestContext) -> Page[MemberView]:
    """Those who wait, the first first."""
    everyone = await context.deps.queues.members(await _own(context, "QueueSid"))
    request = page_request(context.given)
    start = request.page * request.size
    if request.after is not None:
        sids = [each.call_sid for each in everyone]
        start = next((at for at, each in enumerate(sids, 1) if each == request.after), len(sids))
    found = everyone[start : start + request.size]
    return Page(found, request, has_next=len(everyone) > start + request.size)


async def fetch_member(context: RequestContext) -> MemberView:
    """One member, by the sid of its call, or `Front`."""
    return await context.deps.queues.member(await _own(context, "QueueSid"), context.path["Member"])


async def dequeue(context: RequestContext) -> MemberView:
    """Take a member out: its call goes on with the document of `Url`."""
    request = DocumentRequest(context.given[MEMBER_URL], context.given[MEMBER_METHOD])
    queue = await _own(context, "QueueSid")
    return await context.deps.queues.dequeue(queue, context.path["Member"], request)


OPERATIONS: Final = (
    Operation("GET", COLLECTION, "List queues", page, QUEUE, PAGING, is_list=True),
    Operation(
        "POST",
        COLLECTION,
        "Make a queue",
        create,
        QUEUE,
        (NAME, SIZE),
        status=201,
        faults=(QUEUE_TAKEN, INVALID_PARAMETER),
    ),
    Operation("GET", ITEM, "Fetch a queue", fetch, QUEUE),
    *update(Operation("POST", ITEM, "Change a queue", modify, QUEUE, CHANGES, faults=(QUEUE_TAKEN,))),
    Operation("DELETE", ITEM, "Delete an empty queue", delete, status=204, faults=(QUEUE_NOT_EMPTY,)),
    Operation("GET", MEMBERS, "List members", member_page, QUEUE_MEMBER, PAGING, is_list=True),
    Operation("GET", MEMBER, "Fetch a member", fetch_member, QUEUE_MEMBER),
    *update(
        Operation(
            "POST",
            MEMBER,
            "Take a member out of the queue",
            dequeue,
            QUEUE_MEMBER,
            (MEMBER_URL, MEMBER_METHOD),
        )
    ),
)
