"""`<Hangup>`: end the call."""

from dataclasses import dataclass

from callapi.rcml.attributes import Attributes
from callapi.rcml.elements.element import Element, refuse_text
from callapi.rcml.elements.nested_parameters import Parameters, read_parameters
from callapi.rcml.tree import ElementNode


@dataclass(frozen=True, slots=True)
class Hangup(Element):
    """End the call. It has no attributes."""

    parameters: Parameters = ()
    """What the `action` of a `<Dial><Application>` is sent, where its application hangs up."""


def read_hangup(node: ElementNode) -> Hangup:
    """`<Hangup>` as written."""
    Attributes(node).finish()
    refuse_text(node)
    return Hangup(read_parameters(node), line=node.line, column=node.column)
