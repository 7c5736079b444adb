"""`<Stream>` and its `<Parameter>`s, and what stands in other services."""

import pytest

from callapi.rcml import Connect, Start, Stream
from tests.rcml.documents import document, refusal, warnings


def stream(inside: str) -> Stream:
    (start,) = document(f'<Start><Stream url="wss://a.test/">{inside}</Stream></Start>').verbs
    assert isinstance(start, Start)
    (read,) = start.services
    assert isinstance(read, Stream)
    return read


def test_a_parameter_without_a_name_is_left_out() -> None:
    inside = '<Parameter value="1"/><Parameter name="b" value="2"/>'
    assert stream(inside).parameters == (("b", "2"),)
    assert warnings(f'<Start><Stream url="wss://a.test/">{inside}</Stream></Start>') == [
        "<Parameter> has no name, and is overlooked"
    ]


def test_a_long_parameter_is_kept_with_a_warning() -> None:
    inside = f'<Parameter name="a" value="{"x" * 500}"/>'
    assert stream(inside).parameters == (("a", "x" * 500),)
    (warning,) = warnings(f'<Start><Stream url="wss://a.test/">{inside}</Stream></Start>')
    assert warning == "name and value of <Parameter> have 501 characters; Twilio allows 500"


def test_ninety_nine_parameters_are_kept() -> None:
    inside = "".join(f'<Parameter name="n{each}" value="{each}"/>' for each in range(100))
    assert stream(inside).parameters == tuple((f"n{each}", str(each)) for each in range(99))
    assert warnings(f'<Start><Stream url="wss://a.test/">{inside}</Stream></Start>') == [
        "<Stream> has 100 parameters; those after 99 are overlooked"
    ]


def test_another_element_inside_is_an_error() -> None:
    error = refusal('<Start><Stream url="wss://a.test/"><Say>x</Say></Stream></Start>')
    assert "<Say>" in error.message


def test_a_service_inside_a_transcription_has_no_effect() -> None:
    assert warnings('<Start><Transcription statusCallbackUrl="/t"><Hint/></Transcription></Start>') == [
        "<Hint> inside <Transcription> is accepted, and has no effect here"
    ]


def test_a_verb_inside_stop_is_an_error() -> None:
    assert "<Say>" in refusal("<Stop><Say>x</Say></Stop>").message


@pytest.mark.parametrize("element", ["Stream", "ConversationRelay"])
def test_without_a_url_it_will_fail(element: str) -> None:
    (connect,) = document(f"<Connect><{element}/></Connect>").verbs
    assert isinstance(connect, Connect)
    assert any("has no url" in each for each in warnings(f"<Connect><{element}/></Connect>"))
