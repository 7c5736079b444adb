"""The events of a node's calls: frozen values, distinguished by their type, never by a string.

An event of a call carries the call's record as it stands right after the event, so that a subscriber needs no lookup:
sid, account, parties, direction and parent are all there. `at` is the instant of the event, aware and in UTC.

Order for one call: `CallStarted` (its record exists; a call over REST then waits in the queue), `CallOpened` (it is in
the live directory), any of the others, `CallEnded` (exactly one), `MediaMeasured` (if packets flowed), `CallClosed`.
A call that ends in the queue has `CallStarted` and `CallEnded` only.
"""

from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from callapi.base.ids import AccountSid, CallSid
from callapi.calls.bridges.joined import Joined
from callapi.calls.conferences.events import ConferenceHappening
from callapi.calls.documents.position import Position
from callapi.calls.parameters import Parameters
from callapi.calls.problem import Problem
from callapi.calls.status import CallStatus, Ending
from callapi.media import DigitSource, MediaAddress, StreamStatistics
from callapi.sip import Traced
from callapi.store import CallbackRecord, CallRecord, ConferenceRecord, RecordingRecord, TranscriptRecord
from callapi.webhooks import HttpExchange


class CallEvent(Struct, frozen=True, gc=False):
    """What every event of one call carries."""

    record: CallRecord
    at: datetime

    @property
    def call_sid(self) -> CallSid:
        """The `CallSid`."""
        return self.record.sid

    @property
    def account_sid(self) -> AccountSid:
        """The account that the call belongs to."""
        return self.record.account_sid


class CallStarted(CallEvent, frozen=True, gc=False):
    """The call has its first record (inbound: ringing; placed: queued)."""


class CallOpened(CallEvent, frozen=True, gc=False):
    """The call is in the live directory; `record.sip_call_id` is its SIP Call-ID."""


class StatusChanged(CallEvent, frozen=True, gc=False):
    """The call moved to `record.status`, which is not final; `sip` is what SIP adds to its callbacks."""

    sip: Parameters = ()

    @property
    def status(self) -> CallStatus:
        """The new status."""
        return CallStatus(self.record.status)


class CallEnded(CallEvent, frozen=True, gc=False):
    """The call has its final record: `record.status` is one of the five final words."""

    ending: Ending
    sip: Parameters = ()

    @property
    def status(self) -> CallStatus:
        """The final status."""
        return CallStatus(self.record.status)


class CallClosed(CallEvent, frozen=True, gc=False):
    """The call left the live directory. Late SIP messages (the ACK of a refusal) may still follow."""


class DigitReceived(CallEvent, frozen=True, gc=False):
    """The party pressed a key. Which one is left out: it may be part of a PIN."""

    source: DigitSource


class FirstPacketReceived(CallEvent, frozen=True, gc=False):
    """The first valid RTP packet came from `source`; again after the stream learned a new source."""

    source: MediaAddress


class MediaMeasured(CallEvent, frozen=True, gc=False):
    """The counters of the call's audio stream, once, when it closes; not sent if no packet flowed."""

    statistics: StreamStatistics


class PartiesJoined(CallEvent, frozen=True, gc=False):
    """The call hears and is heard by what it was joined to. A bridge publishes one for each of its two calls."""

    joined: Joined


class PartiesParted(CallEvent, frozen=True, gc=False):
    """The call has parted from `joined`, after `joined_s` seconds."""

    joined: Joined
    joined_s: float


class MediaSampled(CallEvent, frozen=True, gc=False):
    """The counters of the call's audio stream while it is open: every few seconds, if packets flow."""

    statistics: StreamStatistics


class DocumentRead(CallEvent, frozen=True, gc=False):
    """A document was read and begins: its URL and its beginning, with the values of passwords taken out."""

    url: str
    text: str


class VerbStarted(CallEvent, frozen=True, gc=False):
    """The document's next verb begins."""

    position: Position


class SpeechRecognised(CallEvent, frozen=True, gc=False):
    """A `<Gather>` understood speech, with a confidence from 0 to 1. The words are left out."""

    confidence: float


class TransferStep(StrEnum):
    """How far a transfer is."""

    REQUESTED = "requested"
    REFUSED = "refused"
    ACCEPTED = "accepted"
    RINGING = "ringing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class TransferChanged(CallEvent, frozen=True, gc=False):
    """A transfer of the call (`record`: the party that stays) to `target`; `code` as reported to the referrer."""

    step: TransferStep
    target: str
    code: int | None


class ProblemRaised(Struct, frozen=True, gc=False):
    """A notification for the developer of the application; `call_sid` is None if it concerns no call."""

    problem: Problem
    account_sid: AccountSid
    at: datetime
    call_sid: CallSid | None = None


class RecordingChanged(Struct, frozen=True, gc=False):
    """A recording began or ended; `callback` is the outbox row that must be kept together with the record."""

    recording: RecordingRecord
    at: datetime
    callback: CallbackRecord | None = None


class ConferenceOpened(Struct, frozen=True, gc=False):
    """A conference room was made, by its first participant or over REST."""

    conference: ConferenceRecord
    at: datetime


class ConferenceChanged(Struct, frozen=True, gc=False):
    """Something happened in a conference; `callback` is the outbox row that must be kept with the record."""

    conference: ConferenceRecord
    at: datetime
    happening: ConferenceHappening
    callback: CallbackRecord | None = None


class StreamChanged(CallEvent, frozen=True, gc=False):
    """A step of a stream of the call: `step` is `stream-started`, `stream-stopped` or `stream-error`.

    `callback` is the outbox row that reports it to the application.
    """

    stream_sid: str
    name: str | None
    step: str
    error: str | None = None
    callback: CallbackRecord | None = None


class TranscriptionChanged(CallEvent, frozen=True, gc=False):
    """A step of a transcription of the call: `step` is `transcription-started`, `-content`, `-stopped` or `-error`.

    `text` is what was said on `track`, or in the recording, once it is final; `callback` is the outbox row that reports
    it to the application.
    """

    transcription_sid: str
    name: str | None
    step: str
    callback: CallbackRecord | None = None
    text: str | None = None
    track: str | None = None
    confidence: float | None = None
    recording_sid: str | None = None
    transcript: TranscriptRecord | None = None
    """The text of a recording, as it stands; None: of a live transcription."""


class CallbackChanged(CallEvent, frozen=True, gc=False):
    """REST gave the call another status callback."""


class ConversationStep(StrEnum):
    """What happens in a conversation of `<ConversationRelay>`."""

    STARTED = "conversation-started"
    PROMPT = "prompt"
    SPOKEN = "spoken"
    PLAYED = "played"
    INTERRUPTED = "interrupted"
    STOPPED = "conversation-stopped"


class ConversationChanged(CallEvent, frozen=True, gc=False):
    """A step of the conversation `session_sid` (`VX…`).

    `text` is what the caller was understood to say (prompt), the sentence that begins to be spoken (spoken), the
    address of the audio that begins (played), what of the utterance was heard (interrupted), how the conversation
    ended (conversation-stopped).
    """

    session_sid: str
    step: ConversationStep
    text: str | None = None
    utterance: int | None = None
    """Sentences that are spoken without a pause bear the same number, and so does what interrupts them."""


class MachineDetected(CallEvent, frozen=True, gc=False):
    """Answering machine detection has a result, `record.answered_by`, after `duration_ms`; the call may be over then.

    `callback` is the outbox row that reports it to the application.
    """

    duration_ms: int
    callback: CallbackRecord | None = None


Event: TypeAlias = (
    CallStarted
    | CallOpened
    | StatusChanged
    | CallEnded
    | CallClosed
    | DigitReceived
    | FirstPacketReceived
    | DocumentRead
    | MediaMeasured
    | MediaSampled
    | PartiesJoined
    | PartiesParted
    | VerbStarted
    | SpeechRecognised
    | TransferChanged
    | ProblemRaised
    | RecordingChanged
    | ConferenceOpened
    | ConferenceChanged
    | StreamChanged
    | TranscriptionChanged
    | CallbackChanged
    | ConversationChanged
    | MachineDetected
    | Traced
    | HttpExchange
)
"""`Traced` and `HttpExchange` are the events of their own rooms, published as they come: a SIP message, of a call or
not (`message.call_id` names its dialog), and a request to an application (`call_sid` names its call)."""
