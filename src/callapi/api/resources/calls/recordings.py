"""Recordings, of the account, of a call or a conference: what is known of them, and their sound as WAV or MP3."""

import asyncio
from typing import Final

from starlette.responses import FileResponse, Response

from callapi.api.errors import NOT_COMPLETED, NOT_FOUND, ApiError
from callapi.api.operation import AUDIO, Operation, RequestContext
from callapi.api.requests.filters import interval
from callapi.api.requests.parameter_types import sid
from callapi.api.requests.parameters import Parameter
from callapi.api.requests.request_path import Format, RequestPath
from callapi.api.resources.collection import Collection
from callapi.api.resources.records import own, own_call
from callapi.api.responses.paging import PAGING, page_request
from callapi.api.responses.representations import (
    Representation,
    counted,
    field,
    instant,
    nothing,
    number,
    path_of,
    text,
    uri,
)
from callapi.store import Equals, Json, Page, RecordingRecord, Remove

CONFERENCE_PATH: Final = "/Accounts/{AccountSid}/Conferences/{ConferenceSid}/Recordings"
CALL_PATH: Final = "/Accounts/{AccountSid}/Calls/{CallSid}/Recordings"

_path = path_of("Recordings")


def _media_url(recording: RecordingRecord, request_path: RequestPath) -> Json:
    return request_path.url(_path(recording))


RECORDING: Final[Representation[RecordingRecord]] = Representation(
    "recordings",
    "Recording",
    (
        text("sid"),
        instant("date_created"),
        instant("date_updated"),
        instant("start_time"),
        text("account_sid"),
        text("call_sid"),
        text("conference_sid"),
        counted("duration"),
        number("channels"),
        text("source"),
        text("status"),
        number("error_code"),
        nothing("price"),
        nothing("price_unit"),
        nothing("encryption_details", "object"),
        text("api_version"),
        field("media_url", _media_url),
        uri("uri", _path),
    ),
)
RECORDINGS: Final = Collection("Recordings", RECORDING, lambda store: store.recordings)
CALL_SID: Final = Parameter("CallSid", sid("CA"), "of this call", field="call_sid")
CONFERENCE_SID: Final = Parameter("ConferenceSid", sid("CF"), "of this conference", field="conference_sid")
CREATED: Final = interval("DateCreated", "date_created", "when it began")


async def page_of_call(context: RequestContext) -> Page[RecordingRecord]:
    """The recordings of one call."""
    call = await own_call(context, "CallSid")
    where = (Equals("call_sid", call.sid), *CREATED.conditions(context.given))
    return await context.deps.store.recordings.page(context.account.sid, page_request(context.given), *where)


async def page_of_conference(context: RequestContext) -> Page[RecordingRecord]:
    """The recordings of one conference."""
    conference = own(await context.deps.store.conferences.fetch(context.path["ConferenceSid"]), context)
    where = (Equals("conference_sid", conference.sid), *CREATED.conditions(context.given))
    return await context.deps.store.recordings.page(context.account.sid, page_request(context.given), *where)


async def fetch(context: RequestContext) -> RecordingRecord:
    """One recording; below a call or a conference, one of it."""
    recording = own(await context.deps.store.recordings.fetch(context.sid), context)
    if context.path.get("CallSid", recording.call_sid) != recording.call_sid:
        raise ApiError(NOT_FOUND)
    if context.path.get("ConferenceSid", recording.conference_sid) != recording.conference_sid:
        raise ApiError(NOT_FOUND)
    return recording


async def media(context: RequestContext) -> Response:
    """The sound. Byte ranges work for WAV, so that players can jump."""
    recording = await fetch(context)
    path = await context.deps.recording_file(recording)
    if path is None:
        raise ApiError(NOT_FOUND, f"The recording {recording.sid} has no sound ({recording.status})")
    if context.request_path.suffix is Format.MP3 or context.request_path.accept.startswith("audio/mpeg"):
        return Response(await context.deps.encode_mp3(path), media_type="audio/mpeg")
    return FileResponse(path, media_type="audio/x-wav")


async def delete(context: RequestContext) -> None:
    """Delete a recording that is over, and its sound."""
    recording = await fetch(context)
    if recording.status == "in-progress":
        raise ApiError(NOT_COMPLETED)
    await context.deps.store.commit(Remove(RecordingRecord, (recording.sid,)))
    if recording.path:
        await asyncio.to_thread((context.deps.recordings_dir / recording.path).unlink, missing_ok=True)


def _of_one(path: str) -> tuple[Operation, ...]:
    return (
        Operation("GET", path, "Fetch a recording", fetch, RECORDING),
        Operation("GET", path, "The sound of a recording", media, formats=AUDIO),
        Operation("DELETE", path, "Delete a recording", delete, status=204, faults=(NOT_COMPLETED,)),
    )


OPERATIONS: Final = (
    RECORDINGS.list("List recordings", (CALL_SID, CONFERENCE_SID), CREATED),
    *_of_one(RECORDINGS.item_path),
    Operation(
        "GET",
        CALL_PATH,
        "List the recordings of a call",
        page_of_call,
        RECORDING,
        (*CREATED.parameters, *PAGING),
        is_list=True,
    ),
    *_of_one(f"{CALL_PATH}/{{Sid}}"),
    Operation(
        "GET",
        CONFERENCE_PATH,
        "List the recordings of a conference",
        page_of_conference,
        RECORDING,
        (*CREATED.parameters, *PAGING),
        is_list=True,
    ),
    *_of_one(f"{CONFERENCE_PATH}/{{Sid}}"),
)
