"""The record of a call while the call lives: each change of it is published with the event that names the change.

The call decides what happens to it; its record stands here, and the node's event bus hears of it from here alone.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from callapi.base.clock import utc_now
from callapi.calls.bridges.joined import Joined
from callapi.calls.documents.document_text import shown_text
from callapi.calls.documents.position import Position
from callapi.calls.events import (
    CallbackChanged,
    CallEnded,
    ConversationChanged,
    ConversationStep,
    DigitReceived,
    DocumentRead,
    EventBus,
    FirstPacketReceived,
    MachineDetected,
    MediaMeasured,
    PartiesJoined,
    PartiesParted,
    ProblemRaised,
    SpeechRecognised,
    StatusChanged,
    TransferChanged,
    TransferStep,
    VerbStarted,
)
from callapi.calls.parameters import Parameters
from callapi.calls.problem import Problem
from callapi.calls.records.call_record import ended, moved, with_callback
from callapi.calls.status import CallStatus, Ending
from callapi.media import DigitSource, MediaAddress, StreamStatistics
from callapi.store import CallbackRecord, CallRecord


class LiveRecord:
    """What `record` has become, and what is published of its call."""

    __slots__ = ("_bus", "_clock", "_since", "record")

    def __init__(self, record: CallRecord, bus: EventBus, clock: Callable[[], float]) -> None:
        """`clock` counts seconds; no one sets it."""
        self.record = record
        self._bus = bus
        self._clock = clock
        self._since = (record.start_time or record.date_created, clock())

    def now(self) -> datetime:
        """The present instant, as far from the call's start as it is: the machine's clock may be set meanwhile."""
        start, began = self._since
        return start + timedelta(seconds=self._clock() - began)

    # --- changes of the record --------------------------------------------------------------------------------------

    def moved(self, status: CallStatus, now: datetime, sip: Parameters, **facts: Any) -> None:
        """The call has `status` since `now`; `facts` are the fields that change with it."""
        self.record = moved(self.record, status, now, **facts)
        self._bus.publish(StatusChanged(self.record, now, sip))

    def ended(self, status: CallStatus, ending: Ending, sip: Parameters, srtp: str | None) -> None:
        """The call is over: the record is closed."""
        now = self.now()
        self.record = ended(replace(self.record, srtp=srtp), status, ending, now)
        self._bus.publish(CallEnded(self.record, now, ending, sip))

    def change_callback(self, url: str | None, method: str | None) -> None:
        """Its status callbacks go elsewhere; None: as before."""
        now = self.now()
        self.record = with_callback(self.record, url, method, now)
        self._bus.publish(CallbackChanged(self.record, now))

    def machine_detected(self, answered_by: str, duration_ms: int, callback: CallbackRecord | None) -> None:
        """Answering machine detection has a result; `callback` reports it to the application."""
        now = self.now()
        self.record = replace(self.record, answered_by=answered_by, date_updated=now)
        self._bus.publish(MachineDetected(self.record, now, duration_ms, callback))

    # --- what happens beside it -------------------------------------------------------------------------------------

    def problem(self, problem: Problem) -> None:
        """The developer of the application is to be notified."""
        self._bus.publish(ProblemRaised(problem, self.record.account_sid, utc_now(), self.record.sid))

    def document_read(self, url: str, body: bytes) -> None:
        """A document begins; its text is for people alone."""
        self._bus.publish(DocumentRead(self.record, utc_now(), url, shown_text(body)))

    def verb_started(self, position: Position) -> None:
        """A document on this call is at `position`."""
        self._bus.publish(VerbStarted(self.record, utc_now(), position))

    def transfer_changed(self, step: TransferStep, target: str, code: int | None, at: datetime) -> None:
        """A transfer of this call has come to `step`."""
        self._bus.publish(TransferChanged(self.record, at, step, target, code))

    def speech_recognised(self, confidence: float) -> None:
        """The party's words were understood."""
        self._bus.publish(SpeechRecognised(self.record, utc_now(), confidence))

    def conversation_changed(
        self,
        session_sid: str,
        step: ConversationStep,
        text: str | None = None,
        utterance: int | None = None,
    ) -> None:
        """A conversation of this call with an application has come to `step`."""
        self._bus.publish(ConversationChanged(self.record, utc_now(), session_sid, step, text, utterance))

    def joined(self, joined: Joined) -> None:
        """The media plane has connected the call to `joined`."""
        self._bus.publish(PartiesJoined(self.record, utc_now(), joined))

    def parted(self, joined: Joined, seconds: float) -> None:
        """The connection to `joined` is over; it lasted `seconds`."""
        self._bus.publish(PartiesParted(self.record, utc_now(), joined, seconds))

    def digit_received(self, source: DigitSource) -> None:
        """The party pressed a key; which one is not published."""
        self._bus.publish(DigitReceived(self.record, utc_now(), source))

    def first_packet_received(self, source: MediaAddress) -> None:
        """The party's media arrives, from `source`."""
        self._bus.publish(FirstPacketReceived(self.record, utc_now(), source))

    def media_measured(self, heard: StreamStatistics) -> None:
        """What was heard and sent, once the call is over."""
        self._bus.publish(MediaMeasured(self.record, utc_now(), heard))
