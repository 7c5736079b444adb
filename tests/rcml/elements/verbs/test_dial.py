"""`<Dial>`: its attributes in the order of the reference, then whom it calls."""

import pytest

from callapi.rcml import Client, Dial, Method, Number, RecordingEvent, RecordMode, Sip
from callapi.rcml.elements.nouns.recording import RecordingTrack
from callapi.rcml.elements.verbs.dial import RING_TONES
from tests.rcml.documents import document, only, refusal, warnings


def dial(attributes: str, inside: str = "<Sip>sip:bob@example.com</Sip>") -> Dial:
    verb = only(f"<Dial {attributes}>{inside}</Dial>")
    assert isinstance(verb, Dial)
    return verb


def refused(attributes: str, inside: str = "<Sip>sip:bob@example.com</Sip>") -> tuple[int, int | None]:
    error = refusal(f"<Dial {attributes}>{inside}</Dial>")
    return error.code, error.specific_code


def test_defaults() -> None:
    assert dial("") == Dial(
        targets=(Sip("sip:bob@example.com"),),
        action=None,
        method=Method.POST,
        timeout=30,
        time_limit=14_400,
        caller_id=None,
        record=RecordMode.DO_NOT_RECORD,
        hangup_on_star=False,
        dial_music=None,
        ring_tone="us",
        answer_on_bridge=False,
        sequential=False,
        recording_status_callback=None,
        recording_status_callback_method=Method.POST,
        recording_status_callback_events=frozenset({RecordingEvent.COMPLETED}),
    )


# action: absolute or relative URL; default none.
def test_action_is_kept_as_written() -> None:
    assert dial('action="/after?x=1&amp;y=2"').action == "/after?x=1&y=2"


def test_an_action_with_a_control_character() -> None:
    assert refused('action="/after&#13;&#10;X: y"') == (12200, None)


def test_an_empty_action_counts_as_not_written() -> None:
    assert dial('action=""').action is None


# method: GET, POST; default POST.
@pytest.mark.parametrize("written", ["GET", "get", " Get "])
def test_method_in_any_letter_case(written: str) -> None:
    assert dial(f'action="/a" method="{written}"').method is Method.GET


def test_a_method_that_http_has_and_we_do_not() -> None:
    assert refused('method="PUT"') == (12200, 13210)


# timeout: seconds to wait for an answer, 1 to 600; default 30.
@pytest.mark.parametrize("seconds", [1, 30, 600])
def test_timeout(seconds: int) -> None:
    assert dial(f'timeout="{seconds}"').timeout == seconds


@pytest.mark.parametrize(
    "written", ["0", "601", "-1", "ten", "5.5", "5.01", ".", "5s", "٣", "99999999999999999999"]
)
def test_a_bad_timeout(written: str) -> None:
    assert refused(f'timeout="{written}"') == (12200, 13212)


def test_a_bad_value_is_reported_with_what_is_allowed_and_where_it_stands() -> None:
    error = refusal('\n  <Dial action="/a"\n        timeout="soon">1</Dial>')
    assert (error.line, error.column) == (3, 9)
    assert error.message == 'timeout="soon" on <Dial>: must be a whole number, 1 to 600'


# timeLimit: seconds of joined talk; default 14400.
def test_time_limit() -> None:
    assert dial('timeLimit="2"').time_limit == 2


@pytest.mark.parametrize("written", ["0", "86401", "forever"])
def test_a_bad_time_limit(written: str) -> None:
    assert refused(f'timeLimit="{written}"') == (12200, 13216)


# callerId: a number, client or, for Sip, any [A-Za-z0-9+\-_.]; default the caller's.
@pytest.mark.parametrize(
    "written", ["+14155550100", "4155550100", "+1 (415) 555-0100", "client:alice", "client:alice@example.com"]
)
@pytest.mark.parametrize(
    "noun", ["<Number>1</Number>", "<Client>bob</Client>", "<Sip>sip:b@example.com</Sip>", "1"]
)
def test_a_number_or_client_may_call_everybody(written: str, noun: str) -> None:
    assert dial(f'callerId="{written}"', noun).caller_id == written


@pytest.mark.parametrize(
    "written", ["bob", "Bob.O-Neill_7+", "sip:bob@example.com", "sips:bob@[2001:db8::1]:5061"]
)
@pytest.mark.parametrize("noun", ["<Client>bob</Client>", "<Sip>sip:b@example.com</Sip>", "b@example.com"])
def test_a_sip_user_may_call_sip_and_clients(written: str, noun: str) -> None:
    assert dial(f'callerId="{written}"', noun).caller_id == written


@pytest.mark.parametrize(
    "noun", ["<Number>1</Number>", "1", "<Sip>sip:b@example.com</Sip><Number>1</Number>"]
)
def test_a_sip_user_may_not_call_numbers(noun: str) -> None:
    assert refused('callerId="bob"', noun) == (12200, 13214)


@pytest.mark.parametrize(
    "written",
    [
        "bob smith",
        "bob@example.com",
        "böb",
        "bob&quot;",
        "sip:bob@",
        "sip:bob@[[",
        "sip:bob@a;x",
        "sip:bob",
        "a" * 257,
    ],
)
def test_a_bad_caller_id(written: str) -> None:
    assert refused(f'callerId="{written}"') == (12200, 13214)


def test_an_empty_caller_id_is_the_callers() -> None:
    assert dial('callerId=""').caller_id is None


# record: true, false, do-not-record, record-from-answer, record-from-ringing, the last two also -dual; false.
@pytest.mark.parametrize(
    ("written", "mode"),
    [
        ("true", RecordMode.FROM_ANSWER),
        ("True", RecordMode.FROM_ANSWER),
        ("false", RecordMode.DO_NOT_RECORD),
        ("do-not-record", RecordMode.DO_NOT_RECORD),
        ("record-from-answer", RecordMode.FROM_ANSWER),
        ("record-from-answer-dual", RecordMode.FROM_ANSWER_DUAL),
        ("record-from-ringing", RecordMode.FROM_RINGING),
        ("record-from-ringing-dual", RecordMode.FROM_RINGING_DUAL),
    ],
)
def test_record(written: str, mode: RecordMode) -> None:
    assert dial(f'record="{written}"').record is mode


def test_a_bad_record_mode() -> None:
    assert refused('record="always"') == (12200, 13217)


def test_record_modes_answer_for_themselves() -> None:
    assert [mode for mode in RecordMode if not mode.records] == [RecordMode.DO_NOT_RECORD]
    assert [mode for mode in RecordMode if mode.is_dual] == [
        RecordMode.FROM_ANSWER_DUAL,
        RecordMode.FROM_RINGING_DUAL,
    ]
    assert [mode for mode in RecordMode if mode.is_from_ringing] == [
        RecordMode.FROM_RINGING,
        RecordMode.FROM_RINGING_DUAL,
    ]


# hangupOnStar, answerOnBridge, sequential: true, false; default false.
def test_flags() -> None:
    flags = dial('hangupOnStar="true" answerOnBridge="TRUE" sequential=" true "')
    assert (flags.hangup_on_star, flags.answer_on_bridge, flags.sequential) == (True, True, True)
    flags = dial('hangupOnStar="false" answerOnBridge="False" sequential="false"')
    assert (flags.hangup_on_star, flags.answer_on_bridge, flags.sequential) == (False, False, False)


@pytest.mark.parametrize("written", ["yes", "1"])
def test_a_bad_flag(written: str) -> None:
    assert refused(f'hangupOnStar="{written}"') == (12200, 13213)
    assert refused(f'answerOnBridge="{written}"') == (12200, None)


# dialMusic: URL of audio that the caller hears instead of ringing; default none.
def test_dial_music() -> None:
    assert dial('dialMusic="/music.mp3"').dial_music == "/music.mp3"


# ringTone: country code of the ringing tone; default us.
@pytest.mark.parametrize("country", sorted(RING_TONES))
def test_ring_tone(country: str) -> None:
    assert dial(f'ringTone="{country}"').ring_tone == country
    assert dial(f'ringTone="{country.upper()}"').ring_tone == country


def test_a_country_without_ringing_tone() -> None:
    error = refusal('<Dial ringTone="atlantis">1</Dial>')
    assert error.code == 12200
    assert " uk us us-old " in error.message


# recordingStatusCallback, ...Method, ...Event: as Twilio's; default none.
def test_recording_status_callback() -> None:
    read = dial(
        'record="true" recordingStatusCallback="/rec" recordingStatusCallbackMethod="GET"'
        ' recordingStatusCallbackEvent="in-progress completed absent"'
    )
    assert read.recording_status_callback == "/rec"
    assert read.recording_status_callback_method is Method.GET
    assert read.recording_status_callback_events == frozenset(RecordingEvent)


def test_a_recording_event_that_there_is_not_is_left_out() -> None:
    read = document('<Dial recordingStatusCallbackEvent="started absent">1</Dial>')
    assert isinstance(read.verbs[0], Dial)
    assert read.verbs[0].recording_status_callback_events == frozenset({RecordingEvent.ABSENT})
    assert "started in recordingStatusCallbackEvent on <Dial> is not an event" in read.warnings[0].message


# Whom it calls: plain text, or up to ten nouns of any mixture.
@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("+14155550100", Number("+14155550100")),
        (" 1001 ", Number("1001")),
        ("sip:alice@example.com", Sip("sip:alice@example.com")),
        ("SIPS:alice@example.com", Sip("SIPS:alice@example.com")),
        ("alice@example.com;transport=tcp", Sip("sip:alice@example.com;transport=tcp")),
        ("sip:192.0.2.7", Sip("sip:192.0.2.7")),
        ("client:alice", Client("alice")),
        ("+14155550100?X-Order=7", Number("+14155550100?X-Order=7")),
    ],
)
def test_plain_text(text: str, target: Sip | Client | Number) -> None:
    assert dial("", text).targets == (target,)


def test_nouns_of_any_mixture_in_their_order() -> None:
    nouns = "<Sip>sip:a@example.com</Sip> <Number>1</Number>\n<Client>c</Client><Uri>sip:d@example.com</Uri>"
    assert dial("", nouns).targets == (
        Sip("sip:a@example.com"),
        Number("1"),
        Client("c"),
        Sip("sip:d@example.com"),
    )


def test_each_noun_knows_its_place() -> None:
    first, second = dial("", "\n  <Number>1</Number>\n    <Number>2</Number>\n").targets
    assert (first.line, first.column) == (2, 3)
    assert (second.line, second.column) == (3, 5)


def test_ten_nouns_are_allowed_and_eleven_are_not() -> None:
    assert len(dial("", "<Client>c</Client>" * 10).targets) == 10
    assert refused("", "<Client>c</Client>" * 11) == (12200, 13250)


@pytest.mark.parametrize("inside", ["<Dial/>", "<Dial></Dial>", "<Dial>  \n </Dial>"])
def test_no_target_to_call_is_allowed(inside: str) -> None:
    assert only(inside) == Dial(())


def test_text_beside_nouns_is_overlooked() -> None:
    read = document("<Dial>1001<Client>bob</Client></Dial>")
    assert read.verbs == (Dial((Client("bob"),)),)
    assert "only the nouns are called" in read.warnings[0].message


def test_a_verb_inside_is_an_error() -> None:
    assert refused("", "<Say>hello</Say>") == (12200, 13215)
    assert refused("", "<Dial>1</Dial>") == (12200, 13215)


def test_a_noun_of_somebody_else_is_overlooked_with_all_that_is_in_it() -> None:
    assert warnings("<Dial><WhatsApp><Sip>sip:a@example.com</Sip></WhatsApp></Dial>") == [
        "unknown element <WhatsApp> inside <Dial>, overlooked with all that is in it"
    ]


def test_attributes_of_twilio_that_we_do_not_know_are_overlooked() -> None:
    (warning,) = document('<Dial\n  nosuch="1">1</Dial>').warnings
    assert (warning.line, warning.column) == (2, 3)
    assert warning.message.startswith("unknown attribute nosuch on <Dial>, overlooked; it knows action, ")


def test_names_are_case_sensitive() -> None:
    assert "unknown attribute Timeout" in warnings('<Dial Timeout="soon">1</Dial>')[0]


# trim, recordingTrack.
def test_what_the_recording_has() -> None:
    read = dial('record="true" trim="trim-silence" recordingTrack="outbound"')
    assert (read.trim, read.recording_track) == (True, RecordingTrack.OUTBOUND)
    assert (dial("").trim, dial("").recording_track) == (False, RecordingTrack.BOTH)


def test_what_has_no_effect_here_is_named() -> None:
    assert warnings('<Dial recordingConfigurationId="x">1</Dial>') == [
        "recordingConfigurationId on <Dial> is accepted, and has no effect here"
    ]
