"""`<Play>`: play audio from a URL to the caller, or send digits."""

from dataclasses import dataclass

from callapi.rcml.elements.element import Element

MOST_DIGITS = 255


@dataclass(frozen=True, slots=True)
class Play(Element):
    """Play `url`, or send `digits`: never both. With neither there is nothing to do."""

    url: str | None = None
    loop: int = 1
    """How many times, 0 to 1000; 0: until the caller hangs up."""
    digits: str | None = None
    """0-9 A-D * #; `w` waits 0.5 s, `W` 1 s."""
