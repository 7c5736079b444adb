"""`check`: what the server would say of a document, and advice about what is allowed and hardly meant so."""

import pytest

from callapi.rcml import Severity, check, parse


def findings(inside: str) -> list[tuple[int, int, str]]:
    found = check(f"<Response>{inside}</Response>".encode())
    assert all(finding.severity is Severity.WARNING for finding in found)
    return [(finding.line, finding.column, finding.message) for finding in found]


def messages(inside: str) -> list[str]:
    return [message for _, _, message in findings(inside)]


def sip(uri: str) -> list[str]:
    return messages(f"<Dial><Sip>{uri}</Sip></Dial>")


@pytest.mark.parametrize(
    "inside",
    [
        "",
        '<Say loop="0">without end</Say>',
        '<Dial action="/a" method="GET" record="true" recordingStatusCallback="/r">1001</Dial>',
        '<Dial><Sip url="/s" method="GET" statusCallback="/c" statusCallbackEvent="ringing">sip:a@b</Sip></Dial>',
        '<Dial><Sip username="a" password="b">sips:a@b:5061;transport=TLS?X-A=1&amp;b=%C3%BC</Sip></Dial>',
        "<Pause/><Reject/>",
        '<Dial answerOnBridge="true">1001</Dial><Dial answerOnBridge="true">1002</Dial><Hangup/>',
        "<Gather action='/a'><Say>1</Say></Gather><Record/><Redirect>https://example.com/</Redirect>",
        '<Dial><Sip url="/s">sip:a@b</Sip><Client url="/s">c</Client></Dial>',
        "<Dial>*69#</Dial>",
    ],
)
def test_nothing_to_say(inside: str) -> None:
    assert findings(inside) == []


def test_an_empty_body() -> None:
    assert check(b" \n") == []


def test_errors_and_warnings_of_the_server_all_of_them_in_order() -> None:
    text = '<Response>\n<Dial timeout="x" nope="y">1</Dial>\n<Foo/>\n<Pause length="z"/></Response>'
    found = check(text.encode())
    assert [(finding.severity.value, finding.line, finding.column) for finding in found] == [
        ("error", 2, 7),
        ("warning", 2, 19),
        ("error", 3, 1),
        ("error", 4, 8),
    ]
    assert [finding.specific_code for finding in found] == [13212, None, None, 13910]


def test_no_xml_at_all() -> None:
    (finding,) = check(b"<Response>")
    assert (finding.severity, finding.code, finding.line, finding.column) == (Severity.ERROR, 12100, 1, 11)


def test_a_charset() -> None:
    assert check("<Response><Say>é</Say></Response>".encode("latin-1"), "text/xml; charset=iso-8859-1") == []


def test_advice_is_no_warning_of_the_server() -> None:
    body = b"<Response><Hangup/><Pause/></Response>"
    assert len(check(body)) == 1
    assert parse(body).warnings == ()


# Verbs that are never reached.
@pytest.mark.parametrize(
    ("last", "reason"),
    [
        ("<Redirect>/a</Redirect>", "<Redirect> goes on with another document"),
        ("<Hangup/>", "<Hangup> ends the call"),
        ("<Reject/>", "<Reject> ends the call"),
        ('<Dial action="/a">1</Dial>', "what the action of <Dial> answers takes the place of this document"),
        ('<Say loop="0">x</Say>', '<Say> with loop="0" lasts until the caller hangs up'),
        ('<Play loop="0">x</Play>', '<Play> with loop="0" lasts until the caller hangs up'),
    ],
)
def test_what_is_never_reached_is_said_once(last: str, reason: str) -> None:
    assert findings(f"\n{last}\n<Pause/>\n<Hangup/><Pause/>") == [(3, 1, f"never reached: {reason} (line 2)")]


# An order that does not do what it says.
def test_reject_after_the_call_was_answered() -> None:
    assert findings("\n<Say>x</Say><Pause/>\n<Reject/>") == [
        (3, 1, "<Say> of line 2 has answered the call: <Reject> can only hang up")
    ]


@pytest.mark.parametrize(
    "answers", ["<Say>x</Say>", "<Play>x</Play>", "<Gather/>", "<Record/>", "<Dial>1</Dial>"]
)
def test_answer_on_bridge_after_the_call_was_answered(answers: str) -> None:
    (message,) = messages(f'{answers}<Dial answerOnBridge="true">1</Dial>')
    assert message.endswith("has answered the call: answerOnBridge has no effect")


# Limits of the SIP URI and what is on it.
def test_a_uri_over_the_limit() -> None:
    assert sip("sip:" + "a" * 238 + "@example.com") == []
    assert sip("sip:" + "a" * 239 + "@example.com") == [
        "the SIP URI has 255 characters and must be under 255; this leg will fail"
    ]


def test_headers_over_the_limit() -> None:
    assert sip("sip:a@b?X-A=" + "a" * 1019) == []
    assert sip("sip:a@b?X-A=" + "a" * 1020) == [
        "the headers of the SIP URI have 1024 characters and must be under 1024; this leg will fail"
    ]


def test_a_transport_that_there_is_not() -> None:
    assert sip("sip:a@b;transport=sctp;lr") == [
        "transport=sctp is not known: udp, tcp or tls; this leg will fail"
    ]


@pytest.mark.parametrize("uri", ["tel:+1", "sip:", "sip:a b@example.com", "sip:a@", "alice", "http://a@b/"])
def test_no_sip_uri(uri: str) -> None:
    (message,) = sip(uri)
    assert "is not a SIP URI such as sip:alice@example.com" in message


def test_a_name_that_no_header_may_have() -> None:
    assert sip("sip:a@b?X%20A=1&amp;X:B=2&amp;X-C=3") == [
        "'X A' is not a header name; this leg will fail",
        "'X:B' is not a header name; this leg will fail",
    ]


@pytest.mark.parametrize(
    "noun", ["<Sip>sip:a@b{}</Sip>", "<Client>a{}</Client>", "<Number>1{}</Number>", "1{}"]
)
def test_a_value_that_no_header_may_have(noun: str) -> None:
    found = messages(f"<Dial>{noun.format('?X-A=1%0D%0AVia:')}</Dial>")
    assert found == ["the header X-A has a control character in its value; this leg will fail"]


def test_no_telephone_number() -> None:
    assert messages("<Dial><Number>alice</Number></Dial>") == ["'alice' is not a telephone number"]


# Attributes without effect.
@pytest.mark.parametrize(
    ("inside", "name", "needed"),
    [
        ('<Dial method="GET">1</Dial>', "method", "action"),
        ('<Dial recordingStatusCallback="/r">1</Dial>', "recordingStatusCallback", "record"),
        (
            '<Record recordingStatusCallbackMethod="GET"/>',
            "recordingStatusCallbackMethod",
            "recordingStatusCallback",
        ),
        ('<Dial><Sip method="GET">sip:a@b</Sip></Dial>', "method", "url"),
        (
            '<Dial><Client statusCallbackEvent="ringing">a</Client></Dial>',
            "statusCallbackEvent",
            "statusCallback",
        ),
        (
            '<Dial><Number statusCallbackMethod="GET">1</Number></Dial>',
            "statusCallbackMethod",
            "statusCallback",
        ),
        ('<Dial><Sip username="a">sip:a@b</Sip></Dial>', "username", "password"),
        ('<Dial><Sip password="a">sip:a@b</Sip></Dial>', "password", "username"),
        (
            '<Gather partialResultCallbackMethod="GET"/>',
            "partialResultCallbackMethod",
            "partialResultCallback",
        ),
    ],
)
def test_an_attribute_that_needs_another(inside: str, name: str, needed: str) -> None:
    column = f"<Response>{inside}".index(name) + 1
    assert findings(inside) == [(1, column, f"{name} has no effect without {needed}")]


# URLs that cannot be asked.
@pytest.mark.parametrize(
    "inside",
    [
        '<Dial action="ftp://example.com/">1</Dial>',
        '<Dial><Sip url="file:///etc/passwd">sip:a@b</Sip></Dial>',
        "<Play>C:\\music\\a.wav</Play>",
        "<Redirect>javascript:alert(1)</Redirect>",
        "<Redirect>http://[example/</Redirect>",
    ],
)
def test_a_url_that_is_not_http(inside: str) -> None:
    (message,) = messages(inside)
    assert "asked by HTTP" in message


# Whom a Dial calls.
def test_no_target_to_call() -> None:
    assert messages("<Dial/>") == ["<Dial> names nothing to call: its outcome will be failed"]


def test_sequential_with_one_target() -> None:
    assert messages('<Dial sequential="true">1</Dial>') == ["sequential has no effect on one target alone"]


def test_one_noun_screened_and_another_not() -> None:
    nouns = '<Client url="/press-1">a</Client><Number>1</Number>'
    (message,) = messages(f"<Dial>{nouns}</Dial>")
    assert message.startswith("<Number> has no url, and wins by merely answering")
    assert messages(f'<Dial sequential="true">{nouns}</Dial>') == []


def test_the_old_name_of_sip() -> None:
    assert messages("<Dial><Uri>sip:a@b</Uri></Dial>") == ["<Uri> is the old name of this noun; write <Sip>"]


def test_video_beside_text() -> None:
    assert messages("<Dial><Sip>sip:a@b<Video/></Sip></Dial>") == [
        "beside <Video> the SIP URI belongs into the attribute name"
    ]


def test_a_track_of_connect_that_twilio_does_not_know() -> None:
    text = '<Connect><Stream url="wss://a.test/" track="both_tracks"/></Connect>'
    assert messages(text) == [
        "track=both_tracks inside <Connect> is an extension: Twilio knows inbound_track alone"
    ]
