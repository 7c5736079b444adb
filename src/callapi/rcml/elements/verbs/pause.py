"""`<Pause>`: wait."""

from dataclasses import dataclass

from callapi.rcml.attributes import Attributes
from callapi.rcml.elements.element import Element, refuse_content
from callapi.rcml.tree import ElementNode

MAX_S = 86_400


@dataclass(frozen=True, slots=True)
class Pause(Element):
    """Wait in silence. As the first verb it lets the caller ring for so long: it does not answer."""

    length: int = 1
    """Seconds, 0 to 86400."""


def read_pause(node: ElementNode) -> Pause:
    """`<Pause>` as written."""
    given = Attributes(node)
    length = given.whole("length", 1, (0, MAX_S), code=13910)
    given.finish()
    refuse_content(node)
    return Pause(length, line=node.line, column=node.column)
