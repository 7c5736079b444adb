"""`<Gather>`."""

import pytest

from callapi.rcml import Gather, GatherInput, Method, Pause, Play, Say
from tests.rcml.documents import document, only, refusal


def gather(attributes: str = "", inside: str = "") -> Gather:
    verb = only(f"<Gather {attributes}>{inside}</Gather>")
    assert isinstance(verb, Gather)
    return verb


def refused(attributes: str) -> int | None:
    error = refusal(f"<Gather {attributes}/>")
    assert error.code == 12200
    return error.specific_code


def test_defaults() -> None:
    assert gather() == Gather(
        prompts=(),
        input=frozenset({GatherInput.DTMF}),
        action=None,
        method=Method.POST,
        timeout=5,
        finish_on_key="#",
        num_digits=None,
        action_on_empty_result=False,
        hints=None,
        language=None,
        speech_timeout=5,
        partial_result_callback=None,
        partial_result_callback_method=Method.POST,
    )


# input: dtmf, speech or both.
@pytest.mark.parametrize("written", ["dtmf speech", "speech,dtmf", "DTMF Speech"])
def test_both_inputs(written: str) -> None:
    assert gather(f'input="{written}"').input == frozenset(GatherInput)


def test_both_inputs_as_the_ancestor_wrote_them() -> None:
    assert gather('input="dtmf_speech"').input == frozenset(GatherInput)


def test_speech_alone() -> None:
    assert gather('input="speech"').input == {GatherInput.SPEECH}


def test_a_bad_input() -> None:
    assert refused('input="telepathy"') is None


# action, method.
def test_action() -> None:
    read = gather('action="/digits" method="GET"')
    assert (read.action, read.method) == ("/digits", Method.GET)


def test_a_bad_method() -> None:
    assert refused('method="HEAD"') == 13312


# timeout: 5 seconds.
@pytest.mark.parametrize("seconds", [0, 1, 86_400])
def test_timeout(seconds: int) -> None:
    assert gather(f'timeout="{seconds}"').timeout == seconds


def test_a_bad_timeout() -> None:
    assert refused('timeout="5s"') == 13313


# finishOnKey: #.
@pytest.mark.parametrize("keys", ["#", "*", "0", "", "*#", "0123456789*#"])
def test_finish_on_key(keys: str) -> None:
    assert gather(f'finishOnKey="{keys}"').finish_on_key == keys


def test_a_bad_key() -> None:
    assert refused('finishOnKey="x"') == 13310


# numDigits.
def test_num_digits() -> None:
    assert gather('numDigits="4"').num_digits == 4


@pytest.mark.parametrize("written", ["0", "-4", "1001", "four"])
def test_bad_num_digits(written: str) -> None:
    assert refused(f'numDigits="{written}"') == 13314


# actionOnEmptyResult: false.
def test_action_on_empty_result() -> None:
    assert gather('actionOnEmptyResult="true"').action_on_empty_result is True


# hints, language, speechTimeout, partialResultCallback.
def test_speech() -> None:
    read = gather(
        'input="speech" hints="yes, no" language="de-DE" speechTimeout="3"'
        ' partialResultCallback="/partial" partialResultCallbackMethod="GET"'
    )
    assert (read.hints, read.language, read.speech_timeout) == ("yes, no", "de-DE", 3)
    assert (read.partial_result_callback, read.partial_result_callback_method) == ("/partial", Method.GET)


def test_the_engine_may_decide_when_speech_is_over() -> None:
    assert gather('speechTimeout="auto"').speech_timeout is None


def test_silence_after_speech_is_as_long_as_the_timeout_if_nothing_else_is_said() -> None:
    assert gather('timeout="9"').speech_timeout == 9


@pytest.mark.parametrize("written", ["0", "never"])
def test_a_bad_speech_timeout(written: str) -> None:
    assert refused(f'speechTimeout="{written}"') == 13327


# Nested: Say, Play, Pause.
def test_prompts_in_their_order() -> None:
    prompts = gather("", "<Say>one</Say><Pause length='2'/><Play loop='2'>a.wav</Play>").prompts
    assert prompts == (Say("one"), Pause(2), Play("a.wav", 2))


@pytest.mark.parametrize("inside", ["<Dial>1</Dial>", "<Gather/>", "<Hangup/>", "<Sip>sip:a@b</Sip>"])
def test_nothing_else_of_the_language_may_be_nested(inside: str) -> None:
    error = refusal(f"<Gather>{inside}</Gather>")
    assert (error.code, error.specific_code) == (12200, 13320)


def test_a_bad_loop_inside() -> None:
    assert refusal('<Gather><Say loop="x">1</Say></Gather>').specific_code == 13322


def test_what_twilio_knows_more_is_overlooked() -> None:
    read = document('<Gather bargeIn="true" speechModel="phone_call"><Parameter/>text</Gather>')
    assert read.verbs == (Gather(),)
    assert len(read.warnings) == 3


def test_speech_that_is_bounded_filtered_and_does_not_interrupt() -> None:
    (read,) = document('<Gather maxSpeechTime="10" profanityFilter="false" bargeIn="false"/>').verbs
    assert read == Gather(max_speech_time=10, profanity_filter=False, barge_in=False)
