"""A conference event and its callback: one place counts them and builds the row of the outbox."""

from datetime import datetime

from msgspec.structs import replace

from callapi.calls.conferences.events import ConferenceHappening, callback_parameters
from callapi.calls.records.callbacks import callback_row
from callapi.store import CallbackRecord, ConferenceRecord


def reported(
    record: ConferenceRecord, happening: ConferenceHappening, at: datetime
) -> tuple[ConferenceRecord, CallbackRecord | None]:
    """`record` after the event, and the callback if the room subscribes to events of that kind."""
    if not record.status_callback or happening.step.word not in record.status_callback_events:
        return record, None
    sequence = record.sequence_number
    row = callback_row(
        stream=record.sid,
        event=f"{sequence} {happening.step}",
        account=record.account_sid,
        url=record.status_callback,
        method=record.status_callback_method or "POST",
        parameters=callback_parameters(record, happening, sequence, at),
        at=at,
    )
    return replace(record, sequence_number=sequence + 1), row
