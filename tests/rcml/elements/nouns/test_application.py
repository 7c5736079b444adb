"""`<Application>`."""

import pytest

from callapi.rcml import Application, Dial, Hangup, Reject
from tests.rcml.documents import document, refusal, warnings

SID = "AP" + "1" * 32


def read(inside: str) -> Application | None:
    (dial,) = document(f"<Dial>{inside}</Dial>").verbs
    assert isinstance(dial, Dial)
    return dial.application


def test_by_text_or_nested() -> None:
    parameter = '<Parameter name="a" value="1"/><Parameter name="b"/>'
    expected = Application(SID, (("a", "1"), ("b", "")))
    assert read(f"<Application>{SID}{parameter}</Application>") == expected
    assert read(f"<Application><ApplicationSid>{SID}</ApplicationSid>{parameter}</Application>") == expected


@pytest.mark.parametrize("sid", ["", "menu", "AP123", SID + "1"])
def test_without_a_sid_the_dial_will_fail(sid: str) -> None:
    assert read(f"<Application>{sid}</Application>") == Application("")
    assert "names no application by its sid" in warnings(f"<Dial><Application>{sid}</Application></Dial>")[0]


def test_nothing_stands_beside_it() -> None:
    error = refusal(f"<Dial><Application>{SID}</Application><Number>1</Number></Dial>")
    assert (error.specific_code, error.message) == (
        13215,
        "<Number> cannot stand beside <Application> in <Dial>",
    )


def test_its_call() -> None:
    attributes = 'copyParentTo="true" customerId="c" statusCallback="/s" statusCallbackEvent="ringing"'
    application = read(f"<Application {attributes}>{SID}</Application>")
    assert application is not None
    assert (application.copies_to, application.customer_id) == (True, "c")
    assert application.status_callback == "/s"
    assert {each.value for each in application.status_callback_events} == {"ringing"}


def test_what_has_no_effect_is_named() -> None:
    (warning,) = warnings(f'<Dial><Application url="/u">{SID}</Application></Dial>')
    assert warning == "url on <Application> is accepted, and has no effect here"


def test_a_parameter_without_a_name_is_overlooked() -> None:
    inside = f'<Application>{SID}<Parameter value="1"/></Application>'
    assert read(inside) == Application(SID)
    assert warnings(f"<Dial>{inside}</Dial>") == ["<Parameter> has no name, and is overlooked"]


@pytest.mark.parametrize("verb", ["Hangup", "Reject"])
def test_what_comes_back_to_the_dial(verb: str) -> None:
    (read_verb,) = document(f'<{verb}><Parameter name="a" value="1"/></{verb}>').verbs
    assert isinstance(read_verb, Hangup | Reject)
    assert read_verb.parameters == (("a", "1"),)


def test_another_element_inside_is_an_error() -> None:
    assert refusal(f"<Dial><Application>{SID}<Say>x</Say></Application></Dial>").specific_code == 13215


def test_text_beside_it_is_ignored() -> None:
    inside = f"1001<Application>{SID}</Application>"
    assert read(inside) == Application(SID)
    assert warnings(f"<Dial>{inside}</Dial>") == [
        "<Dial> holds text beside <Application>: the text is ignored"
    ]
