"""`<Record>`."""

import pytest

from callapi.rcml import Method, Record, RecordingEvent
from tests.rcml.documents import document, only, refusal


def record(attributes: str = "") -> Record:
    verb = only(f"<Record {attributes}/>")
    assert isinstance(verb, Record)
    return verb


def test_defaults() -> None:
    assert record() == Record(
        action=None,
        method=Method.POST,
        timeout=5,
        finish_on_key="1234567890*#",
        max_length=3600,
        play_beep=True,
        trim=True,
        recording_status_callback=None,
        recording_status_callback_method=Method.POST,
        recording_status_callback_events=frozenset({RecordingEvent.COMPLETED}),
    )


def test_every_attribute() -> None:
    assert record(
        'action="/a" method="GET" timeout="0" finishOnKey="" maxLength="30" playBeep="false" trim="do-not-trim"'
        ' recordingStatusCallback="/r" recordingStatusCallbackMethod="GET" recordingStatusCallbackEvent="absent"'
    ) == Record(
        action="/a",
        method=Method.GET,
        timeout=0,
        finish_on_key="",
        max_length=30,
        play_beep=False,
        trim=False,
        recording_status_callback="/r",
        recording_status_callback_method=Method.GET,
        recording_status_callback_events=frozenset({RecordingEvent.ABSENT}),
    )


@pytest.mark.parametrize(
    ("attribute", "code"),
    [
        ('method="PATCH"', 13610),
        ('timeout="-1"', 13611),
        ('maxLength="0"', 13612),
        ('maxLength="86401"', 13612),
        ('finishOnKey="any"', 13613),
        ('playBeep="loud"', 13616),
        ('trim="a bit"', None),
    ],
)
def test_bad_values(attribute: str, code: int | None) -> None:
    error = refusal(f"<Record {attribute}/>")
    assert (error.code, error.specific_code) == (12200, code)


def test_transcription() -> None:
    read = document('<Record transcribe="true" transcribeCallback="/t"/>')
    assert read.verbs == (Record(transcribe=True, transcribe_callback="/t"),)
    assert not read.warnings
