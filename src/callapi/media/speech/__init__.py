"""Speech, both ways: text becomes prompts, and what a caller says becomes text.

Engines are programs of their own (`engine_program.py`, run by path and never imported): their licences, memory
and crashes stay out of the node. Nothing here knows calls or documents.
"""

from callapi.media.speech.assembly import detector_of, open_recogniser, open_speaker
from callapi.media.speech.cache import SpeechCache
from callapi.media.speech.detector import Detector, SpeechDetector
from callapi.media.speech.extensions import Speaker
from callapi.media.speech.hints import hints_of
from callapi.media.speech.recogniser import Recognised, Recogniser, WhisperRecogniser
from callapi.media.speech.segmenter import SpeechBegan, SpeechEnded, SpeechEvent, SpeechSegmenter
from callapi.media.speech.speaker import EngineSpeaker, SpeechEngine
from callapi.media.speech.utterance import Utterance
from callapi.media.speech.voices import Catalogue, Engine, Gender, Voice

__all__ = [
    "Catalogue",
    "Detector",
    "Engine",
    "EngineSpeaker",
    "Gender",
    "Recognised",
    "Recogniser",
    "Speaker",
    "SpeechBegan",
    "SpeechCache",
    "SpeechDetector",
    "SpeechEnded",
    "SpeechEngine",
    "SpeechEvent",
    "SpeechSegmenter",
    "Utterance",
    "Voice",
    "WhisperRecogniser",
    "detector_of",
    "hints_of",
    "open_recogniser",
    "open_speaker",
]
