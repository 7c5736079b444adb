"""The language: the text of a document becomes frozen elements with line numbers. Nothing is executed here.

Entry points: `parse` (XML), `document_of` (an answer of any content type), `check` (all findings about a
document). This room reads text; it uses no clock, network or file.
"""

from callapi.rcml.check import check
from callapi.rcml.document import Document
from callapi.rcml.elements import (
    CallEvent,
    Client,
    Dial,
    Gather,
    GatherInput,
    Hangup,
    Method,
    Number,
    Pause,
    Play,
    Prompt,
    Record,
    RecordingEvent,
    RecordMode,
    Redirect,
    Reject,
    RejectReason,
    Say,
    Sip,
    Target,
    Verb,
)
from callapi.rcml.errors import DocumentError, RcmlError
from callapi.rcml.findings import Finding, Severity
from callapi.rcml.parser import document_of, parse

__all__ = [
    "CallEvent",
    "Client",
    "Dial",
    "Document",
    "DocumentError",
    "Finding",
    "Gather",
    "GatherInput",
    "Hangup",
    "Method",
    "Number",
    "Pause",
    "Play",
    "Prompt",
    "RcmlError",
    "Record",
    "RecordMode",
    "RecordingEvent",
    "Redirect",
    "Reject",
    "RejectReason",
    "Say",
    "Severity",
    "Sip",
    "Target",
    "Verb",
    "check",
    "document_of",
    "parse",
]
