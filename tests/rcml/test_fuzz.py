"""Any bytes give a document or a `DocumentError`, in bounded time, and nothing else ever."""

import time
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from callapi.rcml import Document, DocumentError, check, document_of, parse
from callapi.rcml.elements.element import NOUNS, VERBS
from callapi.rcml.repair import repair
from callapi.rcml.text import MAX_BYTES

BOUND_S = 2.0  # for the slowest machine; each takes some hundredths of it

NAMES = st.sampled_from([*VERBS, *NOUNS, "Response", "break", "Conference", "dial", "x:y"])
VALUES = st.one_of(
    st.sampled_from(
        ["true", "30", "-1", "GET", "ringing, answered", "sip:a@b?x=1&y=2", "&copy=1", "“x”", ""]
    ),
    st.text(max_size=20),
)
ATTRIBUTES = st.sampled_from(
    [
        "timeout",
        "action",
        "callerId",
        "record",
        "loop",
        "length",
        "url",
        "statusCallbackEvent",
        "name",
        "enable",
        "x",
    ]
)


@st.composite
def elements(draw: st.DrawFn, depth: int = 0) -> str:
    """Nearly XML, out of the words of the language and some that are not."""
    name = draw(NAMES)
    quotes = draw(st.sampled_from(['""', "''", "“”", "‘’", '“"', "  "]))  # noqa: RUF001 - as found in the wild
    attributes = "".join(
        f" {attribute}={quotes[0]}{draw(VALUES)}{quotes[1]}"
        for attribute in draw(st.lists(ATTRIBUTES, max_size=3))
    )
    inside = draw(VALUES) if depth > 2 else "".join(draw(st.lists(VALUES | elements(depth + 1), max_size=4)))
    return draw(st.sampled_from([f"<{name}{attributes}>{inside}</{name}>", f"<{name}{attributes}/>", inside]))


def read(body: bytes, content_type: str = "text/xml") -> Document | None:
    """The document, or None if it was refused as it should be."""
    result = attempt(body, content_type)
    if isinstance(result, Document):
        return result
    assert result.code in {12100, 12200, 12300}
    assert result.message
    assert (result.line > 0 and result.column > 0) or result.code == 12300
    return None


def attempt(body: bytes, content_type: str) -> Document | DocumentError:
    try:
        return document_of(body, content_type, "http://example.com/")
    except DocumentError as error:
        return error


@given(
    st.binary(max_size=300),
    st.sampled_from(["text/xml", "text/plain", "text/html; charset=utf-16", "a/b", ""]),
)
@example(b"\xff\xfe", "text/xml")
@example(b"\0", "text/plain")
@example(b"<", "text/xml; charset=")
def test_any_bytes(body: bytes, content_type: str) -> None:
    read(body, content_type)
    check(body, content_type)


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text(text: str) -> None:
    read(text.encode("utf-8", "surrogatepass"))
    read(f"<Response><Say>{text}</Say></Response>".encode("utf-8", "surrogatepass"))
    read(f'<Response><Dial action="{text}">{text}</Dial></Response>'.encode("utf-8", "surrogatepass"))


@settings(max_examples=300, deadline=None)
@given(st.lists(elements(), max_size=4))
def test_nearly_xml(parts: list[str]) -> None:
    body = f"<Response>{''.join(parts)}</Response>".encode("utf-8", "surrogatepass")
    document = read(body)
    found = check(body)
    errors = [finding for finding in found if finding.severity == "error"]
    assert (document is None) == bool(errors)
    if document is not None:
        assert set(document.warnings) <= set(found)


@settings(deadline=None)
@given(st.lists(elements(), max_size=4))
def test_a_repair_needs_no_second_one(parts: list[str]) -> None:
    repaired = repair("".join(parts))
    if repaired is not None:
        assert repair(repaired.text) is None


LONG = {
    "ampersands": "&",
    "names after ampersands": "&abc",
    "comments never closed": "<!--",
    "sections never closed": "<![CDATA[",
    "instructions never closed": "<?a ",
    "tags never closed": "<a ",
    "typographic quotes": "“",
    "typographic values": "<a b=“c",
    "straight and typographic": "<a b='”",
    "attributes": " a=''",
    "spaces": " ",
    "lines": "\n",
    "closing": "</a>",
    "elements": "<a/>",
    "deep": "<a>",
    "verbs with an unknown attribute": "<Pause x=''/>\n",
    "verbs with a bad value": "<Pause length='x'/>\n",
    "nouns": "<Dial><Sip>sip:a@b?a=b&c=d</Sip></Dial>",
    "characters of four bytes": "\U0001f600",
    "declarations": "<?xml version='1.0'?>",
    "document types": "<!DOCTYPE a>",
    "entities": "<!DOCTYPE a [<!ENTITY b 'c'>",
}


@pytest.mark.parametrize("piece", LONG.values(), ids=LONG)
@pytest.mark.parametrize(
    "around", ["{}", "<Response>{}</Response>", "<Response><Pause{}/></Response>", "<a>&{}"]
)
def test_time_is_bounded(piece: str, around: str) -> None:
    room = MAX_BYTES - len(around.encode()) + 2
    body = around.format(piece * (room // len(piece.encode()))).encode()
    assert len(body) <= MAX_BYTES
    started = time.process_time()
    with suppress(DocumentError):
        parse(body)
    check(body)
    assert time.process_time() - started < BOUND_S
