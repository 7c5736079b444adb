"""`<Connect>`, `<Start>`, `<Stop>` and their nouns."""

import pytest

from callapi.rcml import (
    Channels,
    Connect,
    ConversationRelay,
    Interruptible,
    Language,
    Method,
    Recording,
    RecordingEvent,
    RecordingTrack,
    RelayEvent,
    ServiceKind,
    ServiceName,
    Start,
    Stop,
    Stream,
    StreamCodec,
    Track,
    Transcription,
    check,
)
from tests.rcml.documents import document, only, refusal


def test_a_stream_of_connect() -> None:
    """Every attribute, and parameters in their order."""
    verb = only(
        '<Connect action="/after" method="GET"><Stream url="wss://app.test/ws" name="bot" track="both_tracks"'
        ' statusCallback="/s" statusCallbackMethod="GET" codec="L16@16000h" reconnect="true">'
        '<Parameter name="a" value="1"/><Parameter name="b" value=""/></Stream></Connect>'
    )
    stream = Stream(
        url="wss://app.test/ws",
        name="bot",
        track=Track.BOTH,
        status_callback="/s",
        status_callback_method=Method.GET,
        codec=StreamCodec.L16_16000,
        reconnect=True,
        parameters=(("a", "1"), ("b", "")),
    )
    assert verb == Connect(stream, "/after", Method.GET)


def test_the_defaults_of_a_stream() -> None:
    """Twilio's: the inbound track in PCMU, POST."""
    verb = only('<Start><Stream url="/ws"/></Start>')
    assert verb == Start((Stream(url="/ws"),))
    assert Stream().codec is StreamCodec.PCMU
    assert Stream().track is Track.INBOUND


def test_several_services_of_start() -> None:
    """Streams, transcriptions and recordings, in any mixture."""
    verb = only(
        '<Start><Stream url="/a" name="x"/><Transcription statusCallbackUrl="/t" track="inbound_track"'
        ' partialResults="true" languageCode="de-DE" hints="a,b" inboundTrackLabel="caller" outboundTrackLabel="us"/>'
        '<Recording channels="mono" track="inbound" trim="trim-silence" recordingStatusCallback="/r"'
        ' recordingStatusCallbackEvent="in-progress completed"/></Start>'
    )
    assert verb == Start(
        (
            Stream(url="/a", name="x"),
            Transcription(
                status_callback="/t",
                track=Track.INBOUND,
                partial_results=True,
                language="de-DE",
                hints="a,b",
                inbound_label="caller",
                outbound_label="us",
            ),
            Recording(
                channels=Channels.MONO,
                track=RecordingTrack.INBOUND,
                trim=True,
                status_callback="/r",
                status_callback_events=frozenset({RecordingEvent.IN_PROGRESS, RecordingEvent.COMPLETED}),
            ),
        )
    )


def test_stop_names_what_it_stops() -> None:
    """By name; without one, all of the kind."""
    verb = only('<Stop><Stream name="x"/><Transcription/><Recording name="r"/></Stop>')
    assert verb == Stop(
        (
            ServiceName(ServiceKind.STREAM, "x"),
            ServiceName(ServiceKind.TRANSCRIPTION),
            ServiceName(ServiceKind.RECORDING, "r"),
        )
    )


def test_a_conversation() -> None:
    """What has an effect, and nested languages and parameters."""
    verb = only(
        '<Connect><ConversationRelay url="wss://app.test/ws?x=1" welcomeGreeting="Hello" interruptible="speech"'
        ' welcomeGreetingInterruptible="false" dtmfDetection="true" partialPrompts="true" language="en-US"'
        ' ttsLanguage="en-GB" transcriptionLanguage="en-AU" voice="joe" hints="yes,no" speechTimeout="700"'
        ' events="speaker-events tokens-played" preemptible="true">'
        '<Language code="de-DE" voice="x" hints="ja"/><Parameter name="p" value="v"/></ConversationRelay></Connect>'
    )
    relay = ConversationRelay(
        url="wss://app.test/ws?x=1",
        welcome_greeting="Hello",
        interruptible=Interruptible.SPEECH,
        welcome_greeting_interruptible=Interruptible.FALSE,
        dtmf_detection=True,
        partial_prompts=True,
        language="en-US",
        tts_language="en-GB",
        transcription_language="en-AU",
        voice="joe",
        hints="yes,no",
        speech_timeout_ms=700,
        events=frozenset(RelayEvent),
        preemptible=True,
        languages=(Language("de-DE", "x", "ja"),),
        parameters=(("p", "v"),),
    )
    assert verb == Connect(relay)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (
            '<Connect><Stream url="/a" audioFormat="x" sampleRate="8000" connectorName="c"/></Connect>',
            "no effect",
        ),
        ('<Connect><ConversationRelay url="/a" ttsProvider="x" debug="true"/></Connect>', "no effect"),
        ("<Connect><VirtualAgent/></Connect>", "connects nothing"),
        ("<Start><Siprec/></Start>", "starts nothing"),
        ("<Stop/>", "stops nothing"),
        ("<Connect><Stream/></Connect>", "will fail"),
    ],
)
def test_what_other_servers_know_is_a_warning(content: str, word: str) -> None:
    """The document runs."""
    read = document(content)
    assert len(read.verbs) == 1
    assert any(word in each.message for each in read.warnings)


@pytest.mark.parametrize(
    "content",
    [
        '<Connect><Stream url="/a" track="inbound"/></Connect>',
        '<Connect><Stream url="/a" codec="G722"/></Connect>',
        '<Connect><Stream url="/a"/><Stream url="/b"/></Connect>',
        '<Connect method="PUT"/>',
        '<Connect><ConversationRelay url="/a" speechTimeout="soon"/></Connect>',
        "<Connect><Number>1</Number></Connect>",
        "<Stream url='/a'/>",
    ],
)
def test_errors(content: str) -> None:
    """A bad value is an error of the document."""
    assert refusal(content).code == 12200


def test_a_url_that_is_no_socket_is_advised_on() -> None:
    """`callapi rcml check` says what the stream will say: 31922."""
    findings = check(b"<Response><Connect><Stream url='http://app.test/ws'/></Connect></Response>")
    assert [each.specific_code for each in findings] == [31922]
