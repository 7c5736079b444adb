"""The words of the language, one file for each verb and noun: attributes, defaults, limits, what may nest.

An element is what an application wrote, checked and typed, and nothing more: no URL is resolved and no
default that depends on the call is filled in. `read_...` beside each element makes it from a node of the XML.
"""

from callapi.rcml.attributes import Method
from callapi.rcml.elements.element import Element, RecordingEvent
from callapi.rcml.elements.machine_detection import DetectionMode
from callapi.rcml.elements.nouns.application import Application
from callapi.rcml.elements.nouns.client import Client
from callapi.rcml.elements.nouns.conference import (
    BeepMode,
    Conference,
    ConferenceEvent,
    ConferenceRecording,
    ConferenceTrim,
    JitterBuffer,
)
from callapi.rcml.elements.nouns.conversation_relay import (
    ConversationRelay,
    Interruptible,
    Language,
    RelayEvent,
)
from callapi.rcml.elements.nouns.noun import CallEvent, Noun
from callapi.rcml.elements.nouns.number import Number
from callapi.rcml.elements.nouns.queue import Queue
from callapi.rcml.elements.nouns.recording import Channels, Recording, RecordingTrack
from callapi.rcml.elements.nouns.sip import Sip
from callapi.rcml.elements.nouns.stream import Stream, StreamCodec, Track
from callapi.rcml.elements.nouns.transcription import Transcription
from callapi.rcml.elements.response import Verb, read_response
from callapi.rcml.elements.verbs.connect import Connect
from callapi.rcml.elements.verbs.dial import Dial, RecordMode, Target
from callapi.rcml.elements.verbs.echo import Echo
from callapi.rcml.elements.verbs.enqueue import Enqueue, Leave
from callapi.rcml.elements.verbs.gather import Gather, GatherInput, Prompt
from callapi.rcml.elements.verbs.hangup import Hangup
from callapi.rcml.elements.verbs.pause import Pause
from callapi.rcml.elements.verbs.play import Play
from callapi.rcml.elements.verbs.record import Record
from callapi.rcml.elements.verbs.redirect import Redirect
from callapi.rcml.elements.verbs.refer import Refer
from callapi.rcml.elements.verbs.reject import Reject, RejectReason
from callapi.rcml.elements.verbs.say import Say
from callapi.rcml.elements.verbs.start import Service, ServiceKind, ServiceName, Start, Stop

__all__ = [
    "Application",
    "BeepMode",
    "CallEvent",
    "Channels",
    "Client",
    "Conference",
    "ConferenceEvent",
    "ConferenceRecording",
    "ConferenceTrim",
    "Connect",
    "ConversationRelay",
    "DetectionMode",
    "Dial",
    "Echo",
    "Element",
    "Enqueue",
    "Gather",
    "GatherInput",
    "Hangup",
    "Interruptible",
    "JitterBuffer",
    "Language",
    "Leave",
    "Method",
    "Noun",
    "Number",
    "Pause",
    "Play",
    "Prompt",
    "Queue",
    "Record",
    "RecordMode",
    "Recording",
    "RecordingEvent",
    "RecordingTrack",
    "Redirect",
    "Refer",
    "Reject",
    "RejectReason",
    "RelayEvent",
    "Say",
    "Service",
    "ServiceKind",
    "ServiceName",
    "Sip",
    "Start",
    "Stop",
    "Stream",
    "StreamCodec",
    "Target",
    "Track",
    "Transcription",
    "Verb",
    "read_response",
]
