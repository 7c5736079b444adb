"""`<Recording>`: record the call while its document goes on. A noun of `<Start>`."""

from dataclasses import dataclass
from enum import StrEnum

from callapi.rcml.attributes import Attributes, Method
from callapi.rcml.elements.element import Element, RecordingEvent, refuse_content
from callapi.rcml.elements.verbs.record import Trim
from callapi.rcml.tree import ElementNode


class Channels(StrEnum):
    """Both parties mixed on one channel, or a channel each."""

    MONO = "mono"
    DUAL = "dual"


class RecordingTrack(StrEnum):
    """Whose audio is recorded."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Recording(Element):
    """Record the call from now on."""

    name: str | None = None
    """By which `<Stop>` finds it."""
    track: RecordingTrack = RecordingTrack.BOTH
    channels: Channels = Channels.DUAL
    trim: bool = False
    status_callback: str | None = None
    """`recordingStatusCallback`."""
    status_callback_method: Method = Method.POST
    status_callback_events: frozenset[RecordingEvent] = frozenset({RecordingEvent.COMPLETED})


def read_recording(node: ElementNode) -> Recording:
    """`<Recording>` inside `<Start>`, as written."""
    given = Attributes(node)
    recording = Recording(
        name=given.text("name"),
        track=given.word("track", RecordingTrack.BOTH),
        channels=given.word("channels", Channels.DUAL),
        trim=given.word("trim", Trim.DO_NOT_TRIM) is Trim.TRIM_SILENCE,
        status_callback=given.url("recordingStatusCallback"),
        status_callback_method=given.method("recordingStatusCallbackMethod"),
        status_callback_events=given.events("recordingStatusCallbackEvent", RecordingEvent.COMPLETED),
        line=node.line,
        column=node.column,
    )
    given.without_effect("recordingConfigurationId")
    given.finish()
    refuse_content(node)
    return recording
