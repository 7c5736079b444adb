"""`<Redirect>`: go on with another document."""

from dataclasses import dataclass

from callapi.rcml.attributes import Attributes, Method
from callapi.rcml.elements.copied_text import read_url_text
from callapi.rcml.elements.element import Element, refuse_children
from callapi.rcml.tree import ElementNode


@dataclass(frozen=True, slots=True)
class Redirect(Element):
    """Ask `url` for the document to go on with; what follows in this one is never executed."""

    url: str
    """Absolute, or relative to the current document; empty: the current document again."""
    method: Method = Method.POST


def read_redirect(node: ElementNode) -> Redirect:
    """`<Redirect>` as written."""
    given = Attributes(node)
    method = given.method(code=13710)
    given.finish()
    refuse_children(node)
    url = read_url_text(node)
    if not url:
        node.warn("<Redirect> names no URL: the current document is asked for again")
    return Redirect(url, method, line=node.line, column=node.column)
