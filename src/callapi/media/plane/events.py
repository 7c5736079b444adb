"""What a stream reports to the story of its call: plain values, in the order in which they happened."""

from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from callapi.media.plane.types import MediaAddress


class DigitSource(StrEnum):
    """How a digit came."""

    RTP = "rtp"
    INBAND = "inband"


class RecordingCause(StrEnum):
    """Why a recording ended."""

    STOPPED = "stopped"
    SILENCE = "silence"
    MAX_LENGTH = "max_length"
    DIGIT = "digit"
    FAILED = "failed"


class DigitPressed(Struct, frozen=True, gc=False):
    """One key (0-9 * # A-D), reported once, when it is pressed, however often its packets came; also while bridged."""

    digit: str
    source: DigitSource = DigitSource.RTP


class PlaybackEnded(Struct, frozen=True, gc=False):
    """A prompt, tone or row of digits is over. `finished` is False if it was stopped, replaced or cut off."""

    playback_id: int
    finished: bool


class FirstPacket(Struct, frozen=True, gc=False):
    """The first valid RTP packet came; the stream is latched to `source`. Again after each re-learning."""

    source: MediaAddress


class FormatUsed(Struct, frozen=True, gc=False):
    """The remote has turned to another of the agreed formats, by its payload type as we announced it (RFC 3264 §6.1).

    It is heard already. What it is sent follows when the stream is configured for that format.
    """

    payload_type: int


class NothingHeard(Struct, frozen=True, gc=False):
    """One-way audio: nothing came from this party within `seconds` of joining. At most once per bridge."""

    seconds: float


class Stalled(Struct, frozen=True, gc=False):
    """No RTP for `silence_s` (media.timeout_s) while media was expected; again after each further period."""

    silence_s: float


class Secured(Struct, frozen=True, gc=False):
    """A DTLS handshake is done: media flows, encrypted with `suite`."""

    suite: str


class SecurityFailed(Struct, frozen=True, gc=False):
    """ICE or DTLS failed, or the peer's consent was lost (RFC 7675): nothing can be heard. `reason` names the step."""

    reason: str


class RecordingEnded(Struct, frozen=True, gc=False):
    """A recording is on disk, whole, or has failed.

    Attributes:
        duration_ms: length of the audio in the file, after trimming.
        path: the finished file; None if it failed.
        digit: the key that ended it (cause DIGIT).
        is_silent: nothing but silence was heard from the remote.
        error: what went wrong (cause FAILED).
    """

    recording_id: int
    cause: RecordingCause
    duration_ms: int
    path: Path | None
    digit: str | None = None
    is_silent: bool = False
    error: str | None = None


StreamEvent = (
    DigitPressed
    | PlaybackEnded
    | FirstPacket
    | FormatUsed
    | NothingHeard
    | Stalled
    | Secured
    | SecurityFailed
    | RecordingEnded
)


class SpeakingStarted(Struct, frozen=True, gc=False):
    """A member of a room begins to speak."""

    member_id: int


class SpeakingStopped(Struct, frozen=True, gc=False):
    """A member of a room has ceased to speak, or has left while it spoke."""

    member_id: int


RoomEvent = SpeakingStarted | SpeakingStopped
