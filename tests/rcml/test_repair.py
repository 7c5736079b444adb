"""Documents as found in the wild: read, with a warning each, at the places of the original."""

# ruff: noqa: RUF001 - typographic quotes are what this is about

import pytest

from callapi.rcml import Dial, Document, DocumentError, Pause, Play, Redirect, Say, Sip, parse
from callapi.rcml.repair import repair


def read(text: str) -> Document:
    return parse(text.encode())


def places(document: Document) -> list[tuple[int, int, int]]:
    return [(warning.code, warning.line, warning.column) for warning in document.warnings]


# A bare & in a URI, in text or in an attribute.
@pytest.mark.parametrize(
    "written",
    [
        "/a?x=1&y=2",
        "/a?x=1&copy=2",
        "/a?amp=1&amp=2",
        "/a?x=1&lt=2&gt;=3&#x=4",
        "/a?&",
        "/a?x=1&&y=2",
        "/a?x=1&y",
    ],
)
def test_a_bare_ampersand(written: str) -> None:
    meant = written.replace("&gt;", ">")
    in_text = read(f"<Response><Redirect>{written}</Redirect></Response>")
    assert in_text.verbs == (Redirect(meant),)
    in_attribute = read(f'<Response><Dial action="{written}">1</Dial></Response>')
    assert isinstance(in_attribute.verbs[0], Dial)
    assert in_attribute.verbs[0].action == meant
    for document in (in_text, in_attribute):
        assert {warning.message for warning in document.warnings} == {"a bare &, which must be written &amp;"}


def test_a_well_written_document_is_not_touched() -> None:
    assert repair("<Response><Say>a &amp; b &#38; &#x26; &lt;</Say></Response>") is None
    assert read("<Response><Say>“a” &amp; b</Say></Response>").warnings == ()


def test_places_are_those_of_the_original() -> None:
    document = read(
        "<Response>\n"
        "  <Redirect>/a?b&c&d</Redirect><Pause x='1'/>\n"
        "  <Play>/é?b&amp;c&d</Play> <Pause\n"
        "    y='&'/>\n"
        "</Response>"
    )
    assert places(document) == [
        (12100, 2, 17),
        (12100, 2, 19),
        (12200, 2, 39),
        (12100, 3, 19),
        (12200, 4, 5),
        (12100, 4, 8),
    ]
    assert [(verb.line, verb.column) for verb in document.verbs] == [(2, 3), (2, 32), (3, 3), (3, 29)]


def test_an_error_behind_a_repair_is_reported_at_its_place() -> None:
    with pytest.raises(DocumentError) as error:
        read("<Response><Redirect>/a&b&c</Redirect><Foo/></Response>")
    assert (error.value.line, error.value.column) == (1, 38)
    with pytest.raises(DocumentError) as error:
        read("<Response><Redirect>/a&b&c</Redirect></Foo></Response>")
    assert (error.value.code, error.value.line, error.value.column) == (12100, 1, 40)


@pytest.mark.parametrize("inside", ["<!-- a & b -->", "<![CDATA[a & b]]>", "<?php a & b ?>"])
def test_what_is_no_markup_inside_stays_as_it_is(inside: str) -> None:
    document = read(f"<Response><Say>{inside}c</Say><Redirect>/?a&b</Redirect></Response>")
    said = document.verbs[0]
    assert isinstance(said, Say)
    assert said.text in {"c", "a & bc"}
    assert len(document.warnings) == 1


# Typographic quotes around attribute values.
@pytest.mark.parametrize(
    "quoted", ["“10”", "”10”", "„10“", "«10»", "‘10’", "’10’", "‚10‘", "‹10›", "″10″", "′10′", '“10"', "‘10'"]
)
def test_typographic_quotes(quoted: str) -> None:
    document = read(f"<Response>\n <Pause length={quoted}/></Response>")
    assert document.verbs == (Pause(10),)
    assert places(document) == [(12100, 2, 16)]
    assert document.warnings[0].message == "typographic quotes around an attribute value"


def test_typographic_and_straight_quotes_in_one_tag() -> None:
    document = read(
        '<Response><Dial timeout=“10” action="/say?“a”=>" callerId=‘bob’><Sip>sip:a@b</Sip></Dial></Response>'
    )
    assert document.verbs == (Dial((Sip("sip:a@b"),), timeout=10, action="/say?“a”=>", caller_id="bob"),)
    assert len(document.warnings) == 2


def test_typographic_quotes_with_a_bare_ampersand_inside() -> None:
    document = read("<Response><Dial action=“/a?b=1&c=2>3”>1</Dial></Response>")
    assert isinstance(document.verbs[0], Dial)
    assert document.verbs[0].action == "/a?b=1&c=2>3"
    assert places(document) == [(12100, 1, 24), (12100, 1, 31)]


def test_typographic_quotes_in_text_stay() -> None:
    document = read("<Response><Say voice=“man”>He said x=“yes” & left</Say></Response>")
    assert document.verbs == (Say("He said x=“yes” & left", voice="man"),)
    assert len(document.warnings) == 2


def test_an_attribute_in_typographic_quotes_has_its_place() -> None:
    document = read("<Response><Pause foo=“1” bar=“2”/></Response>")
    assert [warning.column for warning in document.warnings if "unknown" in warning.message] == [18, 26]


# White space before the XML declaration.
@pytest.mark.parametrize("before", ["\n", "  ", "\r\n\r\n\t"])
def test_a_late_declaration(before: str) -> None:
    document = read(
        f'{before}<?xml version="1.0"\n encoding="UTF-8"?>\n<Response><Play>é</Play>\n<Hangup x=""/></Response>'
    )
    assert document.verbs[0] == Play("é")
    lines = before.count("\n")
    assert [warning.line for warning in document.warnings] == [1 + lines, 4 + lines]


def test_a_byte_order_mark_is_no_reason_for_a_warning() -> None:
    assert parse('\ufeff<?xml version="1.0"?><Response/>'.encode()).warnings == ()


# What stays an error.
@pytest.mark.parametrize(
    "text",
    [
        "<Response><Pause length=“10/></Response>",
        "<Response><Pause length=10/></Response>",
        "<Response>& <Say></Response>",
    ],
)
def test_what_cannot_be_repaired(text: str) -> None:
    with pytest.raises(DocumentError) as error:
        read(text)
    assert error.value.code == 12100
