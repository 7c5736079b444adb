"""`<Hangup>`: end the call."""

from dataclasses import dataclass

from callapi.rcml.attributes import Attributes
from callapi.rcml.elements.element import Element, refuse_content
from callapi.rcml.tree import ElementNode


@dataclass(frozen=True, slots=True)
class Hangup(Element):
    """End the call. It has no attributes."""


def read_hangup(node: ElementNode) -> Hangup:
    """`<Hangup>` as written."""
    Attributes(node).finish()
    refuse_content(node)
    return Hangup(line=node.line, column=node.column)
