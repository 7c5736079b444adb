"""`<Conference>`: its name, labels and recording; where it may stand."""

import pytest

from callapi.rcml import Conference, ConferenceRecording, Dial
from tests.rcml.documents import document, only, refusal, warnings


def conference(attributes: str = "") -> Conference:
    dial = only(f"<Dial><Conference {attributes}>support</Conference></Dial>")
    assert isinstance(dial, Dial)
    assert dial.conference is not None
    return dial.conference


def test_a_room_needs_a_name() -> None:
    error = refusal("<Dial><Conference> </Conference></Dial>")
    assert (error.specific_code, error.message) == (
        13215,
        "<Conference> needs the name of the room as its text",
    )


@pytest.mark.parametrize(
    ("written", "recording"),
    [
        ("true", ConferenceRecording.FROM_START),
        ("false", ConferenceRecording.DO_NOT_RECORD),
        ("", ConferenceRecording.DO_NOT_RECORD),
        ("record-from-start", ConferenceRecording.FROM_START),
        ("do-not-record", ConferenceRecording.DO_NOT_RECORD),
    ],
)
def test_record(written: str, recording: ConferenceRecording) -> None:
    assert conference(f'record="{written}"').record is recording


def test_a_label_has_a_bound() -> None:
    assert conference('participantLabel="anna"').label == "anna"
    error = refusal(f'<Dial><Conference participantLabel="{"x" * 129}">a</Conference></Dial>')
    assert "at most 128 characters" in error.message


def test_an_empty_wait_url_is_silence_and_a_control_character_is_refused() -> None:
    assert conference('waitUrl=""').wait_url == ""
    error = refusal('<Dial><Conference waitUrl="a&#10;b">a</Conference></Dial>')
    assert "a URL without control characters, or nothing" in error.message


def test_nothing_stands_beside_it() -> None:
    error = refusal("<Dial><Conference>a</Conference><Number>1</Number></Dial>")
    assert (error.specific_code, error.message) == (
        13215,
        "<Number> cannot stand beside <Conference> in <Dial>",
    )


@pytest.mark.parametrize(
    ("place", "name"),
    [("<Conference>a</Conference>", "Conference"), ("<Queue>a</Queue>", "Queue")],
)
def test_text_beside_it_is_ignored(place: str, name: str) -> None:
    assert warnings(f"<Dial>1001{place}</Dial>") == [
        f"<Dial> holds text beside <{name}>: the text is ignored"
    ]
    (dial,) = document(f"<Dial>1001{place}</Dial>").verbs
    assert isinstance(dial, Dial)
    assert dial.targets == ()
