"""`<Record>`: record the caller."""

from dataclasses import dataclass
from enum import StrEnum

from callapi.rcml.attributes import Attributes, Method
from callapi.rcml.elements.element import Element, RecordingEvent, refuse_content
from callapi.rcml.tree import ElementNode

MAX_S = 86_400


class Trim(StrEnum):
    """What becomes of silence at both ends."""

    TRIM_SILENCE = "trim-silence"
    DO_NOT_TRIM = "do-not-trim"


@dataclass(frozen=True, slots=True)
class Record(Element):
    """Record what the caller says, until a key, silence or the longest length ends it."""

    action: str | None = None
    """URL that gets the recording's URL; None: the URL of the current document."""
    method: Method = Method.POST
    timeout: int = 5
    """Seconds of silence that end the recording; 0: silence does not."""
    finish_on_key: str = "1234567890*#"
    """Keys, any of which ends the recording; empty: none does."""
    max_length: int = 3600
    """Seconds, 1 to 86400."""
    play_beep: bool = True
    trim: bool = True
    """Cut silence off at both ends (`trim-silence`, or `do-not-trim`)."""
    recording_status_callback: str | None = None
    recording_status_callback_method: Method = Method.POST
    recording_status_callback_events: frozenset[RecordingEvent] = frozenset({RecordingEvent.COMPLETED})
    transcribe: bool = False
    """Turn the recording into text afterwards."""
    transcribe_callback: str | None = None
    """URL that gets the text; naming it asks for the transcription, as at Twilio."""


def read_record(node: ElementNode) -> Record:
    """`<Record>` as written."""
    given = Attributes(node)
    record = Record(
        action=given.url("action"),
        method=given.method(code=13610),
        timeout=given.whole("timeout", 5, (0, MAX_S), code=13611),
        finish_on_key=given.keys("finishOnKey", "1234567890*#", code=13613),
        max_length=given.whole("maxLength", 3600, (1, MAX_S), code=13612),
        play_beep=given.flag("playBeep", default=True, code=13616),
        trim=given.word("trim", Trim.TRIM_SILENCE) is Trim.TRIM_SILENCE,
        recording_status_callback=given.url("recordingStatusCallback"),
        recording_status_callback_method=given.method("recordingStatusCallbackMethod"),
        recording_status_callback_events=given.events(
            "recordingStatusCallbackEvent", RecordingEvent.COMPLETED
        ),
        transcribe=given.flag("transcribe", default=False),
        transcribe_callback=given.url("transcribeCallback"),
        line=node.line,
        column=node.column,
    )
    given.without_effect("recordingConfigurationId")
    given.finish()
    refuse_content(node)
    return record
