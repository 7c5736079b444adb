"""What happens on calls, as one closed union of typed values, and the bus that carries it to its subscribers.

A call publishes; it knows no subscriber. The journal (records and callbacks) and the timelines are the first ones;
metrics, tracing, the console and the cluster subscribe beside them.
"""

from callapi.calls.events.bus import EventBus, EventSubscription
from callapi.calls.events.types import (
    CallbackChanged,
    CallClosed,
    CallEnded,
    CallOpened,
    CallStarted,
    ConferenceChanged,
    ConferenceOpened,
    DigitReceived,
    DocumentRead,
    Event,
    FirstPacketReceived,
    MachineDetected,
    MediaMeasured,
    MediaSampled,
    PartiesJoined,
    PartiesParted,
    ProblemRaised,
    RecordingChanged,
    SpeechRecognised,
    StatusChanged,
    StreamChanged,
    TranscriptionChanged,
    TransferChanged,
    TransferStep,
    VerbStarted,
)

__all__ = [
    "CallClosed",
    "CallEnded",
    "CallOpened",
    "CallStarted",
    "CallbackChanged",
    "ConferenceChanged",
    "ConferenceOpened",
    "DigitReceived",
    "DocumentRead",
    "Event",
    "EventBus",
    "EventSubscription",
    "FirstPacketReceived",
    "MachineDetected",
    "MediaMeasured",
    "MediaSampled",
    "PartiesJoined",
    "PartiesParted",
    "ProblemRaised",
    "RecordingChanged",
    "SpeechRecognised",
    "StatusChanged",
    "StreamChanged",
    "TranscriptionChanged",
    "TransferChanged",
    "TransferStep",
    "VerbStarted",
]
