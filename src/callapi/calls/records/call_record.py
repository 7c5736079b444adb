"""The arithmetic of call records: how one begins, moves and ends. Each of them stands here alone."""

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from callapi.base.api_version import API_VERSION
from callapi.base.ids import AccountSid, new_call_sid
from callapi.calls.placing.placement import Subscription
from callapi.calls.status import CallStatus, Ending
from callapi.store import CallRecord


def new_record(  # noqa: PLR0913 - what every call has
    *,
    account_sid: AccountSid,
    from_: str,
    to: str,
    direction: str,
    status: CallStatus,
    node: str,
    at: datetime,
    callbacks: Subscription | None,
    **facts: Any,
) -> CallRecord:
    """The first record of a call, created `at`; `facts` are further fields of the record."""
    return CallRecord(
        sid=new_call_sid(),
        account_sid=account_sid,
        from_=from_,
        to=to,
        direction=direction,
        status=status.value,
        date_created=at,
        date_updated=at,
        api_version=API_VERSION,
        node=node,
        status_callback=callbacks.url if callbacks else None,
        status_callback_method=callbacks.method if callbacks else None,
        status_callback_events=callbacks.events if callbacks else (),
        **facts,
    )


def with_callback(record: CallRecord, url: str | None, method: str | None, at: datetime) -> CallRecord:
    """`record` with another status callback; None: as before. A call that had none reports its end."""
    return replace(
        record,
        status_callback=url or record.status_callback,
        status_callback_method=method or record.status_callback_method or "POST",
        status_callback_events=record.status_callback_events or Subscription("").events,
        date_updated=at,
    )


def subscribes(record: CallRecord, step: str) -> bool:
    """Whether the call's status callback is due for `step`."""
    return bool(record.status_callback) and step in record.status_callback_events


def moved(record: CallRecord, status: CallStatus, at: datetime, **facts: Any) -> CallRecord:
    """`record` with `status` and the `facts` that come with it; counts the status callback if one is due."""
    return replace(
        record,
        status=status.value,
        date_updated=at,
        sequence_number=record.sequence_number
        + (bool(record.status_callback) and subscribes(record, status.step)),
        **facts,
    )


def ended(
    record: CallRecord, status: CallStatus, ending: Ending, at: datetime, last_seen: datetime | None = None
) -> CallRecord:
    """The final record. `last_seen` (default `at`) is the last moment at which the call is known to have lived."""
    until = last_seen or at
    answered, started = record.answer_time, record.start_time
    ring = record.ring_duration
    if answered is None and started is not None:
        ring = whole_seconds(started, until)
    return moved(
        record,
        status,
        at,
        end_time=at,
        duration=whole_seconds(answered, until) if answered and status is CallStatus.COMPLETED else 0,
        ring_duration=ring,
        sip_response_code=record.sip_response_code or ending.sip_status,
        ended_by=ending.by.value,
        end_reason=ending.reason,
    )


def whole_seconds(since: datetime, until: datetime) -> int:
    """The time between two instants, rounded to the nearest second; never negative."""
    return max(0, int((until - since).total_seconds() + 0.5))
