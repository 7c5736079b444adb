"""`<Conference>`: a room that the caller joins. The noun of `<Dial>`, alone; its text is the name of the room.

One room for each name and account. The first participant decides for the room (callbacks, recording, size).
"""

from dataclasses import dataclass
from enum import StrEnum

from callapi.rcml.attributes import Attributes, Method
from callapi.rcml.elements.element import Element, RecordingEvent, refuse_children
from callapi.rcml.tree import ElementNode

MAX_PARTICIPANTS = 250
MAX_LABEL = 128


class BeepMode(StrEnum):
    """When the room hears a beep for this participant."""

    TRUE = "true"
    FALSE = "false"
    ON_ENTER = "onEnter"
    ON_EXIT = "onExit"


class JitterBuffer(StrEnum):
    """How much delay may smooth this participant's audio."""

    LARGE = "large"
    MEDIUM = "medium"
    SMALL = "small"
    OFF = "off"


class ConferenceRecording(StrEnum):
    """Whether the room is recorded."""

    DO_NOT_RECORD = "do-not-record"
    FROM_START = "record-from-start"


class ConferenceTrim(StrEnum):
    """Whether silence at both ends of the recording is cut."""

    TRIM_SILENCE = "trim-silence"
    DO_NOT_TRIM = "do-not-trim"


class ConferenceEvent(StrEnum):
    """A kind of event that `statusCallback` can report."""

    START = "start"
    END = "end"
    JOIN = "join"
    LEAVE = "leave"
    MUTE = "mute"
    HOLD = "hold"
    MODIFY = "modify"
    SPEAKER = "speaker"
    ANNOUNCEMENT = "announcement"


@dataclass(frozen=True, slots=True)
class Conference(Element):
    """Join the room `name`."""

    name: str
    muted: bool = False
    beep: BeepMode = BeepMode.TRUE
    start_on_enter: bool = True
    end_on_exit: bool = False
    label: str | None = None
    jitter_buffer: JitterBuffer | None = None
    """None: not written."""
    wait_url: str | None = None
    """What is heard until the room starts: None: music; "": silence."""
    wait_method: Method = Method.POST
    max_participants: int = MAX_PARTICIPANTS
    record: ConferenceRecording = ConferenceRecording.DO_NOT_RECORD
    trim: ConferenceTrim = ConferenceTrim.TRIM_SILENCE
    coach: str | None = None
    """The sid of the call that alone hears this participant."""
    status_callback: str | None = None
    status_callback_method: Method = Method.POST
    status_callback_events: frozenset[ConferenceEvent] = frozenset()
    recording_status_callback: str | None = None
    recording_status_callback_method: Method = Method.POST
    recording_status_callback_events: frozenset[RecordingEvent] = frozenset({RecordingEvent.COMPLETED})


def read_conference(node: ElementNode) -> Conference:
    """`<Conference>` as written."""
    given = Attributes(node)
    conference = Conference(
        name=_read_name(node),
        muted=given.flag("muted", default=False, code=13230),
        beep=given.word("beep", BeepMode.TRUE),
        start_on_enter=given.flag("startConferenceOnEnter", default=True, code=13232),
        end_on_exit=given.flag("endConferenceOnExit", default=False, code=13231),
        label=_read_label(given),
        jitter_buffer=_read_jitter_buffer(given),
        wait_url=given.url_or_empty("waitUrl", code=13233),
        wait_method=given.method("waitMethod", code=13234),
        max_participants=given.whole("maxParticipants", MAX_PARTICIPANTS, (1, MAX_PARTICIPANTS)),
        record=_read_record(given),
        trim=given.word("trim", ConferenceTrim.TRIM_SILENCE),
        coach=given.text("coach"),
        status_callback=given.url("statusCallback"),
        status_callback_method=given.method("statusCallbackMethod"),
        status_callback_events=given.events_if_any("statusCallbackEvent", ConferenceEvent),
        recording_status_callback=given.url("recordingStatusCallback"),
        recording_status_callback_method=given.method("recordingStatusCallbackMethod"),
        recording_status_callback_events=given.events(
            "recordingStatusCallbackEvent", RecordingEvent.COMPLETED
        ),
        line=node.line,
        column=node.column,
    )
    for name in ("region", "recordingConfigurationId"):
        given.text(name)  # accepted, without effect
    given.without_effect("eventCallbackUrl")
    given.finish()
    refuse_children(node, 13215)
    return conference


def _read_name(node: ElementNode) -> str:
    if not node.text:
        node.error("<Conference> needs the name of the room as its text", 13215)
    return node.text


def _read_label(given: Attributes) -> str | None:
    label = given.text("participantLabel")
    if label is not None and len(label) > MAX_LABEL:
        given.refuse("participantLabel", f"at most {MAX_LABEL} characters")
        return None
    return label


def _read_jitter_buffer(given: Attributes) -> JitterBuffer | None:
    if given.text("jitterBufferSize") is None:
        return None
    return given.word("jitterBufferSize", JitterBuffer.LARGE)


def _read_record(given: Attributes) -> ConferenceRecording:
    match (given.text("record") or "").lower():
        case "true":
            return ConferenceRecording.FROM_START
        case "false" | "":
            return ConferenceRecording.DO_NOT_RECORD
        case _:
            return given.word("record", ConferenceRecording.DO_NOT_RECORD)
