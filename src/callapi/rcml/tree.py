"""XML to a small tree that remembers its places, by expat: no DTD, no entities, bounded in depth.

A document type declaration is refused where it begins, so that no entity is expanded and no file fetched. A text
that the parser refuses is repaired if possible, and parsed once more.
"""

from collections.abc import Callable
from xml.parsers import expat

from callapi.rcml.errors import NOT_XML, DocumentError
from callapi.rcml.findings import Severity
from callapi.rcml.places import Place, Places
from callapi.rcml.repair import repair
from callapi.rcml.report import Report

MAX_DEPTH = 32


class ElementNode:
    """An element as it was written.

    Attributes:
        name: as written; a prefix is part of it.
        attributes: as written, with the references of XML resolved.
        content: texts and elements in their order.
        line, column: where its `<` stands in the text of the application, from 1.
    """

    __slots__ = ("attributes", "column", "content", "line", "name", "report")

    def __init__(self, name: str, attributes: dict[str, str], place: Place, report: Report) -> None:
        self.name = name
        self.attributes = attributes
        self.content: list[str | ElementNode] = []
        self.line, self.column = place
        self.report = report

    def __repr__(self) -> str:
        return f"<Node {self.name} {self.line}:{self.column}>"

    @property
    def text(self) -> str:
        """The text directly inside, trimmed."""
        return "".join([part for part in self.content if isinstance(part, str)]).strip()

    @property
    def children(self) -> list["ElementNode"]:
        """The elements directly inside."""
        return [part for part in self.content if isinstance(part, ElementNode)]

    def error(self, message: str, code: int | None = None, *, attribute: str | None = None) -> None:
        """The document cannot be run, because of this element or one attribute of it."""
        self.report.remark(Severity.ERROR, (self.line, self.column), attribute, message, code)

    def warn(self, message: str, code: int | None = None, *, attribute: str | None = None) -> None:
        """Something here is ignored, or probably not meant."""
        self.report.remark(Severity.WARNING, (self.line, self.column), attribute, message, code)


def read_tree(text: str) -> ElementNode:
    """The root element of `text`.

    Raises:
        DocumentError: 12100; no XML even after repair, or with a DTD, or too deep.
    """
    report = Report(text)
    try:
        return _Builder(text, report).build()
    except DocumentError:
        repaired = repair(text)
        if repaired is None:
            raise
    for warning in repaired.warnings:
        report.add(warning)
    return _Builder(repaired.text, report, repaired.original).build()


class _Builder:
    """The handlers of expat, and the elements that are open: the document itself, the root, and so on."""

    def __init__(self, text: str, report: Report, original: Callable[[Place], Place] | None = None) -> None:
        self._source = text
        self._report = report
        self._original = original
        self._open = [ElementNode("", {}, (1, 1), report)]
        # A Python string is handed to expat as UTF-8, whatever encoding its declaration names.
        self._expat = expat.ParserCreate("utf-8")
        self._expat.buffer_text = True
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._text
        self._expat.StartDoctypeDeclHandler = self._refuse_doctype

    def build(self) -> ElementNode:
        document = self._open[0]
        try:
            self._expat.Parse(self._source, True)  # noqa: FBT003 - expat's own signature
        except expat.ExpatError as error:
            message = f"not XML: {self._explain(error)}"
            raise DocumentError(NOT_XML, message, *self._place(error.lineno, error.offset)) from error
        finally:
            self._release()
        return document.children[0]

    def _release(self) -> None:
        """Drop the handlers: they refer to this builder, which refers to the parser (a reference cycle)."""
        self._expat.StartElementHandler = None
        self._expat.EndElementHandler = None
        self._expat.CharacterDataHandler = None
        self._expat.StartDoctypeDeclHandler = None

    def _place(self, line: int, column: int) -> Place:
        """The place in the text of the application of one that expat names; its columns begin with 0."""
        place = line, column + 1
        return place if self._original is None else self._original(place)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        place = self._place(self._expat.CurrentLineNumber, self._expat.CurrentColumnNumber)
        node = ElementNode(name, attributes, place, self._report)
        self._open[-1].content.append(node)
        self._open.append(node)
        if len(self._open) > MAX_DEPTH + 1:
            raise DocumentError(NOT_XML, f"elements are nested more than {MAX_DEPTH} levels deep", *place)

    def _end(self, _name: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        self._open[-1].content.append(text)

    def _refuse_doctype(self, name: str, *_: object) -> None:
        # Here expat stands somewhere behind the name.
        places = Places(self._source)
        offset = places.offset((self._expat.CurrentLineNumber, self._expat.CurrentColumnNumber + 1))
        line, column = places.of(self._source.rindex("<!DOCTYPE", 0, offset))
        message = "a document type declaration (<!DOCTYPE ...>) is not allowed"
        if name.lower() == "html":
            message = "this is a page for people (<!DOCTYPE html>), not RCML"
        raise DocumentError(NOT_XML, message, *self._place(line, column - 1))

    def _explain(self, error: expat.ExpatError) -> str:
        """The message of expat, with what to change in the most frequent cases."""
        said = expat.ErrorString(error.code) or "malformed"
        innermost = self._open[-1]
        match said:
            case expat.errors.XML_ERROR_TAG_MISMATCH:
                return f"{said}: <{innermost.name}> of line {innermost.line} must be closed first"
            case expat.errors.XML_ERROR_NO_ELEMENTS if innermost.name:
                return f"{said}: <{innermost.name}> of line {innermost.line} is never closed"
            case expat.errors.XML_ERROR_UNDEFINED_ENTITY:
                return f"{said}: there are &amp; &lt; &gt; &quot; &apos; and numbers such as &#160;"
            case expat.errors.XML_ERROR_INVALID_TOKEN:
                offset = Places(self._source).offset((error.lineno, error.offset + 1))
                return f"{said} at {self._source[offset : offset + 20]!r}; a < or & in text is written &lt; or &amp;"
        return said
