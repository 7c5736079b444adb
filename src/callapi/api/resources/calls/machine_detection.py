"""`MachineDetection…`: the parameters of answering machine detection, of calls and of participants."""

from typing import Any, Final

from callapi.api.errors import INVALID_METHOD
from callapi.api.requests.parameter_types import BOOLEAN, METHOD, URL, choice, whole
from callapi.api.requests.parameters import Given, Parameter
from callapi.calls.placing.machine_detection import DetectionCallback, DetectionOrder
from callapi.media.answering.detector import MachineDetection

MODE: Final = Parameter(
    "MachineDetection",
    choice("Enable", "DetectMessageEnd"),
    "find out who answers; `DetectMessageEnd`: of a machine, at the end of its greeting",
)
TIMEOUT: Final = Parameter("MachineDetectionTimeout", whole(3, 59), "seconds until it gives up", default=30)
SPEECH: Final = Parameter(
    "MachineDetectionSpeechThreshold", whole(1000, 6000), "ms of speech that make a machine", default=2400
)
SPEECH_END: Final = Parameter(
    "MachineDetectionSpeechEndThreshold", whole(500, 5000), "ms of silence that end a greeting", default=1200
)
SILENCE: Final = Parameter(
    "MachineDetectionSilenceTimeout", whole(2000, 10_000), "ms of silence that are `unknown`", default=5000
)
IS_ASYNC: Final = Parameter("AsyncAmd", BOOLEAN, "run the document at once", default=False)
CALLBACK: Final = Parameter("AsyncAmdStatusCallback", URL, "receives the result, with `AsyncAmd`")
CALLBACK_METHOD: Final = Parameter(
    "AsyncAmdStatusCallbackMethod", METHOD, "of it", default="POST", fault=INVALID_METHOD
)
PARTICIPANT_CALLBACK: Final = Parameter("AmdStatusCallback", URL, "receives the result")
PARTICIPANT_CALLBACK_METHOD: Final = Parameter(
    "AmdStatusCallbackMethod", METHOD, "of it", default="POST", fault=INVALID_METHOD
)
_COMMON: Final[tuple[Parameter[Any], ...]] = (MODE, TIMEOUT, SPEECH, SPEECH_END, SILENCE)
OF_CALLS: Final[tuple[Parameter[Any], ...]] = (*_COMMON, IS_ASYNC, CALLBACK, CALLBACK_METHOD)
OF_PARTICIPANTS: Final[tuple[Parameter[Any], ...]] = (
    *_COMMON,
    PARTICIPANT_CALLBACK,
    PARTICIPANT_CALLBACK_METHOD,
)


def detection_of_call(given: Given) -> DetectionOrder | None:
    """What a call is to be listened to for; None if it is not."""
    if given.get(MODE) is None:
        return None
    url = given.get(CALLBACK) if given[IS_ASYNC] else None
    return DetectionOrder(
        _options(given),
        is_async=given[IS_ASYNC],
        callback=DetectionCallback(url, given[CALLBACK_METHOD]) if url else None,
    )


def detection_of_participant(given: Given) -> DetectionOrder | None:
    """The same of a participant, which joins its room at once."""
    if given.get(MODE) is None:
        return None
    url = given.get(PARTICIPANT_CALLBACK)
    callback = DetectionCallback(url, given[PARTICIPANT_CALLBACK_METHOD]) if url else None
    return DetectionOrder(_options(given), is_async=True, callback=callback)


def _options(given: Given) -> MachineDetection:
    return MachineDetection(
        until_message_end=given.get(MODE) == "DetectMessageEnd",
        timeout_ms=given[TIMEOUT] * 1000,
        speech_threshold_ms=given[SPEECH],
        speech_end_threshold_ms=given[SPEECH_END],
        silence_timeout_ms=given[SILENCE],
    )
