"""Answering machine detection: listens to a called party until it is known who that is.

::

    verdict = await detect(call.leg.stream, MachineDetection(until_message_end=True))
    verdict.answered_by  # AnsweredBy.MACHINE_END_BEEP
"""

from enum import StrEnum

from msgspec import Struct

from callapi.media import _native
from callapi.media.plane.plane import AudioStream
from callapi.media.plane.types import AudioFormat, Track


class AnsweredBy(StrEnum):
    """Twilio's words (`AnsweredBy`)."""

    HUMAN = "human"
    MACHINE_START = "machine_start"
    """A machine that is speaking still; not with `until_message_end`."""
    MACHINE_END_BEEP = "machine_end_beep"
    MACHINE_END_SILENCE = "machine_end_silence"
    MACHINE_END_OTHER = "machine_end_other"
    """A machine that had not come to an end when the time was over."""
    FAX = "fax"
    UNKNOWN = "unknown"


class MachineDetection(Struct, frozen=True):
    """What to look for, and for how long; times and defaults are those of Twilio's `MachineDetection…` parameters.

    Attributes:
        until_message_end: `DetectMessageEnd`: wait until a machine has finished its greeting.
        timeout_ms: when to give up.
        speech_threshold_ms: speech that is longer is a machine's.
        speech_end_threshold_ms: silence after which what was said is complete.
        silence_timeout_ms: silence from the answer on after which the result is UNKNOWN.
    """

    until_message_end: bool = False
    timeout_ms: int = 30_000
    speech_threshold_ms: int = 2400
    speech_end_threshold_ms: int = 1200
    silence_timeout_ms: int = 5000


class MachineVerdict(Struct, frozen=True):
    """Who has answered, and how long it was listened for (`MachineDetectionDuration`)."""

    answered_by: AnsweredBy
    duration_ms: int


async def detect(stream: AudioStream, options: MachineDetection) -> MachineVerdict:
    """Listen to `stream` from now on, beside whatever else happens on it. Safe to cancel.

    Raises:
        StreamClosed: the stream was closed before there was a verdict.
    """
    detector = _native.MachineDetector(options)
    listening = stream.listen(AudioFormat("L16", 8000), track=Track.INBOUND)
    try:
        while True:
            for frame in await listening.next():
                if (verdict := detector.hear(frame.payload)) is not None:
                    return MachineVerdict(AnsweredBy(verdict), detector.elapsed_ms)
    finally:
        listening.close()
