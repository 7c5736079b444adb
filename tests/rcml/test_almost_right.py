"""Documents that are almost right, as templates, clipboards and other servers' applications write them."""

import re

import pytest

from callapi.rcml import CallEvent, Client, Dial, Document, Gather, Number, Play, Redirect, Sip, check
from tests.rcml.documents import document, refusal

# Each element of the language, in a document in which it may stand; `{}` is the place of its attributes.
PLACES = {
    "Dial": "<Dial {}>1</Dial>",
    "Sip": "<Dial><Sip {}>sip:a@example.com</Sip></Dial>",
    "Client": "<Dial><Client {}>a</Client></Dial>",
    "Number": "<Dial><Number {}>1</Number></Dial>",
    "Video": '<Dial><Sip name="sip:a@example.com"><Video {}/></Sip></Dial>',
    "Parameter": "<Dial><Client>a<Parameter {}/></Client></Dial>",
    "Say": "<Say {}>a</Say>",
    "Play": "<Play {}>a.wav</Play>",
    "Pause": "<Pause {}/>",
    "Gather": "<Gather {}/>",
    "Record": "<Record {}/>",
    "Redirect": "<Redirect {}>/a</Redirect>",
    "Reject": "<Reject {}/>",
}
# Twilio documents that no key ends it then; credentials are taken to the letter, space counts.
EMPTY_IS_A_VALUE = {"finishOnKey", "username", "password"}


def _attributes(element: str) -> list[str]:
    """The attributes that the code itself says the element has."""
    read = document(PLACES[element].format('nobodys="1"'))
    [known] = [found for each in read.warnings if (found := re.search(r"; it knows (.+)$", each.message))]
    return known[1].split(", ")


def _everything() -> list[tuple[str, str]]:
    return [(each, name) for each in PLACES for name in _attributes(each) if name not in EMPTY_IS_A_VALUE]


@pytest.mark.parametrize("written", ["", " ", "\t\n"])
@pytest.mark.parametrize(("element", "name"), _everything())
def test_an_empty_attribute_is_as_if_unwritten(element: str, name: str, written: str) -> None:
    bare = document(PLACES[element].format(""))
    empty = document(PLACES[element].format(f'{name}="{written}"'))
    assert (empty.verbs, len(empty.warnings)) == (bare.verbs, len(bare.warnings))


def test_empty_credentials_are_none() -> None:
    [dial] = document('<Dial><Sip username="" password="">sip:a@example.com</Sip></Dial>').verbs
    assert isinstance(dial, Dial)
    assert isinstance(dial.targets[0], Sip)
    assert dial.targets[0].username is None


def test_check_says_that_an_attribute_is_empty() -> None:
    found = check(b'<Response><Gather timeout="" finishOnKey=""/></Response>')
    assert [each.message for each in found] == ['timeout="" is empty, and counts as not written']


@pytest.mark.parametrize("written", ["20", "20.0", "20.", " 20.000 ", "020"])
def test_a_number_may_have_a_point(written: str) -> None:
    [gather] = document(f'<Gather timeout="{written}"/>').verbs
    assert isinstance(gather, Gather)
    assert gather.timeout == 20


@pytest.mark.parametrize("written", ["20.5", "20,0", "2e1", "20.0.0", "-20.0", "20s", "twenty", "0x14", "²"])
def test_another_number_is_an_error(written: str) -> None:
    assert refusal(f'<Gather timeout="{written}"/>').specific_code == 13313


def test_events_that_do_not_exist_are_left_out() -> None:
    read = document('<Dial><Number statusCallbackEvent="queued, ringing busy">1</Number></Dial>')
    [dial] = read.verbs
    assert isinstance(dial, Dial)
    assert dial.targets[0].status_callback_events == frozenset({CallEvent.RINGING})
    assert len(read.warnings) == 2


def test_if_no_event_exists_it_is_as_if_none_was_named() -> None:
    [dial] = document('<Dial><Number statusCallbackEvent="queued">1</Number></Dial>').verbs
    assert isinstance(dial, Dial)
    assert dial.targets[0].status_callback_events == frozenset({CallEvent.COMPLETED})


def _target(inside: str) -> tuple[str, int]:
    read: Document = document(f"<Dial>{inside}</Dial>")
    [dial] = read.verbs
    assert isinstance(dial, Dial)
    match dial.targets[0]:
        case Sip(uri=text) | Client(name=text) | Number(number=text):
            return text, len(read.warnings)


@pytest.mark.parametrize(
    ("inside", "target", "warnings"),
    [
        ("<Sip>sip:a@example.com?x=1&amp;amp;y=2</Sip>", "sip:a@example.com?x=1&y=2", 1),
        ("<Client>a?x=1&amp;amp;y=2</Client>", "a?x=1&y=2", 1),
        ("<Sip>\u200bsip:a@example\u200b.com\ufeff</Sip>", "sip:a@example.com", 1),
        ("<Number>\u202a+1 555 0100\u202c</Number>", "+1 555 0100", 1),
        ("\u202a+15550100\u202c", "+15550100", 1),
        ("<Sip>Alice &lt;sip:a@example.com&gt;</Sip>", "sip:a@example.com", 1),
        (
            '<Sip>"Doe, Alice" &lt;sip:a@example.com;transport=tcp?x=1&gt;</Sip>',
            "sip:a@example.com;transport=tcp?x=1",
            1,
        ),
        ("<Sip>&lt;sips:a@example.com&gt;</Sip>", "sips:a@example.com", 1),
        ("Alice &lt;sip:a@example.com&gt;", "sip:a@example.com", 1),
        ("<Sip>sip:J\u00fcrgen@example.com</Sip>", "sip:J\u00fcrgen@example.com", 0),
        ("<Sip>a&lt;b&gt;@example.com</Sip>", "sip:a<b>@example.com", 0),
    ],
)
def test_addresses_out_of_templates_and_clipboards(inside: str, target: str, warnings: int) -> None:
    assert _target(inside) == (target, warnings)


def test_a_caller_id_out_of_a_clipboard() -> None:
    [dial] = document('<Dial callerId="\u202a+15550100\u202c">1</Dial>').verbs
    assert isinstance(dial, Dial)
    assert dial.caller_id == "+15550100"


def test_the_ends_of_a_url_out_of_a_clipboard() -> None:
    read = document("<Play>\u200bhttp://a.example/x\u200b.wav\ufeff</Play><Redirect>\u200b</Redirect>")
    play, redirect = read.verbs
    assert isinstance(play, Play)
    assert isinstance(redirect, Redirect)
    assert (play.url, redirect.url) == ("http://a.example/x\u200b.wav", "")
