"""The journal: the bus subscriber that keeps call records, their status callbacks and notifications.

A change of a record and the callback that announces it go to the store in one group, so that neither is ever there
without the other; the outbox delivers what the store has kept. Nothing here waits.
"""

from typing import Final

from callapi.base.api_version import API_VERSION
from callapi.base.ids import CallSid, new_notification_sid
from callapi.calls.events import (
    CallbackChanged,
    CallEnded,
    CallStarted,
    ConferenceChanged,
    ConferenceOpened,
    EventBus,
    MachineDetected,
    ProblemRaised,
    RecordingChanged,
    StatusChanged,
    StreamChanged,
    TranscriptionChanged,
)
from callapi.calls.records.callbacks import status_callback_row
from callapi.calls.records.timeline import Timeline
from callapi.store import (
    CallbackRecord,
    CallRecord,
    ConferenceRecord,
    NotificationRecord,
    Put,
    RecordingRecord,
    Store,
    TranscriptRecord,
)
from callapi.webhooks import without_credentials

_MAX_TEXT: Final = 4096


class Journal:
    """The only writer of call records."""

    __slots__ = ("_store",)

    def __init__(self, store: Store) -> None:
        self._store = store

    def attach_to(self, bus: EventBus) -> None:
        """Write down what is published there from now on."""
        bus.attach(CallStarted, self._started)
        bus.attach(StatusChanged, self._changed)
        bus.attach(CallEnded, self._changed)
        bus.attach(ProblemRaised, self._raised)
        bus.attach(RecordingChanged, self._recording_changed)
        bus.attach(CallbackChanged, lambda event: self._keep(event.record, None))
        bus.attach(ConferenceOpened, lambda event: self._keep(event.conference, None))
        bus.attach(ConferenceChanged, self._conference_changed)
        bus.attach(StreamChanged, self._reported)
        bus.attach(TranscriptionChanged, self._transcribed)
        bus.attach(MachineDetected, lambda event: self._keep(event.record, event.callback))

    async def commit(self, record: CallRecord) -> None:
        """Keep `record`; durable on return. Raises Unavailable."""
        await self._store.commit(Put(record))

    def closed(self, sid: CallSid, timeline: Timeline) -> None:
        """Keep the timeline of a call that is over."""
        if (change := timeline.as_change(sid)) is not None:
            self._store.write(change)

    def _started(self, event: CallStarted) -> None:
        """The first record of a call goes into the write-ahead log: a crash cannot lose it from here on."""
        self._store.begin(event.record)

    def _changed(self, event: StatusChanged | CallEnded) -> None:
        self._keep(event.record, status_callback_row(event.record, event.at, event.sip))

    def _recording_changed(self, event: RecordingChanged) -> None:
        self._keep(event.recording, event.callback)

    def _conference_changed(self, event: ConferenceChanged) -> None:
        self._keep(event.conference, event.callback)

    def _reported(self, event: StreamChanged | TranscriptionChanged) -> None:
        if event.callback is not None:
            self._store.write(Put(event.callback))

    def _transcribed(self, event: TranscriptionChanged) -> None:
        if event.transcript is None:
            self._reported(event)
        else:
            self._keep(event.transcript, event.callback)

    def _raised(self, event: ProblemRaised) -> None:
        self._store.write(Put(_notification(event)))

    def _keep(
        self,
        record: CallRecord | ConferenceRecord | RecordingRecord | TranscriptRecord,
        callback: CallbackRecord | None,
    ) -> None:
        if callback is None:
            self._store.write(Put(record))
        else:
            self._store.write(Put(record), Put(callback))


def _notification(event: ProblemRaised) -> NotificationRecord:
    problem = event.problem
    request, answer = problem.request, problem.answer
    return NotificationRecord(
        sid=new_notification_sid(),
        account_sid=event.account_sid,
        log=1 if problem.is_warning else 0,
        error_code=problem.code,
        message_text=problem.text,
        message_date=event.at,
        api_version=API_VERSION,
        call_sid=event.call_sid,
        request_url=without_credentials(request.url) if request else None,
        request_method=request.method if request else None,
        request_variables="&".join(f"{k}={v}" for k, v in request.parameters) if request else None,
        response_status=answer.status if answer else None,
        response_headers="\n".join(f"{k}: {v}" for k, v in answer.headers)[:_MAX_TEXT] if answer else None,
        response_body=answer.body.decode("utf-8", "replace")[:_MAX_TEXT] if answer else None,
        document_line=problem.line,
        document_column=problem.column,
    )
