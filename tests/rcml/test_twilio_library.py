"""Documents that Twilio's helper library writes are read unchanged: each verb, each noun, every attribute."""

from typing import Any

import pytest
from twilio.twiml.voice_response import (
    Client as TwilioClient,
)
from twilio.twiml.voice_response import (
    Dial as TwilioDial,
)
from twilio.twiml.voice_response import (
    Gather as TwilioGather,
)
from twilio.twiml.voice_response import (
    Say as TwilioSay,
)
from twilio.twiml.voice_response import (
    Sip as TwilioSip,
)
from twilio.twiml.voice_response import (
    VoiceResponse,
)

from callapi.rcml import (
    CallEvent,
    Client,
    DetectionMode,
    Dial,
    Gather,
    GatherInput,
    Hangup,
    Method,
    Number,
    Pause,
    Play,
    Record,
    RecordingEvent,
    RecordMode,
    Redirect,
    Reject,
    RejectReason,
    Say,
    Sip,
    Verb,
    parse,
)
from callapi.rcml.elements.machine_detection import DetectedParty


def verbs(response: VoiceResponse, *unknown: str) -> tuple[Verb, ...]:
    """What the document reads as; `unknown` are the attributes that it is warned of."""
    document = parse(str(response).encode())
    words = [each.message.replace("unknown attribute ", "").split() for each in document.warnings]
    warned = [each[0] for each in words]
    assert sorted(warned) == sorted(unknown)
    return document.verbs


def test_dial_with_a_number_and_every_attribute() -> None:
    response = VoiceResponse()
    response.dial(
        "+14155550100",
        action="/after",
        method="GET",
        timeout=10,
        hangup_on_star=True,
        time_limit=60,
        caller_id="+14155550101",
        record="record-from-answer-dual",
        trim="trim-silence",
        recording_status_callback="/rec",
        recording_status_callback_method="GET",
        recording_status_callback_event="in-progress completed",
        answer_on_bridge=True,
        ring_tone="us-old",
        recording_track="both",
        sequential=True,
        refer_url="/refer",
        refer_method="POST",
    )
    assert verbs(response) == (
        Dial(
            (Number("+14155550100"),),
            action="/after",
            method=Method.GET,
            timeout=10,
            hangup_on_star=True,
            time_limit=60,
            caller_id="+14155550101",
            record=RecordMode.FROM_ANSWER_DUAL,
            recording_status_callback="/rec",
            recording_status_callback_method=Method.GET,
            recording_status_callback_events=frozenset(
                {RecordingEvent.IN_PROGRESS, RecordingEvent.COMPLETED}
            ),
            answer_on_bridge=True,
            ring_tone="us-old",
            sequential=True,
            trim=True,
            refer_url="/refer",
        ),
    )


CALLBACKS: dict[str, Any] = {
    "url": "/screen?a=1&b=2",
    "method": "GET",
    "status_callback_event": "initiated ringing answered completed",
    "status_callback": "/events",
    "status_callback_method": "GET",
}
READ_CALLBACKS: dict[str, Any] = {
    "url": "/screen?a=1&b=2",
    "method": Method.GET,
    "status_callback_events": frozenset(CallEvent),
    "status_callback": "/events",
    "status_callback_method": Method.GET,
}


def test_the_nouns() -> None:
    response = VoiceResponse()
    dial = TwilioDial()
    dial.sip("sip:alice@example.com?x-a=1&x-b=2", username="alice", password="secret", **CALLBACKS)
    dial.client("bob", **CALLBACKS)
    dial.number("+14155550100", send_digits="ww1928", byoc="BY1", **CALLBACKS)
    response.append(dial)
    assert verbs(response, "byoc") == (
        Dial(
            (
                Sip("sip:alice@example.com?x-a=1&x-b=2", "alice", "secret", **READ_CALLBACKS),
                Client("bob", **READ_CALLBACKS),
                Number("+14155550100", "ww1928", **READ_CALLBACKS),
            )
        ),
    )


def test_answering_machine_detection() -> None:
    response = VoiceResponse()
    dial = TwilioDial()
    dial.sip("sip:alice@example.com", machine_detection="Enable", amd_status_callback="/amd")
    dial.number(
        "+14155550100",
        machine_detection="DetectMessageEnd",
        machine_detection_timeout=59,
        machine_detection_speech_threshold=6000,
        machine_detection_speech_end_threshold=500,
        machine_detection_silence_timeout=2000,
        amd_status_callback_method="GET",
    )
    response.append(dial)
    patient = DetectedParty(
        mode=DetectionMode.DETECT_MESSAGE_END,
        timeout_s=59,
        speech_threshold_ms=6000,
        speech_end_threshold_ms=500,
        silence_timeout_ms=2000,
        status_callback_method=Method.GET,
    )
    assert verbs(response) == (
        Dial(
            (
                Sip("sip:alice@example.com", machine_detection=DetectedParty(status_callback="/amd")),
                Number("+14155550100", machine_detection=patient),
            )
        ),
    )


def test_the_nouns_with_what_may_be_nested_in_them() -> None:
    response = VoiceResponse()
    dial = TwilioDial()
    sip = TwilioSip()
    sip.uri("sip:alice@example.com")
    sip.headers().header(name="X-Order", value="7 & 8")
    client = TwilioClient()
    client.identity("bob")
    client.parameter(name="Order", value="7")
    dial.append(sip)
    dial.append(client)
    response.append(dial)
    assert verbs(response) == (
        Dial((Sip("sip:alice@example.com?X-Order=7%20%26%208"), Client("bob?Order=7"))),
    )


def test_say() -> None:
    response = VoiceResponse()
    response.say("Grüß Gott & <welcome>", voice="Polly.Marlene", language="de-DE", loop=2)
    assert verbs(response) == (Say("Grüß Gott & <welcome>", None, "Polly.Marlene", "de-DE", 2),)


def test_say_with_ssml() -> None:
    say = TwilioSay("Hello")
    say.break_(strength="x-weak", time="100ms")
    say.emphasis("words", level="moderate")
    say.lang("Bonjour", xml_lang="fr-FR")
    say.p("paragraph")
    say.phoneme("pecan", alphabet="x-sampa", ph='pI"kA:n')
    say.prosody("slowly", rate="slow", pitch="-10%")
    say.s("sentence")
    say.say_as("12345", interpret_as="cardinal")
    say.sub("Al", alias="aluminum")
    say.w("read", role="amazon:VB")
    response = VoiceResponse()
    response.append(say)
    (read,) = verbs(response)
    assert isinstance(read, Say)
    assert read.markup is not None
    assert f"<Say>{read.markup}</Say>".replace('"/>', '" />') in str(response).replace("&quot;", '"').replace(
        'ph="pI"kA:n"', "ph='pI\"kA:n'"
    )
    assert read.text.startswith("Hello wordsBonjour")


def test_play_and_pause() -> None:
    response = VoiceResponse()
    response.play("https://api.twilio.com/cowbell.mp3", loop=10)
    response.play("", digits="wwww3")
    response.pause(length=10)
    assert verbs(response) == (
        Play("https://api.twilio.com/cowbell.mp3", 10),
        Play(digits="wwww3"),
        Pause(10),
    )


def test_gather() -> None:
    gather = TwilioGather(
        input="dtmf speech",
        action="/digits",
        method="GET",
        timeout=3,
        speech_timeout="auto",
        max_speech_time=5,
        profanity_filter=False,
        finish_on_key="*",
        num_digits=4,
        partial_result_callback="/partial",
        partial_result_callback_method="GET",
        language="en-GB",
        hints="yes, no",
        barge_in=True,
        action_on_empty_result=True,
        speech_model="phone_call",
        enhanced=True,
    )
    gather.say("Press a key")
    gather.pause(length=1)
    gather.play("/beep.wav")
    response = VoiceResponse()
    response.append(gather)
    assert verbs(response, "speechModel", "enhanced") == (
        Gather(
            (Say("Press a key"), Pause(1), Play("/beep.wav")),
            input=frozenset(GatherInput),
            action="/digits",
            method=Method.GET,
            timeout=3,
            speech_timeout=None,
            max_speech_time=5,
            profanity_filter=False,
            finish_on_key="*",
            num_digits=4,
            partial_result_callback="/partial",
            partial_result_callback_method=Method.GET,
            language="en-GB",
            hints="yes, no",
            action_on_empty_result=True,
        ),
    )


def test_record() -> None:
    response = VoiceResponse()
    response.record(
        action="/recorded",
        method="GET",
        timeout=10,
        finish_on_key="#",
        max_length=30,
        play_beep=False,
        trim="do-not-trim",
        recording_status_callback="/rec",
        recording_status_callback_method="GET",
        recording_status_callback_event="completed absent",
        transcribe=True,
        transcribe_callback="/text",
    )
    assert verbs(response) == (
        Record(
            action="/recorded",
            method=Method.GET,
            timeout=10,
            finish_on_key="#",
            max_length=30,
            play_beep=False,
            trim=False,
            recording_status_callback="/rec",
            recording_status_callback_method=Method.GET,
            recording_status_callback_events=frozenset({RecordingEvent.COMPLETED, RecordingEvent.ABSENT}),
            transcribe=True,
            transcribe_callback="/text",
        ),
    )


@pytest.mark.parametrize("reason", ["rejected", "busy"])
def test_the_verbs_that_end_a_document(reason: str) -> None:
    response = VoiceResponse()
    response.redirect("/next?a=1&b=2", method="GET")
    response.reject(reason=reason)
    response.hangup()
    assert verbs(response) == (Redirect("/next?a=1&b=2", Method.GET), Reject(RejectReason(reason)), Hangup())


def test_an_empty_response() -> None:
    assert verbs(VoiceResponse()) == ()
