"""`<Record>`: record the caller."""

from dataclasses import dataclass

from callapi.rcml.elements.element import Element, Method, RecordingEvent

LONGEST_S = 86_400


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
