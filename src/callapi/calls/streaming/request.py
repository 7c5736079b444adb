"""What a document or REST asks for when it asks for a stream, and what there is to know of one."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from callapi.base.errors import CallApiError
from callapi.base.ids import AccountSid, CallSid
from callapi.streams import MULAW, MediaFormat, StreamError


class StreamStatus(StrEnum):
    """Of a stream, as REST shows it."""

    IN_PROGRESS = "in-progress"
    STOPPED = "stopped"


class StreamCallback(Struct, frozen=True):
    """Where the steps of a stream are reported; `url` is absolute."""

    url: str
    method: str = "POST"


class StreamRequest(Struct, frozen=True):
    """A stream to be started. `url` is absolute; `tracks` are `inbound`, `outbound` or both."""

    url: str
    name: str | None = None
    tracks: tuple[str, ...] = ("inbound",)
    media_format: MediaFormat = MULAW
    reconnects: bool = False
    parameters: tuple[tuple[str, str], ...] = ()
    callback: StreamCallback | None = None
    is_bidirectional: bool = False
    line: int | None = None
    column: int | None = None


class StreamRecord(Struct, frozen=True):
    """A stream as REST shows it."""

    sid: str
    account_sid: AccountSid
    call_sid: CallSid
    name: str | None
    status: StreamStatus
    date_updated: datetime


class StreamEnd(Struct, frozen=True):
    """How a stream ended; `error` None: in good order."""

    sid: str
    error: StreamError | None = None


class StreamRefused(CallApiError):
    """The call cannot have this stream: it has as many as it may, or one of that name."""


class TooManyStreams(StreamError):
    """The call has as many streams as it may have."""

    code = 31940
