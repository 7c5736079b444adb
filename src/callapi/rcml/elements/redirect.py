"""`<Redirect>`: go on with another document."""

from dataclasses import dataclass

from callapi.rcml.elements.element import Element, Method


@dataclass(frozen=True, slots=True)
class Redirect(Element):
    """Ask `url` for the document to go on with; what follows in this one is never executed."""

    url: str
    """Absolute, or relative to the current document; empty: the current document again."""
    method: Method = Method.POST
