"""`<Say>`: speak text to the caller. The SSML elements that Twilio's libraries write may be nested."""

import re
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from callapi.rcml.attributes import Attributes
from callapi.rcml.elements.element import NAMES, Element, refuse_nested
from callapi.rcml.tree import ElementNode

MAX_LOOPS = 1000
SSML = frozenset(
    {"break", "emphasis", "lang", "mark", "p", "phoneme", "prosody", "s", "say-as", "sub", "voice", "w"}
)
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,7}")


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


def read_say(node: ElementNode, loop_code: int = 13510) -> Say:
    """`<Say>` as written; `loop_code` is Twilio's number for a bad `loop` where it stands."""
    given = Attributes(node)
    markup = _markup(node).strip() if node.children else None
    say = Say(
        text=" ".join(_words(node).split()),
        markup=markup,
        voice=given.text("voice"),
        language=read_language(given),
        loop=given.whole("loop", 1, (0, MAX_LOOPS), code=loop_code),
        line=node.line,
        column=node.column,
    )
    given.finish()
    if not say.text:
        node.warn("<Say> has nothing to say", 13520)
    return say


def read_language(given: Attributes) -> str | None:
    """A language tag (RFC 5646), as `<Say>` and `<Gather>` have it."""
    language = given.text("language")
    if language is not None and _LANGUAGE.fullmatch(language) is None:
        given.refuse("language", "a language tag such as en-GB")
        return None
    return language


def _words(node: ElementNode) -> str:
    """The text for an engine that knows no SSML: what a `<sub>` stands for, a gap where there is a break."""
    parts = []
    for part in node.content:
        if isinstance(part, str):
            parts.append(part)
        elif part.name == "sub" and "alias" in part.attributes:
            parts.append(part.attributes["alias"])
        elif part.name not in NAMES:
            parts.append(_words(part) if part.content else " ")
    return "".join(parts)


def _markup(node: ElementNode) -> str:
    """The content as XML. An element that is not SSML is replaced by its content."""
    parts = []
    for part in node.content:
        if isinstance(part, str):
            parts.append(escape(part))
        elif part.name in SSML or part.name.startswith("amazon:"):
            attributes = "".join(f" {name}={quoteattr(value)}" for name, value in part.attributes.items())
            tag = f"{part.name}{attributes}"
            parts.append(f"<{tag}>{_markup(part)}</{part.name}>" if part.content else f"<{tag}/>")
        elif part.name in NAMES:
            refuse_nested(part, node)
        else:
            part.warn(f"<{part.name}> is not SSML: its text is spoken as if the element were not there")
            parts.append(_markup(part))
    return "".join(parts)
