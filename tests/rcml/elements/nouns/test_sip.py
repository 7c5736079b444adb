"""`<Sip>`: the attributes in the order of the vendor's page, then what Twilio's libraries nest."""

import pytest

from callapi.base.values import SrtpPolicy
from callapi.rcml import CallEvent, Dial, Document, Method, Sip
from tests.rcml.documents import document, refusal

URI = "sip:alice@example.com"


def sip_of(read: Document) -> Sip:
    (dial,) = read.verbs
    assert isinstance(dial, Dial)
    (sip,) = dial.targets
    assert isinstance(sip, Sip)
    return sip


def sip(attributes: str = "", inside: str = URI) -> Sip:
    read = document(f"<Dial><Sip {attributes}>{inside}</Sip></Dial>")
    assert read.warnings == ()
    return sip_of(read)


def refused(attributes: str, inside: str = URI) -> tuple[int, int | None]:
    error = refusal(f"<Dial><Sip {attributes}>{inside}</Sip></Dial>")
    return error.code, error.specific_code


def test_defaults() -> None:
    assert sip() == Sip(
        URI,
        url=None,
        method=Method.POST,
        status_callback=None,
        status_callback_method=Method.POST,
        status_callback_events=frozenset({CallEvent.COMPLETED}),
        username=None,
        password=None,
        video=False,
        codecs=None,
    )


# name: the URI where <Video> is nested, otherwise the text is.
def test_the_text_is_trimmed() -> None:
    assert sip(inside=f"\n    {URI}\n  ").uri == URI


def test_name_with_video() -> None:
    read = sip(f'name="{URI}"', '<Video enable="true"/>')
    assert (read.uri, read.video) == (URI, True)


def test_name_without_video() -> None:
    assert sip(f'name="{URI}"', "").uri == URI


@pytest.mark.parametrize(("written", "video"), [("true", True), ("TRUE", True), ("false", False)])
def test_video_may_be_disabled(written: str, video: bool) -> None:
    assert sip(f'name="{URI}"', f'<Video enable="{written}"/>').video is video


def test_video_that_says_nothing_is_enabled() -> None:
    assert sip(f'name="{URI}"', "<Video/>").video is True


def test_video_beside_text() -> None:
    assert sip("", f'{URI}<Video enable="true"/>') == Sip(URI, video=True)


def test_a_bad_enable() -> None:
    assert refused("", '<Video enable="maybe"/>') == (12200, None)


def test_what_the_ancestor_knew_of_video_is_overlooked() -> None:
    read = document(f'<Dial><Sip name="{URI}"><Video enable="true" mode="mcu"/></Sip></Dial>')
    assert sip_of(read).video is True
    assert "unknown attribute mode on <Video>" in read.warnings[0].message


def test_name_wins_over_text() -> None:
    read = document('<Dial><Sip name="sip:a@example.com">sip:b@example.com</Sip></Dial>')
    assert sip_of(read).uri == "sip:a@example.com"
    assert "the name is the URI" in read.warnings[0].message


# url, method: screening.
def test_screening() -> None:
    read = sip('url="/screen" method="GET"')
    assert (read.url, read.method) == ("/screen", Method.GET)


def test_a_bad_method() -> None:
    assert refused('url="/screen" method="DELETE"') == (12200, 13241)


# statusCallbackEvent: initiated, ringing, answered, completed; none named: completed.
@pytest.mark.parametrize(
    "written",
    [
        "initiated,ringing,answered,completed",
        "initiated ringing answered completed",
        "completed, ANSWERED ,ringing  initiated,",
    ],
)
def test_status_callback_events_separated_by_commas_spaces_or_both(written: str) -> None:
    assert sip(f'statusCallbackEvent="{written}"').status_callback_events == frozenset(CallEvent)


@pytest.mark.parametrize("written", ["", " ", ","])
def test_no_event_named_is_completed(written: str) -> None:
    assert sip(f'statusCallbackEvent="{written}"').status_callback_events == {CallEvent.COMPLETED}


def test_one_event() -> None:
    assert sip('statusCallbackEvent="ringing"').status_callback_events == {CallEvent.RINGING}


def test_an_event_that_there_is_not_is_left_out() -> None:
    """Servers differ in the events that they know: the others are still wanted."""
    read = document(f'<Dial><Sip statusCallbackEvent="ringing,Finished">{URI}</Sip></Dial>')
    assert sip_of(read).status_callback_events == frozenset({CallEvent.RINGING})
    [warning] = read.warnings
    assert warning.message == (
        "Finished in statusCallbackEvent on <Sip> is not an event, and is left out; "
        "there are initiated, ringing, answered, completed"
    )
    assert (warning.line, warning.column) == (1, 22)


# statusCallback, statusCallbackMethod.
def test_status_callback() -> None:
    read = sip('statusCallback="https://example.com/s" statusCallbackMethod="get"')
    assert (read.status_callback, read.status_callback_method) == ("https://example.com/s", Method.GET)


# Authentication: username, password.
def test_credentials_to_the_letter() -> None:
    read = sip('username="alice" password=" s&amp;cret "')
    assert (read.username, read.password) == ("alice", " s&cret ")


def test_an_empty_password_is_a_password() -> None:
    assert sip('username="alice" password=""').password == ""


@pytest.mark.parametrize("name", ["username", "password"])
def test_a_control_character_in_a_credential_which_no_message_repeats(name: str) -> None:
    error = refusal(f'<Dial><Sip {name}="se&#13;&#10;cret">{URI}</Sip></Dial>')
    assert (error.code, error.specific_code) == (12200, 13249)
    assert "cret" not in str(error)


def test_a_password_does_not_show_in_logs() -> None:
    assert "secret" not in repr(Sip(URI, "alice", "secret"))


# Custom headers, character limit, transport: kept as written, and judged when dialled.
@pytest.mark.parametrize(
    "uri",
    [
        f"{URI}?mycustomheader=tata&amp;myotherheader=toto",
        f"{URI};transport=tcp",
        f"{URI};transport=carrier-pigeon",
        "sip:" + "a" * 300 + "@example.com",
        f"{URI}?X-Long=" + "a" * 2000,
        "sips:alice@[2001:db8::1]:5061;lr",
        "tel:+14155550100",
    ],
)
def test_the_uri_stays_as_written(uri: str) -> None:
    assert sip(inside=uri).uri == uri.replace("&amp;", "&")


def test_the_scheme_is_put_before_a_mere_address() -> None:
    assert sip(inside="alice@example.com").uri == "sip:alice@example.com"


# Ours: codecs.
@pytest.mark.parametrize("written", ["opus,PCMU", "OPUS pcmu", "opus, PCMU, opus"])
def test_codecs(written: str) -> None:
    assert sip(f'codecs="{written}"').codecs == ("opus", "PCMU")


@pytest.mark.parametrize("written", ["G729", "PCMU,speex", ","])
def test_bad_codecs(written: str) -> None:
    error = refusal(f'<Dial><Sip codecs="{written}">{URI}</Sip></Dial>')
    assert error.message.endswith("must be a list out of PCMU, PCMA, G722, opus")


# What Twilio's libraries nest.
def test_a_nested_uri() -> None:
    assert sip(inside=f"<Uri>{URI}</Uri>").uri == URI


def test_nested_headers_are_written_on_the_uri() -> None:
    headers = '<Headers><Header name="X-Order" value="7 &amp; 8"/><Header name="X-Empty"/></Headers>'
    assert sip(inside=f"<Uri>{URI}</Uri>{headers}").uri == f"{URI}?X-Order=7%20%26%208&X-Empty="
    assert sip(inside=f"<Uri>{URI}?X-A=1</Uri>{headers}").uri == f"{URI}?X-A=1&X-Order=7%20%26%208&X-Empty="


def test_a_header_without_a_name() -> None:
    read = document(f'<Dial><Sip>{URI}<Headers><Header value="7"/></Headers></Sip></Dial>')
    assert sip_of(read).uri == URI
    assert "has no name" in read.warnings[0].message


# The ancestor's Uri.
def test_uri_reads_as_sip() -> None:
    assert sip_of(document(f'<Dial><Uri url="/s">{URI}</Uri></Dial>')) == Sip(URI, url="/s")


def test_no_target_fails_the_leg_and_not_the_document() -> None:
    read = document("<Dial><Sip/></Dial>")
    assert sip_of(read) == Sip("")
    assert "names nothing to call" in read.warnings[0].message


@pytest.mark.parametrize("inside", ["<Say>x</Say>", "<Number>1</Number>", "<Sip>sip:a@example.com</Sip>"])
def test_a_word_of_the_language_in_the_wrong_nest(inside: str) -> None:
    assert refused("", URI + inside) == (12200, 13215)


@pytest.mark.parametrize("policy", list(SrtpPolicy))
def test_srtp(policy: SrtpPolicy) -> None:
    assert sip(f'srtp="{policy}"').srtp is policy


def test_a_bad_srtp_policy() -> None:
    assert "off, optional or required" in refusal('<Dial><Sip srtp="yes">sip:a@h</Sip></Dial>').message
