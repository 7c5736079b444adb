"""What the attributes of `<Conference>` and the parameters of REST say of a room and of one participant."""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from callapi.base.ids import CallSid
from callapi.calls.placing.placement import Subscription
from callapi.calls.recording.recordings import RecordingCallback
from callapi.media import JitterDelay

MAX_PARTICIPANTS: Final = 250
MAX_LABEL: Final = 128
JITTER_DELAYS: Final = {
    "small": JitterDelay(20, 200),
    "medium": JitterDelay(40, 360),
    "large": JitterDelay(60, 1000),
    "off": JitterDelay(0, 0),
}
"""The words of `jitterBufferSize`, with the delays that Twilio documents for them."""


class Beep(StrEnum):
    """When the room hears a beep for a participant."""

    TRUE = "true"
    FALSE = "false"
    ON_ENTER = "onEnter"
    ON_EXIT = "onExit"

    @property
    def on_enter(self) -> bool:
        """Whether its arrival is heard."""
        return self in {Beep.TRUE, Beep.ON_ENTER}

    @property
    def on_exit(self) -> bool:
        """Whether its leaving is heard."""
        return self in {Beep.TRUE, Beep.ON_EXIT}


class HeldAudio(Struct, frozen=True):
    """What a participant hears who is not in the room: before its start, or on hold.

    `url` is a document or audio; None is the hold music of the node, "" is silence.
    """

    url: str | None = None
    method: str = "POST"


class ParticipantOptions(Struct, frozen=True):
    """How one participant takes part."""

    label: str | None = None
    muted: bool = False
    beep: Beep = Beep.TRUE
    start_on_enter: bool = True
    end_on_exit: bool = False
    coach: CallSid | None = None
    """The participant that alone hears this one."""
    wait: HeldAudio = HeldAudio()
    jitter_delay: JitterDelay | None = None
    """How long its packets wait before they are mixed; None: as the media plane does by default."""
    early_media: bool = True
    """Of a party that is called into the room: the room hears it ring."""


class RoomOptions(Struct, frozen=True):
    """What the first participant decides for the room."""

    max_participants: int = MAX_PARTICIPANTS
    record: bool = False
    trim: bool = True
    callbacks: Subscription | None = None
    """`events` holds the words of `statusCallbackEvent`: start end join leave mute hold modify speaker announcement."""
    recording_callback: RecordingCallback | None = None
