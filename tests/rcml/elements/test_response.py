"""`<Response>`: the root, and what may stand in it."""

import pytest

from callapi.rcml import DocumentError, Hangup, Pause, Say, parse
from callapi.rcml.elements import Verb
from callapi.rcml.elements.element import VERBS
from tests.rcml.documents import document, refusal, warnings


def test_verbs_in_their_order() -> None:
    assert document("<Say>one</Say> <Pause/>\n<Hangup/>").verbs == (Say("one"), Pause(), Hangup())


@pytest.mark.parametrize("written", ["<Response/>", "<Response></Response>", "<Response>\n</Response>"])
def test_without_verbs_it_is_valid(written: str) -> None:
    assert parse(written.encode()).verbs == ()


@pytest.mark.parametrize("root", ["response", "Resp", "RESPONSE", "TwiML"])
def test_the_root_must_be_response(root: str) -> None:
    with pytest.raises(DocumentError, match="it must be <Response>") as refused:
        parse(f"<!-- -->\n<{root}/>".encode())
    error = refused.value
    assert (error.code, error.specific_code, error.line, error.column) == (12200, 12102, 2, 1)


def test_the_names_of_the_verbs_are_those_of_their_elements() -> None:
    assert sorted(VERBS) == sorted(element.__name__ for element in Verb.__args__)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("dial", "did you mean <Dial>?"),
        ("SAY", "did you mean <Say>?"),
        ("HangUp", "did you mean <Hangup>?"),
        ("Payment", "the verbs are Dial, Say, Play"),
        ("Sms", "the verbs are"),
    ],
)
def test_an_unknown_verb_is_an_error(name: str, hint: str) -> None:
    error = refusal(f"\n <Pause/>\n  <{name}/>")
    assert (error.code, error.line, error.column) == (12200, 3, 3)
    assert error.message.startswith(f"unknown verb <{name}>; ")
    assert hint in error.message


@pytest.mark.parametrize("name", ["Number", "Sip", "Client", "Uri", "Video", "Response"])
def test_what_is_no_verb_cannot_stand_in_the_root(name: str) -> None:
    assert "is not a verb" in refusal(f"<{name}/>").message


def test_the_first_error_in_the_text_is_reported() -> None:
    error = refusal('<Dial timeout="x">1</Dial>\n<Foo/>')
    assert error.specific_code == 13212


def test_text_in_the_root_means_nothing() -> None:
    assert warnings("hello<Pause/>") == ["text inside <Response> means nothing, and is overlooked"]


def test_attributes_of_the_root_are_unknown_unless_they_belong_to_xml() -> None:
    document_ = parse(
        b'<Response version="1" xmlns="http://example.com/" xmlns:xsi="urn:x" xsi:schema="urn:y"><Pause/></Response>'
    )
    assert [warning.message[:25] for warning in document_.warnings] == ["unknown attribute version"]
