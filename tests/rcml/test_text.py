"""From bytes to text."""

import pytest

from callapi.rcml import DocumentError, Say, parse
from callapi.rcml.text import decode


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "iso-8859-1", "cp1252"]
)
@pytest.mark.parametrize("declared", [True, False])
def test_encodings_with_and_without_declaration(encoding: str, declared: bool) -> None:
    name = {"utf-8-sig": "utf-8", "utf-16-le": "utf-16", "utf-16-be": "utf-16", "cp1252": "windows-1252"}
    declaration = f'<?xml version="1.0" encoding="{name.get(encoding, encoding)}"?>' if declared else ""
    text = f"{declaration}<Response><Say>Grüß Gott</Say></Response>"
    content_type = "text/xml" if declared else f"text/xml; charset={name.get(encoding, encoding)}"
    assert parse(text.encode(encoding), content_type).verbs == (Say("Grüß Gott"),)


def test_utf_8_is_the_default() -> None:
    assert decode("<é>".encode(), "text/xml") == "<é>"


def test_the_byte_order_mark_wins_over_everything() -> None:
    body = '\ufeff<?xml version="1.0" encoding="iso-8859-1"?><é/>'.encode()
    assert decode(body, "text/xml; charset=windows-1252").endswith("<é/>")


def test_the_content_type_wins_over_the_declaration() -> None:
    body = '<?xml version="1.0" encoding="iso-8859-1"?><é/>'.encode()
    assert decode(body, 'text/xml; charset="utf-8"').endswith("<é/>")


def test_a_content_type_that_cannot_be_true_gives_way_to_the_declaration() -> None:
    body = '<?xml version="1.0" encoding="iso-8859-1"?><é/>'.encode("iso-8859-1")
    assert decode(body, "text/xml; charset=utf-8").endswith("<é/>")


def test_what_declares_itself_utf_16_and_is_not() -> None:
    """The strings of .NET are UTF-16 inside, and its writers say so whatever becomes of them on the wire."""
    body = '<?xml version="1.0" encoding="utf-16"?><é/>'.encode()
    assert decode(body, "text/xml").endswith("<é/>")
    assert decode(b"<a/>", "text/xml; charset=utf-16") == "<a/>"


def test_an_unknown_charset_is_passed_over() -> None:
    assert decode("<é/>".encode(), "text/xml; charset=klingon") == "<é/>"


@pytest.mark.parametrize("name", ["ebcdic", "utf-7", "idna", "rot13", "unicode_escape"])
def test_an_encoding_that_is_not_read(name: str) -> None:
    with pytest.raises(DocumentError, match=f"the encoding {name} is not read") as error:
        decode(f'<?xml version="1.0" encoding="{name}"?><a/>'.encode(), "text/xml")
    assert error.value.code == 12100


def test_bytes_that_are_not_the_text_they_should_be() -> None:
    with pytest.raises(DocumentError, match="not UTF-8") as error:
        decode("<Response>\n  ü<Say>é</Say>".encode() + b"\xff", "text/xml")
    assert (error.value.code, error.value.line, error.value.column) == (12100, 2, 16)


def test_half_a_character_of_utf_16() -> None:
    with pytest.raises(DocumentError, match="not UTF-16-LE"):
        decode(b"\xff\xfe<\0a", "text/xml")
