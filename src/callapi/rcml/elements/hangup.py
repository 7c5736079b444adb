"""`<Hangup>`: end the call."""

from dataclasses import dataclass

from callapi.rcml.elements.element import Element


@dataclass(frozen=True, slots=True)
class Hangup(Element):
    """End the call. It has no attributes."""
