"""What a document or REST asks for when it asks for a transcription, and what there is to know of one."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from callapi.base.errors import CallApiError
from callapi.base.ids import AccountSid, CallSid


class TranscriptionStatus(StrEnum):
    """Of a transcription, as REST shows it."""

    IN_PROGRESS = "in-progress"
    STOPPED = "stopped"


class TranscriptionRequest(Struct, frozen=True):
    """A transcription to be started. `tracks` are `inbound_track`, `outbound_track` or both; `url` is absolute."""

    name: str | None = None
    tracks: tuple[str, ...] = ("inbound_track", "outbound_track")
    url: str | None = None
    """Where the text goes; None: to the call's timeline alone."""
    method: str = "POST"
    labels: tuple[str | None, str | None] = (None, None)
    """Of the inbound and the outbound track."""
    partial_results: bool = False
    language: str | None = None
    hints: str | None = None
    hides_profanity: bool = True
    line: int | None = None
    column: int | None = None


class TranscriptionRecord(Struct, frozen=True):
    """A transcription as REST shows it."""

    sid: str
    account_sid: AccountSid
    call_sid: CallSid
    name: str | None
    status: TranscriptionStatus
    date_updated: datetime


class TranscriptionRefused(CallApiError):
    """The call cannot have this transcription."""
