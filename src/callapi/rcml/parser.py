"""The entry point of the room: from the bytes of an answer to a `Document`.

Many applications answer many calls with the same text (a queue, a greeting, one number to dial): documents are values,
so the last ones that were read are kept by their text.
"""

from functools import lru_cache
from typing import Final

from callapi.rcml.document import Document
from callapi.rcml.elements import Play, Say, read_response
from callapi.rcml.errors import WRONG_CONTENT_TYPE, DocumentError
from callapi.rcml.findings import Severity
from callapi.rcml.text import decode
from callapi.rcml.tree import read_tree

MEMO_BYTES: Final = 4096
"""A longer document is read anew each time, so that what is kept stays small."""
_REMEMBERED: Final = 128

_XML = frozenset({"text/xml", "application/xml", "text/html"})
_MARKUP_BEGINS = (b"<", b"\xef\xbb\xbf<", b"\xff\xfe<", b"\xfe\xff\0<")


def parse(body: bytes, content_type: str = "text/xml") -> Document:
    """The document that the XML of `body` is; of `content_type` the `charset` alone is looked at.

    An empty body is an empty document.

    Raises:
        DocumentError: with the first error of the document, in the order of its text.
    """
    return _parse_once(body, content_type) if len(body) <= MEMO_BYTES else _parse(body, content_type)


def _parse(body: bytes, content_type: str) -> Document:
    if not body.strip():
        return Document()
    root = read_tree(decode(body, content_type))
    verbs = read_response(root)
    findings = root.report.findings
    for finding in findings:
        if finding.severity is Severity.ERROR:
            message, place = finding.message, finding.place
            raise DocumentError(finding.code, message, *place, specific_code=finding.specific_code)
    return Document(verbs, tuple(findings))


_parse_once = lru_cache(_REMEMBERED)(_parse)


def document_of(body: bytes, content_type: str, url: str) -> Document:
    """The document that an answer of any content type stands for; `url` is where it came from.

    XML (`text/xml`, `application/xml`, `text/html`) is parsed, audio is played, plain text is parsed if it
    begins with `<` and spoken otherwise. Without a content type only what begins with `<` is read. An empty
    body is an empty document, whatever it claims to be.

    Raises:
        DocumentError: 12300, a content type that is not read; else as `parse`.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if not body.strip():
        return Document()
    if media_type.startswith("audio/"):
        return Document((Play(url),))
    if media_type in _XML or (media_type in {"text/plain", ""} and body.lstrip().startswith(_MARKUP_BEGINS)):
        return parse(body, content_type)
    if media_type == "text/plain":
        return Document((Say(" ".join(decode(body, content_type).split())),))
    what = f"the content type {media_type}" if media_type else "an answer without content type"
    message = f"{what} is not read; send text/xml, application/xml, text/html, text/plain or audio"
    raise DocumentError(WRONG_CONTENT_TYPE, message)
