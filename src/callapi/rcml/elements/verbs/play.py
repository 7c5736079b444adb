"""`<Play>`: play audio from a URL to the caller, or send digits."""

from dataclasses import dataclass

from callapi.rcml.attributes import Attributes
from callapi.rcml.elements.copied_text import read_url_text
from callapi.rcml.elements.element import Element, refuse_children
from callapi.rcml.tree import ElementNode

MAX_LOOPS = 1000
MAX_DIGITS = 255


@dataclass(frozen=True, slots=True)
class Play(Element):
    """Play `url`, or send `digits`: never both. With neither there is nothing to do."""

    url: str | None = None
    loop: int = 1
    """How many times, 0 to 1000; 0: until the caller hangs up."""
    digits: str | None = None
    """0-9 A-D * #; `w` waits 0.5 s, `W` 1 s."""


def read_play(node: ElementNode, loop_code: int = 13410) -> Play:
    """`<Play>` as written; `loop_code` is Twilio's number for a bad `loop` where it stands."""
    given = Attributes(node)
    digits = given.tones("digits", MAX_DIGITS)
    loop = given.whole("loop", 1, (0, MAX_LOOPS), code=loop_code)
    given.finish()
    refuse_children(node)
    url = read_url_text(node) or None
    if url and digits:
        node.warn("<Play> has digits and a URL: the digits are sent, the URL is overlooked")
        url = None
    elif not url and not digits:
        node.warn("<Play> has neither a URL nor digits: there is nothing to play")
    return Play(url, loop, digits, line=node.line, column=node.column)
