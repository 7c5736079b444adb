"""`GET Accounts/{AccountSid}/Feed`: the live feed of an account's calls, an extension of ours.

It stands beside the table of operations, since its answer has no end.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from callapi.api.errors import METHOD_NOT_ALLOWED, TOO_MANY_REQUESTS, ApiError
from callapi.api.feed.live_feed import Feed, FeedFilter
from callapi.api.requests.parameter_types import sid
from callapi.api.requests.parameters import Parameter, read
from callapi.api.requests.request_path import TWILIO, RequestPath
from callapi.api.resources.calls.calls import CALL
from callapi.api.resources.calls.recordings import RECORDING
from callapi.base.ids import CallSid
from callapi.calls.events import EventBus
from callapi.store import AccountRecord, CallRecord, Json, RecordingRecord

PATH: Final = re.compile("/Accounts/(?P<AccountSid>[A-Za-z0-9]{1,64})/Feed")
CALL_SID: Final = Parameter("CallSid", sid("CA"), "events of this call and of the calls that it dialled")
_RETRY: Final = (("Retry-After", "5"),)
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def feed_of(bus: EventBus, public_url: str) -> Feed:
    """The feed of the calls on `bus`, whose records look as in Twilio's spelling of REST."""
    place = RequestPath(TWILIO, "", None, origin=public_url.rstrip("/"))

    def represent(record: CallRecord | RecordingRecord) -> Json:
        if isinstance(record, RecordingRecord):
            return RECORDING.as_json(record, place)
        return CALL.as_json(record, place)

    return Feed(bus, represent)


def follow(
    feed: Feed,
    account: AccountRecord,
    request: Request,
    form: Mapping[str, Sequence[str]],
    may_read: Callable[[], Awaitable[bool]],
) -> Response:
    """The answer to one client: it goes on until the client leaves, `may_read` says no, or the node stops.

    Raises:
        ApiError: a bad parameter, or too many clients.
    """
    if request.method != "GET":
        raise ApiError(METHOD_NOT_ALLOWED, headers=(("Allow", "GET"),))
    if feed.is_full:
        raise ApiError(TOO_MANY_REQUESTS, "Too many clients read the feed", _RETRY)
    call_sid = read((CALL_SID,), form).get(CALL_SID)
    wanted = FeedFilter(account.sid, CallSid(call_sid) if call_sid else None)
    stream = feed.stream(wanted, request.headers.get("last-event-id"), may_read)
    return StreamingResponse(stream, media_type="text/event-stream", headers=_HEADERS)
