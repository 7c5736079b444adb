"""`<Say>`: speak text to the caller. SSML elements may be nested."""

from dataclasses import dataclass

from callapi.rcml.elements.element import Element

MOST_LOOPS = 1000


@dataclass(frozen=True, slots=True)
class Say(Element):
    """Speak."""

    text: str
    """What is said, without markup."""
    markup: str | None = None
    """The same with its SSML elements, as the inside of `<speak>`; None: there are none."""
    voice: str | None = None
    """A voice of the speech engine, or `man`, `woman`; None: the engine's default for the language."""
    language: str | None = None
    """A language tag such as `en-GB`; None: the engine's default."""
    loop: int = 1
    """How many times; 0: until the caller hangs up."""
