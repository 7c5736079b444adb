"""`<Dial>`: call somebody and join the caller with whoever accepts first.

Whom to call is plain text (with an `@` a SIP URI, with `client:` before it a registered user, else a number)
or up to ten of the nouns `<Sip>`, `<Client>`, `<Number>`, in any mixture. They ring together, or, with
`sequential`, one after the other. Without `action` the document goes on with the next verb.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from callapi.rcml.elements.client import Client
from callapi.rcml.elements.element import Element, Method, RecordingEvent
from callapi.rcml.elements.number import Number
from callapi.rcml.elements.sip import Sip

Target: TypeAlias = Sip | Number | Client

MOST_TARGETS = 10
LONGEST_TIMEOUT_S = 600
LONGEST_TALK_S = 86_400
# fmt: off
RING_TONES = frozenset({
    "at", "au", "be", "bg", "br", "ch", "cl", "cn", "cz", "de", "dk", "ee", "es", "fi", "fr",
    "gr", "hu", "il", "in", "it", "jp", "lt", "mx", "my", "nl", "no", "nz", "ph", "pl", "pt",
    "ru", "se", "sg", "th", "tw", "uk", "us", "us-old", "ve", "za",
})
# fmt: on


class RecordMode(StrEnum):
    """What is recorded, from when on, and on how many channels."""

    DO_NOT_RECORD = "do-not-record"
    FROM_ANSWER = "record-from-answer"
    FROM_ANSWER_DUAL = "record-from-answer-dual"
    FROM_RINGING = "record-from-ringing"
    FROM_RINGING_DUAL = "record-from-ringing-dual"

    @property
    def records(self) -> bool:
        """Whether anything is recorded at all."""
        return self is not RecordMode.DO_NOT_RECORD

    @property
    def is_dual(self) -> bool:
        """Caller and callee on a channel each."""
        return self in {RecordMode.FROM_ANSWER_DUAL, RecordMode.FROM_RINGING_DUAL}

    @property
    def is_from_ringing(self) -> bool:
        """Recorded from the first ringing, not only once joined."""
        return self in {RecordMode.FROM_RINGING, RecordMode.FROM_RINGING_DUAL}


@dataclass(frozen=True, slots=True)
class Dial(Element):
    """Call `targets`, join the caller with the first to accept."""

    targets: tuple[Target, ...] = ()
    """At most ten. None: the outcome is `failed`."""
    action: str | None = None
    """URL that is told the outcome and says how to go on; None: the next verb."""
    method: Method = Method.POST
    timeout: int = 30
    """Seconds to wait for an answer, 1 to 600."""
    time_limit: int = 14_400
    """Seconds of joined talk, 1 to 86400."""
    caller_id: str | None = None
    """Who the callee sees: a number, `client:name`, `sip:user@host`, or a SIP user; None: the caller."""
    record: RecordMode = RecordMode.DO_NOT_RECORD
    hangup_on_star: bool = False
    """The caller's `*` ends the callee's call, and the document goes on."""
    dial_music: str | None = None
    """URL of audio that the caller hears instead of ringing."""
    ring_tone: str = "us"
    """Country of the ringing tone, one of `RING_TONES`."""
    answer_on_bridge: bool = False
    """The caller is answered only when the parties are joined."""
    sequential: bool = False
    """One target after the other, each for up to `timeout`."""
    recording_status_callback: str | None = None
    recording_status_callback_method: Method = Method.POST
    recording_status_callback_events: frozenset[RecordingEvent] = frozenset({RecordingEvent.COMPLETED})
