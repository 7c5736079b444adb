"""`docs/rcml.md` says what is: its examples run, and its tables name the attributes that there are."""

import re
from pathlib import Path

import pytest

from callapi.rcml import check, parse
from callapi.rcml.elements.element import NOUNS, VERBS
from callapi.rcml.elements.verbs.dial import RING_TONES
from callapi.rcml.elements.verbs.say import SSML

REFERENCE = (Path(__file__).parents[2] / "docs" / "rcml.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```xml\n(.*?)```", REFERENCE, re.DOTALL)
SECTIONS = {part.partition("\n")[0]: part for part in re.split(r"\n## ", REFERENCE)}
NAMED = ("Conference", "Queue", "Enqueue")
INSIDE_DIAL = ("Sip", "Client", "Number", "Conference", "Queue")


def known_attributes(name: str) -> set[str]:
    """What the element says that it knows, when it is asked for something else."""
    element = f"<{name} nonsense='1'>x</{name}>" if name in NAMED else f"<{name} nonsense='1'/>"
    if name in INSIDE_DIAL:
        element = f"<Dial>{element}</Dial>"
    if name in {"Stream", "ConversationRelay"}:
        element = f"<Connect><{name} url='/a' nonsense='1'/></Connect>"
    if name in {"Transcription", "Recording"}:
        element = f"<Start>{element}</Start>"
    if name == "Language":
        element = f"<Connect><ConversationRelay url='/a'>{element}</ConversationRelay></Connect>"
    if name == "Video":
        element = f"<Dial><Sip name='sip:a@b'>{element}</Sip></Dial>"
    messages = [
        each.message
        for each in parse(f"<Response>{element}</Response>".encode()).warnings
        if "unknown attribute nonsense" in each.message
    ]
    (message,) = messages
    _, found, listed = message.partition("it knows ")
    return set(listed.split(", ")) if found else set()


def tables(text: str) -> list[set[str]]:
    """The names in the first column of each table of attributes."""
    return [
        set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
        for table in re.findall(r"\| attribute.*?\| default \|\n((?:\|.*\n)+)", text)
    ]


def test_the_overview_has_a_row_for_each_verb_and_names_each_noun() -> None:
    overview = REFERENCE.partition("\n## Documents")[0]
    assert set(re.findall(r"`<(\w+)>`\]", "".join(re.findall(r"^\|.*", overview, re.MULTILINE)))) == set(
        VERBS
    )
    assert {name for name in NOUNS if f"<{name}>" not in overview} == set()
    linked = set(re.findall(r"\]\(#([a-z-]+)\)", overview))
    assert linked <= {each.lower().replace(" ", "-") for each in SECTIONS}


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_are_without_fault(example: str) -> None:
    assert check(example.encode()) == []


@pytest.mark.parametrize(
    "name",
    [
        "Dial",
        "Client",
        "Number",
        "Conference",
        "Enqueue",
        "Queue",
        "Say",
        "Play",
        "Pause",
        "Gather",
        "Record",
        "Redirect",
        "Reject",
        *("Connect", "Stream", "Transcription", "Recording"),
    ],
)
def test_the_tables_name_the_attributes_that_there_are(name: str) -> None:
    assert tables(SECTIONS[name]) == [known_attributes(name)]


def test_sip_has_a_table_for_video_as_well() -> None:
    assert tables(SECTIONS["Sip"]) == [known_attributes("Sip"), known_attributes("Video")]


def test_hangup_has_no_attributes() -> None:
    assert tables(SECTIONS["Hangup"]) == []
    assert known_attributes("Hangup") == set()


def test_the_countries_and_the_ssml_elements_are_those_that_there_are() -> None:
    listed = re.search(r"`ringTone`\*\* is one of ([a-z\s-]+)\.", REFERENCE)
    assert listed is not None
    assert set(listed[1].split()) == RING_TONES
    listed = re.search(r"The SSML elements ((?:`[\w-]+`\s)+)may be nested", REFERENCE)
    assert listed is not None
    assert set(re.findall(r"[\w-]+", listed[1])) == SSML


def test_the_links_within_the_page_lead_somewhere() -> None:
    headings = {
        re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-")
        for title in re.findall(r"^#+ (.*)$", REFERENCE, re.MULTILINE)
    }
    assert set(re.findall(r"\(#([\w-]+)\)", REFERENCE)) <= headings
