"""`machineDetection…` and `amdStatusCallback…` of `<Number>` and `<Sip>`."""

from dataclasses import dataclass
from enum import StrEnum

from callapi.rcml.attributes import Attributes, Method


class DetectionMode(StrEnum):
    """When the result is reported."""

    ENABLE = "Enable"
    DETECT_MESSAGE_END = "DetectMessageEnd"
    """Of a machine: at the end of its greeting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectedParty:
    """Find out whether a person or a machine answers this leg, while the parties are joined already."""

    mode: DetectionMode = DetectionMode.ENABLE
    timeout_s: int = 30
    speech_threshold_ms: int = 2400
    speech_end_threshold_ms: int = 1200
    silence_timeout_ms: int = 5000
    status_callback: str | None = None
    """URL that receives the result."""
    status_callback_method: Method = Method.POST


def read_machine_detection(given: Attributes) -> DetectedParty | None:
    """What the attributes ask for; None without `machineDetection`."""
    is_wanted = given.text("machineDetection") is not None
    party = DetectedParty(
        mode=given.word("machineDetection", DetectionMode.ENABLE),
        timeout_s=given.whole("machineDetectionTimeout", 30, (3, 59)),
        speech_threshold_ms=given.whole("machineDetectionSpeechThreshold", 2400, (1000, 6000)),
        speech_end_threshold_ms=given.whole("machineDetectionSpeechEndThreshold", 1200, (500, 5000)),
        silence_timeout_ms=given.whole("machineDetectionSilenceTimeout", 5000, (2000, 10_000)),
        status_callback=given.url("amdStatusCallback"),
        status_callback_method=given.method("amdStatusCallbackMethod"),
    )
    return party if is_wanted else None
