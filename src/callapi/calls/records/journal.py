"""What is written down about calls: the record, its status callbacks, its notifications, its timeline.

A change of a record and the callback that tells of it go to the store in one group, so that neither is ever there
without the other; the outbox delivers what the store has kept. Nothing here waits.
"""

import hashlib
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from callapi.base.api_version import API_VERSION
from callapi.base.clock import steady_now, utc_now
from callapi.base.ids import AccountSid, CallSid, EventId, new_notification_sid
from callapi.calls.parameters import Parameters, status_callback
from callapi.calls.problem import Problem
from callapi.calls.records.timeline import Timeline
from callapi.store import CallbackRecord, CallRecord, NotificationRecord, Put, RecordingRecord, Store
from callapi.webhooks import without_credentials

_MAX_TEXT: Final = 4096


class Journal:
    """The only writer of call records."""

    __slots__ = ("_store",)

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(self, record: CallRecord) -> None:
        """Keep the first record of a call that nobody knows of yet: a crash cannot lose it from here on."""
        self._store.begin(record)

    def keep(self, record: CallRecord | RecordingRecord, callback: CallbackRecord | None = None) -> None:
        """Keep `record`, and `callback` with it."""
        if callback is None:
            self._store.write(Put(record))
        else:
            self._store.write(Put(record), Put(callback))

    async def commit(self, record: CallRecord) -> None:
        """Keep `record`; durable on return. Raises Unavailable."""
        await self._store.commit(Put(record))

    def end(self, record: CallRecord, now: datetime) -> CallRecord:
        """Keep a record that has reached its end outside a call's own task, with its last callback; as kept."""
        callback = event_callback(record, "completed", record.status, now)
        record = replace(record, sequence_number=record.sequence_number + (callback is not None))
        self.keep(record, callback)
        return record

    def closed(self, sid: CallSid, timeline: Timeline) -> None:
        """Keep what happened on a call that is over."""
        if (change := timeline.as_change(sid)) is not None:
            self._store.write(change)

    def notify(self, problem: Problem, account: AccountSid, call: CallSid | None = None) -> None:
        """Write a notification for the developer of the application."""
        self._store.write(Put(_notification(problem, account, call)))


def event_callback(
    record: CallRecord, event: str, status: str, at: datetime, sip: Parameters = ()
) -> CallbackRecord | None:
    """The callback for `event`, if `record` subscribes to it; its sequence number is the record's.

    The event id follows from the call and the event: a callback that is made again after a crash has the same one.
    """
    if not record.status_callback or event not in record.status_callback_events:
        return None
    digest = hashlib.sha256(f"{record.sid} {event}".encode()).hexdigest()[:32]
    return CallbackRecord(
        event_id=EventId(f"EV{digest}"),
        stream=record.sid,
        account_sid=record.account_sid,
        url=record.status_callback,
        method=record.status_callback_method or "POST",
        parameters=status_callback(record, status, at, record.sequence_number, sip),
        created_at=at,
        next_at=steady_now(),
    )


def _notification(problem: Problem, account: AccountSid, call: CallSid | None) -> NotificationRecord:
    request, answer = problem.request, problem.answer
    return NotificationRecord(
        sid=new_notification_sid(),
        account_sid=account,
        log=1 if problem.is_warning else 0,
        error_code=problem.code,
        message_text=problem.text,
        message_date=utc_now(),
        api_version=API_VERSION,
        call_sid=call,
        more_info=f"https://www.twilio.com/docs/api/errors/{problem.code}" if problem.code < 60_000 else None,
        request_url=without_credentials(request.url) if request else None,
        request_method=request.method if request else None,
        request_variables="&".join(f"{k}={v}" for k, v in request.parameters) if request else None,
        response_status=answer.status if answer else None,
        response_headers="\n".join(f"{k}: {v}" for k, v in answer.headers)[:_MAX_TEXT] if answer else None,
        response_body=answer.body.decode("utf-8", "replace")[:_MAX_TEXT] if answer else None,
        document_line=problem.line,
        document_column=problem.column,
    )
