"""`<Number>`."""

import pytest

from callapi.rcml import CallEvent, Dial, Method, Number
from tests.rcml.documents import document, only, refusal, warnings


def number(attributes: str = "", text: str = "+14155550100") -> Number:
    dial = only(f"<Dial><Number {attributes}>{text}</Number></Dial>")
    assert isinstance(dial, Dial)
    (target,) = dial.targets
    assert isinstance(target, Number)
    return target


def test_defaults() -> None:
    assert number() == Number("+14155550100", send_digits=None, url=None, method=Method.POST)


def test_the_text_is_kept_trimmed() -> None:
    assert number(text=" +1 (415) 555-0100?X-Order=7\n").number == "+1 (415) 555-0100?X-Order=7"


@pytest.mark.parametrize(
    ("written", "digits"), [("1234", "1234"), ("wwW1#*", "wwW1#*"), ("abcdABCD", "ABCDABCD"), ("", None)]
)
def test_send_digits(written: str, digits: str | None) -> None:
    assert number(f'sendDigits="{written}"').send_digits == digits


@pytest.mark.parametrize("written", ["12,3", "12 3", "x", "1" * 33])
def test_bad_digits(written: str) -> None:
    error = refusal(f'<Dial><Number sendDigits="{written}">1</Number></Dial>')
    assert (error.code, error.specific_code) == (12200, 13222)


def test_callbacks_are_those_of_every_noun() -> None:
    read = number(
        'url="/u" method="GET" statusCallback="/s" statusCallbackMethod="GET" statusCallbackEvent="ringing"'
    )
    assert (read.url, read.method) == ("/u", Method.GET)
    assert (read.status_callback, read.status_callback_method) == ("/s", Method.GET)
    assert read.status_callback_events == {CallEvent.RINGING}


def test_a_bad_method() -> None:
    assert refusal('<Dial><Number method="X">1</Number></Dial>').specific_code == 13221


def test_no_target_fails_the_leg_and_not_the_document() -> None:
    assert "the number is missing" in document("<Dial><Number> </Number></Dial>").warnings[0].message


def test_machine_detection_has_no_effect_beside_digits() -> None:
    (warning,) = warnings(
        '<Dial><Number sendDigits="1" machineDetection="Enable">+14155550100</Number></Dial>'
    )
    assert warning == "machineDetection on <Number> has no effect beside sendDigits"
