"""The status callback of a stream, as a row of the outbox. Spellings and the format of `Timestamp` are Twilio's."""

from datetime import datetime
from enum import StrEnum

from callapi.calls.parameters import present
from callapi.calls.records.callbacks import callback_row
from callapi.calls.streaming.request import StreamCallback
from callapi.store import CallbackRecord, CallRecord
from callapi.streams import StreamError


class StreamEvent(StrEnum):
    """A step of a stream. Each is reported once at most; `stopped` ends every stream that was started."""

    STARTED = "stream-started"
    STOPPED = "stream-stopped"
    ERROR = "stream-error"


def stream_callback(
    call: CallRecord,
    stream: tuple[str, str | None],
    event: StreamEvent,
    at: datetime,
    callback: StreamCallback | None,
    error: StreamError | None = None,
) -> CallbackRecord | None:
    """The row that reports `event` of `stream` (its sid and name); None if the application did not ask for it."""
    if callback is None:
        return None
    sid, name = stream
    return callback_row(
        stream=sid,
        event=event.value,
        account=call.account_sid,
        url=callback.url,
        method=callback.method,
        parameters=present(
            (
                ("AccountSid", call.account_sid),
                ("CallSid", call.sid),
                ("StreamSid", sid),
                ("StreamName", name or sid),
                ("StreamEvent", event.value),
                ("StreamError", f"{error.code}: {error}" if error is not None else None),
                ("Timestamp", iso8601(at)),
            )
        ),
        at=at,
    )


def iso8601(at: datetime) -> str:
    """`2026-11-30T10:00:00.123Z`."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
