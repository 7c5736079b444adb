"""From the bytes of an answer to a document, or to the reason why not."""

import pytest

from callapi.rcml import Document, DocumentError, Finding, Play, Say, Severity, document_of, parse
from callapi.rcml.parser import MEMO_BYTES
from callapi.rcml.report import MAX_FINDINGS
from callapi.rcml.text import MAX_BYTES
from callapi.rcml.tree import MAX_DEPTH

SAY = b"<Response><Say>hi</Say></Response>"
URL = "https://example.com/answer"


def refused(text: str | bytes) -> DocumentError:
    with pytest.raises(DocumentError) as error:
        parse(text if isinstance(text, bytes) else text.encode())
    return error.value


@pytest.mark.parametrize("body", [b"", b" \r\n\t "])
def test_an_empty_body_is_an_empty_document(body: bytes) -> None:
    assert parse(body) == Document()
    assert document_of(body, "application/pdf", URL) == Document()


# Not XML: 12100, with line and column and what to do.
@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("hello", 1, 1, "not XML: syntax error"),
        ("<Response>", 1, 11, "not XML: no element found: <Response> of line 1 is never closed"),
        ("<Response>\n <Dial>\n</Response>", 3, 3, "mismatched tag: <Dial> of line 2 must be closed first"),
        ("<Response/>\n<Response/>", 2, 1, "junk after document element"),
        (
            "<Response>\n  <Say>1 < 2</Say></Response>",
            2,
            11,
            "not well-formed (invalid token) at ' 2</Say></Response>'",
        ),
        ("<Response a='1' a='2'/>", 1, 17, "duplicate attribute"),
        ("<Response>é\n é&nbsp;</Response>", 2, 3, "undefined entity: there are &amp; &lt; &gt;"),
        ("<Response>\r\n\r\n\x01</Response>", 3, 1, "not well-formed"),
        ("<Response>&#0;</Response>", 1, 11, "reference to invalid character number"),
        ("<Response", 1, 1, "unclosed token"),
        ('{"say": "hi"}', 1, 1, "not well-formed"),
    ],
)
def test_no_xml(text: str, line: int, column: int, message: str) -> None:
    error = refused(text)
    assert (error.code, error.line, error.column) == (12100, line, column)
    assert message in error.message


def test_an_error_reads_as_a_sentence_with_its_place() -> None:
    assert str(refused("<Response><Foo/></Response>")).startswith("line 1, column 11: unknown verb <Foo>; ")
    assert str(DocumentError(12300, "not read")) == "not read"


# No DTD, no external entity, no entity expansion.
@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE Response><Response/>",
        '<!DOCTYPE Response SYSTEM "file:///etc/passwd"><Response/>',
        '<!DOCTYPE Response PUBLIC "-//x" "http://127.0.0.1/x.dtd"><Response/>',
        '<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><Response><Say>&b;</Say></Response>',
        '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><Response><Say>&x;</Say></Response>',
    ],
)
def test_a_document_type_is_refused(text: str) -> None:
    error = refused(f'<?xml version="1.0"?><!-- <!DOCTYPE a> -->\n {text}')
    assert (error.code, error.line, error.column) == (12100, 2, 2)
    assert "document type declaration" in error.message


def test_a_page_for_people_is_called_so() -> None:
    assert "page for people" in refused("<!DOCTYPE html><html><p>Internal Server Error</html>").message


# At most 64 KiB and 32 levels.
def test_as_long_as_allowed_and_one_byte_more() -> None:
    filler = b" " * (MAX_BYTES - len(SAY))
    assert parse(SAY + filler).verbs == (Say("hi"),)
    error = refused(SAY + filler + b" ")
    assert (error.code, error.specific_code) == (12100, 11750)
    assert "65537 bytes" in error.message


def test_as_deep_as_allowed_and_one_level_more() -> None:
    def nested(levels: int) -> str:
        inside = levels - 2
        return "<Response><Say>" + "<p>" * inside + "deep" + "</p>" * inside + "</Say></Response>"

    assert parse(nested(MAX_DEPTH).encode()).warnings == ()
    error = refused(nested(MAX_DEPTH + 1))
    assert (error.code, error.line, error.column) == (12100, 1, 16 + 3 * (MAX_DEPTH - 2))


def test_there_is_a_bound_to_what_is_reported() -> None:
    wild = "<Response>" + "<Pause x='1'/>" * 4000 + "</Response>"
    read = parse(wild.encode())
    assert len(read.verbs) == 4000
    assert len(read.warnings) == MAX_FINDINGS
    crowded = "<Response><Pause " + " ".join(f"a{n}=''" for n in range(6000)) + "/></Response>"
    assert len(parse(crowded.encode()).warnings) == MAX_FINDINGS


def test_an_error_is_not_drowned_by_warnings() -> None:
    wild = "<Response>" + "<Pause x='1'/>" * 1000 + "<Foo/></Response>"
    assert refused(wild).message.startswith("unknown verb <Foo>")


# Content types.
@pytest.mark.parametrize(
    "content_type",
    [
        "text/xml",
        "application/xml",
        "text/html",
        "Text/XML; charset=utf-8",
        "text/html;charset=UTF-8",
        " text/xml ",
    ],
)
def test_xml_by_its_content_type(content_type: str) -> None:
    assert document_of(SAY, content_type, URL).verbs == (Say("hi"),)


@pytest.mark.parametrize("content_type", ["audio/wav", "audio/x-wav", "audio/mpeg", "Audio/OGG; codecs=opus"])
def test_audio_is_played(content_type: str) -> None:
    assert document_of(b"RIFF....WAVE", content_type, URL).verbs == (Play(URL),)


def test_plain_text_is_spoken() -> None:
    assert document_of("  Grüß Gott,\n alle  ".encode(), "text/plain; charset=utf-8", URL).verbs == (
        Say("Grüß Gott, alle"),
    )
    assert document_of("Grüß Gott".encode("latin-1"), "text/plain; charset=ISO-8859-1", URL).verbs == (
        Say("Grüß Gott"),
    )


@pytest.mark.parametrize("before", [b"", b"\n ", b"\xef\xbb\xbf"])
def test_plain_text_that_begins_like_xml_is_xml(before: bytes) -> None:
    assert document_of(before + SAY, "text/plain", URL).verbs == (Say("hi"),)


def test_plain_text_may_be_utf_16() -> None:
    assert document_of(SAY.decode().encode("utf-16"), "text/plain", URL).verbs == (Say("hi"),)


def test_without_a_content_type_only_xml_is_read() -> None:
    assert document_of(SAY, "", URL).verbs == (Say("hi"),)
    with pytest.raises(DocumentError, match="an answer without content type") as error:
        document_of(b"hello", "", URL)
    assert error.value.code == 12300


@pytest.mark.parametrize(
    "content_type", ["application/json", "image/png", "text/css", "video/mp4", "application/octet-stream"]
)
def test_other_types_are_refused(content_type: str) -> None:
    with pytest.raises(DocumentError, match=f"the content type {content_type} is not read") as error:
        document_of(SAY, content_type, URL)
    assert (error.value.code, error.value.line, error.value.column) == (12300, 0, 0)


def test_a_finding_prints_as_compilers_write() -> None:
    assert str(Finding(12200, "so and so", 3, 17, Severity.ERROR)) == "3:17: error 12200: so and so"


# Documents are values: the same text is read once, while it is short and among the last.
def test_the_same_text_is_the_same_document() -> None:
    assert parse(SAY) is parse(bytes(bytearray(SAY)))
    assert parse(SAY) is not parse(SAY, "text/xml; charset=iso-8859-1")
    long = b"<Response><Say>" + b"x" * MEMO_BYTES + b"</Say></Response>"
    assert parse(long) == parse(long)
    assert parse(long) is not parse(long)


def test_an_error_is_reported_each_time() -> None:
    assert [refused("<Response><Nothing").column for _ in range(2)] == [
        refused("<Response><Nothing").column
    ] * 2
