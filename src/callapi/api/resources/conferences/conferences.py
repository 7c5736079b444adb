"""Conferences: rooms of `<Dial><Conference>`. A live one can be ended, and hear an announcement."""

from typing import Any, Final

from callapi.api.errors import INVALID_METHOD, INVALID_PARAMETER, INVALID_URL, ApiError
from callapi.api.operation import Operation, RequestContext, update
from callapi.api.requests.filters import interval
from callapi.api.requests.parameter_types import METHOD, URL, choice, text
from callapi.api.requests.parameters import Parameter
from callapi.api.resources.collection import Collection
from callapi.api.responses.representations import Representation, field, instant, path_of, subresources, uri
from callapi.api.responses.representations import text as text_field
from callapi.calls.documents.document import DocumentRequest
from callapi.store import ConferenceRecord

_path = path_of("Conferences")

CONFERENCE: Final[Representation[ConferenceRecord]] = Representation(
    "conferences",
    "Conference",
    (
        text_field("sid"),
        text_field("account_sid"),
        instant("date_created"),
        instant("date_updated"),
        text_field("api_version"),
        text_field("friendly_name"),
        field("region", lambda _record, _place: "us1"),
        text_field("status"),
        text_field("reason_conference_ended"),
        text_field("call_sid_ending_conference"),
        uri("uri", _path),
        subresources({"participants": "Participants", "recordings": "Recordings"}, _path),
    ),
)
CONFERENCES: Final = Collection("Conferences", CONFERENCE, lambda store: store.conferences)

FRIENDLY_NAME: Final = Parameter("FriendlyName", text(), "rooms of this name", field="friendly_name")
STATUS_FILTER: Final = Parameter(
    "Status", choice("init", "in-progress", "completed"), "rooms in this state", field="status"
)
CREATED: Final = interval("DateCreated", "date_created", "when it was made")
UPDATED: Final = interval("DateUpdated", "date_updated", "when it changed last")

STATUS: Final = Parameter("Status", choice("completed"), "`completed` ends the room")
ANNOUNCE_URL: Final = Parameter(
    "AnnounceUrl", URL, "audio, or a document of Play, Say and Pause, that the room hears", fault=INVALID_URL
)
ANNOUNCE_METHOD: Final = Parameter("AnnounceMethod", METHOD, "of it", default="POST", fault=INVALID_METHOD)
CHANGES: Final[tuple[Parameter[Any], ...]] = (STATUS, ANNOUNCE_URL, ANNOUNCE_METHOD)


async def modify(context: RequestContext) -> ConferenceRecord:
    """End a live room, or let it hear an announcement."""
    record = await CONFERENCES.own(context)
    given, conferences = context.given, context.deps.conferences
    url = given.get(ANNOUNCE_URL)
    if url is None and given.get(STATUS) is None:
        raise ApiError(INVALID_PARAMETER, "One of Status, AnnounceUrl must be given")
    changed = None
    if url is not None:
        request = DocumentRequest(url, given[ANNOUNCE_METHOD])
        changed = conferences.announce(context.account.sid, record.sid, request)
    if given.get(STATUS) is not None:
        changed = conferences.end(context.account.sid, record.sid)
    return changed or record


OPERATIONS: Final = (
    CONFERENCES.list("List conferences", (FRIENDLY_NAME, STATUS_FILTER), CREATED, UPDATED),
    CONFERENCES.fetch("Fetch a conference"),
    *update(
        Operation("POST", CONFERENCES.item_path, "Change a live conference", modify, CONFERENCE, CHANGES)
    ),
)
