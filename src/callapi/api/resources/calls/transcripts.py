"""Texts of recordings that were transcribed (`<Record transcribe>`), of the account or of one recording."""

from typing import Final

from callapi.api.errors import NOT_COMPLETED, NOT_FOUND, ApiError
from callapi.api.operation import Operation, RequestContext
from callapi.api.requests.filters import interval
from callapi.api.resources.collection import Collection
from callapi.api.resources.records import own
from callapi.api.responses.paging import PAGING, page_request
from callapi.api.responses.representations import (
    Representation,
    counted,
    field,
    instant,
    nothing,
    path_of,
    text,
    uri,
)
from callapi.base.ids import RecordingSid
from callapi.store import Equals, Page, Remove, TranscriptRecord

RECORDING_PATH: Final = "/Accounts/{AccountSid}/Recordings/{RecordingSid}/Transcriptions"
TRANSCRIPT: Final[Representation[TranscriptRecord]] = Representation(
    "transcriptions",
    "Transcription",
    (
        text("sid"),
        text("account_sid"),
        text("recording_sid"),
        text("status"),
        field("transcription_text", lambda each, _: each.text),
        counted("duration"),
        field("type", lambda _, __: "fast"),
        nothing("price"),
        nothing("price_unit"),
        text("api_version"),
        instant("date_created"),
        instant("date_updated"),
        uri("uri", path_of("Transcriptions")),
    ),
)
TRANSCRIPTS: Final = Collection("Transcriptions", TRANSCRIPT, lambda store: store.transcripts)
CREATED: Final = interval("DateCreated", "date_created", "when it began")


async def page_of_recording(context: RequestContext) -> Page[TranscriptRecord]:
    """The texts of one recording."""
    sid = RecordingSid(context.path["RecordingSid"])
    recording = own(await context.deps.store.recordings.fetch(sid), context)
    where = (Equals("recording_sid", recording.sid), *CREATED.conditions(context.given))
    return await context.deps.store.transcripts.page(context.account.sid, page_request(context.given), *where)


async def fetch(context: RequestContext) -> TranscriptRecord:
    """One text; below a recording, one of it."""
    transcript = await TRANSCRIPTS.own(context)
    if context.path.get("RecordingSid", transcript.recording_sid) != transcript.recording_sid:
        raise ApiError(NOT_FOUND)
    return transcript


async def delete(context: RequestContext) -> None:
    """Delete a text that is complete, or that failed."""
    transcript = await fetch(context)
    if transcript.status == "in-progress":
        raise ApiError(NOT_COMPLETED)
    await context.deps.store.commit(Remove(TranscriptRecord, (transcript.sid,)))


def _of_one(path: str) -> tuple[Operation, ...]:
    return (
        Operation("GET", path, "Fetch a transcription of a recording", fetch, TRANSCRIPT),
        Operation(
            "DELETE",
            path,
            "Delete a transcription of a recording",
            delete,
            status=204,
            faults=(NOT_COMPLETED,),
        ),
    )


OPERATIONS: Final = (
    TRANSCRIPTS.list("List transcriptions of recordings", (), CREATED),
    *_of_one(TRANSCRIPTS.item_path),
    Operation(
        "GET",
        RECORDING_PATH,
        "List the transcriptions of a recording",
        page_of_recording,
        TRANSCRIPT,
        (*CREATED.parameters, *PAGING),
        is_list=True,
    ),
    *_of_one(f"{RECORDING_PATH}/{{Sid}}"),
)
