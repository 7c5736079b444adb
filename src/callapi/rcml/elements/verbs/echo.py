"""`<Echo>`: let the caller hear itself."""

from dataclasses import dataclass

from callapi.rcml.attributes import Attributes
from callapi.rcml.elements.element import Element, refuse_content
from callapi.rcml.tree import ElementNode


@dataclass(frozen=True, slots=True)
class Echo(Element):
    """Play back what the caller says, until it hangs up. It has no attributes."""


def read_echo(node: ElementNode) -> Echo:
    """`<Echo>` as written."""
    Attributes(node).finish()
    refuse_content(node)
    return Echo(line=node.line, column=node.column)
