"""Rows of the outbox: the one place that builds them, for status callbacks and every other kind."""

import hashlib
from datetime import datetime

from callapi.base.clock import steady_now
from callapi.base.ids import AccountSid, EventId
from callapi.calls.parameters import Parameters, status_callback
from callapi.calls.records.call_record import subscribes
from callapi.calls.status import CallStatus
from callapi.store import CallbackRecord, CallRecord


def callback_row(  # noqa: PLR0913 - what every callback has
    *,
    stream: str,
    event: str,
    account: AccountSid,
    url: str,
    method: str,
    parameters: Parameters,
    at: datetime,
) -> CallbackRecord:
    """A callback to `url`, delivered in order within its `stream` (the sid of what it is about).

    The event id follows from `stream` and `event`, which must be unique within it: a callback that is built again
    after a crash has the same id.
    """
    digest = hashlib.sha256(f"{stream} {event}".encode()).hexdigest()[:32]
    return CallbackRecord(
        event_id=EventId(f"EV{digest}"),
        stream=stream,
        account_sid=account,
        url=url,
        method=method,
        parameters=parameters,
        created_at=at,
        next_at=steady_now(),
    )


def status_callback_row(record: CallRecord, at: datetime, sip: Parameters = ()) -> CallbackRecord | None:
    """The callback for the status that `record` has just reached, if the record subscribes to that step."""
    if not record.status_callback:
        return None
    step = CallStatus(record.status).step
    if not subscribes(record, step):
        return None
    return callback_row(
        stream=record.sid,
        event=step,
        account=record.account_sid,
        url=record.status_callback,
        method=record.status_callback_method or "POST",
        parameters=status_callback(record, record.status, at, record.sequence_number - 1, sip),
        at=at,
    )
