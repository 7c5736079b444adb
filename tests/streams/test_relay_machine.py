"""ConversationRelay without audio: sentences out of tokens, interruptions, prompts, bad messages."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callapi.streams.relay_machine import (
    MAX_QUEUED,
    Complain,
    Finish,
    Interrupted,
    Interruptions,
    Output,
    PlaySound,
    Press,
    RelayMachine,
    RelayOptions,
    Say,
    Send,
    Silence,
)
from callapi.streams.relay_messages import MAX_HANDOFF, interrupt, prompt, setup


def _machine(**options: Any) -> RelayMachine:
    return RelayMachine(RelayOptions("en-US", **options))


def _send(machine: RelayMachine, **message: Any) -> list[Output]:
    return machine.received(json.dumps(message).encode())


def _sent(outputs: list[Output]) -> list[dict[str, Any]]:
    sent = [
        interrupt(each.heard, each.duration_ms) if isinstance(each, Interrupted) else each.message
        for each in outputs
        if isinstance(each, Send | Interrupted)
    ]
    return [json.loads(each) for each in sent]


def _said(outputs: list[Output]) -> list[str]:
    return [each.text for each in outputs if isinstance(each, Say)]


def test_a_sentence_is_said_before_the_last_token_has_come() -> None:
    """Tokens are collected up to the end of a sentence; `last` says the rest."""
    machine = _machine()
    tokens = ("Hel", "lo there", ". How", " are you", "? Fi", "ne")
    said = [_said(_send(machine, type="text", token=token, last=False)) for token in tokens]
    assert said == [[], [], ["Hello there. "], [], ["How are you? "], []]
    assert _said(_send(machine, type="text", token=".", last=True)) == ["Fine."]


def test_a_text_without_last_is_a_whole_utterance() -> None:
    """`last` is true where it is not written."""
    assert _said(_send(_machine(), type="text", token="One. Two.")) == ["One. ", "Two."]


def test_speech_interrupts_and_says_what_was_heard() -> None:
    """By whole sentences, and by the share of the present one."""
    machine = _machine()
    _send(machine, type="text", token="First sentence. Second sentence has five words.")
    machine.sounding(1, 10.0, 2.0)
    machine.sounded(1)
    machine.sounding(2, 12.0, 4.0)
    silence, sent = machine.speech_began(14.2)
    assert silence == Silence()
    assert _sent([sent]) == [
        {
            "type": "interrupt",
            "utteranceUntilInterrupt": "First sentence. Second sentence",
            "durationUntilInterruptMs": 4200,
        }
    ]
    assert not machine.is_speaking
    assert machine.speech_began(15.0) == []
    prompt = _sent(machine.understood("wait", is_last=True))
    assert prompt == [{"type": "prompt", "voicePrompt": "wait", "lang": "en-US", "last": True}]


def test_the_rest_of_an_interrupted_utterance_is_not_said() -> None:
    """Tokens on their way are dropped up to `last`, or up to the next prompt."""
    machine = _machine()
    _send(machine, type="text", token="Once upon a time. There", last=False)
    machine.sounding(1, 0.0, 2.0)
    machine.speech_began(1.0)
    assert _said(_send(machine, type="text", token=" was a king. And so on. ", last=False)) == []
    assert _said(_send(machine, type="text", token="The end.", last=True)) == []
    assert _said(_send(machine, type="text", token="Yes?", last=True)) == ["Yes?"]


@pytest.mark.parametrize(("by_speech", "by_digits"), [(False, True), (True, False), (False, False)])
def test_what_may_interrupt(by_speech: bool, by_digits: bool) -> None:
    """`interruptible`: none, dtmf, speech."""
    for is_speech in (True, False):
        machine = _machine(interruptions=Interruptions(by_speech, by_digits))
        _send(machine, type="text", token="Hello.")
        machine.sounding(1, 0.0, 1.0)
        outputs = machine.speech_began(0.5) if is_speech else machine.pressed("1", 0.5)
        assert (Silence() in outputs) is (by_speech if is_speech else by_digits)


def test_a_message_may_forbid_its_interruption() -> None:
    """`interruptible: false` of a text counts for that text."""
    machine = _machine()
    _send(machine, type="text", token="Legal notice.", interruptible=False)
    machine.sounding(1, 0.0, 1.0)
    assert machine.speech_began(0.5) == []


def test_digits_are_reported_if_wanted() -> None:
    """`dtmfDetection`."""
    assert _machine().pressed("5", 0.0) == []
    assert _sent(_machine(reports_digits=True).pressed("5", 0.0)) == [{"type": "dtmf", "digit": "5"}]


def test_partials_and_languages() -> None:
    """`partialPrompts`, and a switch of both languages."""
    assert _machine().understood("hel", is_last=False) == []
    machine = _machine(reports_partials=True)
    assert _sent(machine.understood("hel", is_last=False))[0]["last"] is False
    _send(machine, type="language", ttsLanguage="de-DE", transcriptionLanguage="fr-FR")
    assert _sent(machine.understood("oui", is_last=True))[0]["lang"] == "fr-FR"
    [say] = _send(machine, type="text", token="Ja.")
    assert isinstance(say, Say)
    assert say.language == "de-DE"
    [other] = _send(machine, type="text", token="No.", lang="es-ES")
    assert isinstance(other, Say)
    assert other.language == "es-ES"


def test_play_digits_and_end() -> None:
    """The other messages."""
    machine = _machine()
    assert _send(machine, type="play", source="http://a.test/x.wav", loop=2) == [
        PlaySound(1, "http://a.test/x.wav", 2)
    ]
    assert _send(machine, type="sendDigits", digits="12w#") == [Press("12w#")]
    assert _send(machine, type="end", handoffData="{}") == [Silence(), Finish("{}")]
    assert _send(machine, type="text", token="Too late.") == []


def test_handoff_data_may_be_an_object() -> None:
    """Found in the wild; it is passed on as JSON."""
    outputs = _send(_machine(), type="end", handoffData={"reason": "human"})
    assert outputs[-1] == Finish('{"reason":"human"}')


def test_the_greeting_and_reports_of_speakers() -> None:
    """`welcomeGreeting`, `events`."""
    machine = _machine(greeting="Hello!", reports_speakers=True, reports_tokens=True)
    assert _said(machine.greet()) == ["Hello!"]
    assert _sent(machine.sounding(1, 0.0, 1.0)) == [{"type": "info", "name": "agentSpeaking", "value": "on"}]
    assert _sent(machine.sounded(1)) == [
        {"type": "info", "name": "tokensPlayed", "value": "Hello!"},
        {"type": "info", "name": "agentSpeaking", "value": "off"},
    ]


def test_preemptible_speech_gives_way() -> None:
    """What is preemptible stops when something new is to be said."""
    machine = _machine()
    _send(machine, type="text", token="One moment.", preemptible=True)
    machine.sounding(1, 0.0, 3.0)
    outputs = _send(machine, type="text", token="Here it is.")
    assert outputs[0] == Silence()
    assert _said(outputs) == ["Here it is."]


@pytest.mark.parametrize(
    "message",
    [
        b"hello",
        b"{}",
        b"[]",
        b'{"type":"dance"}',
        b'{"type":"text"}',
        b'{"type":"play"}',
        b'{"type":"language"}',
        b'{"type":"sendDigits","digits":"x"}',
        b'{"type":"text","token":7}',
        b"\xff",
    ],
)
def test_a_bad_message_is_answered_and_the_session_goes_on(message: bytes) -> None:
    """`error` to the application, a notification 64107, nothing else."""
    machine = _machine()
    send, complain = machine.received(message)
    assert _sent([send])[0]["type"] == "error"
    assert isinstance(complain, Complain)
    assert complain.error.code == 64107
    assert _said(_send(machine, type="text", token="Still here.")) == ["Still here."]


@given(st.lists(st.text(max_size=20), max_size=8))
def test_nothing_of_a_text_is_lost(tokens: list[str]) -> None:
    """Whatever the tokens, what is said is what was sent, but for white space."""
    machine = _machine()
    said = ""
    for token in tokens:
        said += "".join(_said(_send(machine, type="text", token=token, last=False)))
    said += "".join(_said(_send(machine, type="text", token="", last=True)))
    assert "".join(said.split()) == "".join("".join(tokens).split())


def test_no_greeting_says_nothing() -> None:
    assert _machine().greet() == []
    (say,) = _machine(greeting="Hello.").greet()
    assert isinstance(say, Say)


def test_is_speaking_until_all_was_heard() -> None:
    machine = _machine(reports_tokens=True)
    assert not machine.is_speaking
    _send(machine, type="text", token="One. Two.")
    assert machine.is_speaking
    machine.sounding(1, 0.0, 1.0)
    assert _sent(machine.sounded(1)) == [{"type": "info", "name": "tokensPlayed", "value": "One. "}]
    machine.sounded(2)
    assert not machine.is_speaking


def test_reports_of_a_piece_that_does_not_sound_are_ignored() -> None:
    machine = _machine()
    _send(machine, type="text", token="One. Two.")
    assert machine.sounding(2, 0.0, 1.0) == []
    assert machine.sounded(2) == []
    assert _machine().sounded(1) == []


def test_after_the_end_nothing_is_read_and_nothing_is_sent() -> None:
    machine = _machine(reports_digits=True, reports_speakers=True)
    _send(machine, type="text", token="One.")
    assert _send(machine, type="end") == [Silence(), Finish(None)]
    assert _send(machine, type="text", token="Two.") == []
    assert machine.understood("hello", is_last=True) == []
    assert machine.pressed("1", 0.0) == []
    assert machine.speech_began(0.0) == []


def test_another_language_ends_the_sentence_before() -> None:
    machine = _machine()
    assert _said(_send(machine, type="text", token="Good day", lang="en-GB", last=False)) == []
    outputs = _send(machine, type="text", token="Guten Tag", lang="de-DE", last=True)
    assert [(each.text, each.language) for each in outputs if isinstance(each, Say)] == [
        ("Good day", "en-GB"),
        ("Guten Tag", "de-DE"),
    ]


def test_blank_text_is_not_said() -> None:
    assert _send(_machine(), type="text", token="  ") == []


@pytest.mark.parametrize(
    "message", [{"type": "text", "token": "One."}, {"type": "play", "source": "http://a/x"}]
)
def test_what_waits_has_a_bound(message: dict[str, Any]) -> None:
    machine = _machine()
    for _ in range(MAX_QUEUED):
        _send(machine, type="text", token="One.")
    (error, complaint) = _send(machine, **message)
    assert isinstance(complaint, Complain)
    assert _sent([error])[0]["type"] == "error"
    assert f"more than {MAX_QUEUED}" in str(complaint.error)


def test_an_interruption_before_the_first_sound_heard_nothing() -> None:
    machine = _machine()
    _send(machine, type="text", token="One.")
    (silence, sent) = machine.speech_began(5.0)
    assert silence == Silence()
    assert _sent([sent]) == [
        {"type": "interrupt", "utteranceUntilInterrupt": "", "durationUntilInterruptMs": 0}
    ]


def test_an_interruption_at_the_end_of_a_piece_heard_it_all_and_within_its_first_word_nothing() -> None:
    for at, heard in ((12.0, "First sentence."), (10.1, "")):
        machine = _machine()
        _send(machine, type="text", token="First sentence.")
        machine.sounding(1, 10.0, 2.0)
        (_, sent) = machine.speech_began(at)
        assert _sent([sent])[0]["utteranceUntilInterrupt"] == heard


def test_a_rest_of_an_interrupted_utterance_is_dropped_until_the_caller_was_understood() -> None:
    machine = _machine()
    _send(machine, type="text", token="One. Two", last=False)
    machine.speech_began(0.0)
    assert _send(machine, type="text", token=" Three.", last=False) == []
    assert _sent(machine.understood("stop", is_last=True))[0]["voicePrompt"] == "stop"
    assert _said(_send(machine, type="text", token="Well.", last=True)) == ["Well."]


def test_a_handoff_has_a_bound_and_a_play_its_limits() -> None:
    for message in (
        {"type": "end", "handoffData": "x" * (MAX_HANDOFF + 1)},
        {"type": "play", "source": "", "loop": 1},
        {"type": "play", "source": "http://a/x", "loop": 1001},
    ):
        (_, complaint) = _send(_machine(), **message)
        assert isinstance(complaint, Complain)


def test_a_prompt_may_say_whether_the_agent_was_speaking() -> None:
    assert json.loads(prompt("hello", "en-US", is_last=True, agent_speaking=True)) == {
        "type": "prompt",
        "voicePrompt": "hello",
        "lang": "en-US",
        "last": True,
        "agentSpeaking": True,
    }


def test_speakers_are_reported_with_their_beginning_and_end() -> None:
    machine = _machine(reports_speakers=True)
    _send(machine, type="text", token="One.")
    assert _sent(machine.sounding(1, 0.0, 1.0)) == [{"type": "info", "name": "agentSpeaking", "value": "on"}]
    assert machine.sounding(1, 0.5, 1.0) == []
    assert _sent(machine.sounded(1)) == [{"type": "info", "name": "agentSpeaking", "value": "off"}]
    assert _sent(machine.speech_began(2.0)) == [{"type": "info", "name": "clientSpeaking", "value": "on"}]
    assert _sent(machine.speech_ended()) == [{"type": "info", "name": "clientSpeaking", "value": "off"}]


def test_the_first_message_has_the_call_and_the_parameters_of_the_document() -> None:
    assert json.loads(setup("VX1", {"callSid": "CA1", "from": None}, {"a": "1"})) == {
        "type": "setup",
        "sessionId": "VX1",
        "callSid": "CA1",
        "from": None,
        "customParameters": {"a": "1"},
    }
