"""`<Application>`."""

import pytest

from callapi.rcml import Application, Dial
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


def test_what_has_no_effect_is_named() -> None:
    (warning,) = warnings(f'<Dial><Application copyParentTo="true">{SID}</Application></Dial>')
    assert warning == "copyParentTo on <Application> is accepted, and has no effect here"
