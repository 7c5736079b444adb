"""Notifications: what went wrong on a call, with the request that was made and the answer that came."""

from typing import Final

from callapi.api.docs.code_pages import PATH as CODE_PAGES
from callapi.api.operation import Operation, RequestContext
from callapi.api.requests.filters import interval, matching
from callapi.api.requests.parameter_types import whole
from callapi.api.requests.parameters import Parameter
from callapi.api.requests.request_path import RequestPath
from callapi.api.resources.collection import Collection
from callapi.api.resources.records import own_call
from callapi.api.responses.paging import PAGING, page_request
from callapi.api.responses.representations import (
    Representation,
    counted,
    field,
    instant,
    number,
    path_of,
    text,
    uri,
)
from callapi.store import Equals, Json, NotificationRecord, Page

CALL_PATH: Final = "/Accounts/{AccountSid}/Calls/{CallSid}/Notifications"


def _more_info(notification: NotificationRecord, request_path: RequestPath) -> Json:
    return f"{request_path.origin}{CODE_PAGES}{notification.error_code}"


NOTIFICATION: Final[Representation[NotificationRecord]] = Representation(
    "notifications",
    "Notification",
    (
        text("sid"),
        instant("date_created", "message_date"),
        instant("date_updated", "message_date"),
        text("account_sid"),
        text("call_sid"),
        text("api_version"),
        counted("log"),
        counted("error_code"),
        field("more_info", _more_info),
        text("message_text"),
        instant("message_date"),
        text("request_url"),
        text("request_method"),
        text("request_variables"),
        number("response_status"),
        text("response_headers"),
        text("response_body"),
        number("document_line"),
        number("document_column"),
        uri("uri", path_of("Notifications")),
    ),
)
NOTIFICATIONS: Final = Collection("Notifications", NOTIFICATION, lambda store: store.notifications)

FILTERS: Final = (
    Parameter("Log", whole(0, 1), "0: errors, 1: warnings", field="log"),
    Parameter("ErrorCode", whole(0, 99_999), "of this code", field="error_code"),
)
MESSAGE_DATE: Final = interval("MessageDate", "message_date", "when it was written")


async def page_of_call(context: RequestContext) -> Page[NotificationRecord]:
    """What went wrong on one call."""
    call = await own_call(context, "CallSid")
    given = context.given
    where = (Equals("call_sid", call.sid), *matching(given, FILTERS), *MESSAGE_DATE.conditions(given))
    return await context.deps.store.notifications.page(context.account.sid, page_request(given), *where)


OPERATIONS: Final[tuple[Operation, ...]] = (
    NOTIFICATIONS.list("List notifications", FILTERS, MESSAGE_DATE),
    NOTIFICATIONS.fetch("Fetch a notification"),
    Operation(
        "GET",
        CALL_PATH,
        "List the notifications of a call",
        page_of_call,
        NOTIFICATION,
        (*FILTERS, *MESSAGE_DATE.parameters, *PAGING),
        is_list=True,
    ),
)
