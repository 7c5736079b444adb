"""`<Pause>`: wait."""

from dataclasses import dataclass

from callapi.rcml.elements.element import Element

LONGEST_S = 86_400


@dataclass(frozen=True, slots=True)
class Pause(Element):
    """Wait in silence. As the first verb it lets the caller ring for so long: it does not answer."""

    length: int = 1
    """Seconds, 0 to 86400."""
