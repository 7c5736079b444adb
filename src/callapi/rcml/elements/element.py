"""What every verb and noun has: a place in the document, and rules for what may stand inside."""

from dataclasses import dataclass, field
from enum import StrEnum

from callapi.rcml.tree import ElementNode

VERBS = ("Dial", "Say", "Play", "Pause", "Gather", "Record", "Redirect", "Reject", "Hangup")
NOUNS = ("Number", "Client", "Sip", "Uri", "Video")
NAMES = frozenset({"Response", *VERBS, *NOUNS})


class RecordingEvent(StrEnum):
    """What `recordingStatusCallback` can be told of."""

    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """The place of an element: where its `<` stands, counted from 1; 0 where no text was read.

    Two elements that say the same are equal, wherever they stand.
    """

    line: int = field(default=0, compare=False)
    column: int = field(default=0, compare=False)


def refuse_nested(child: ElementNode, parent: ElementNode, code: int | None = None) -> None:
    """Say of an element that may not stand where it stands: a word of the language is an error there.

    Anything else is overlooked with all that is in it: applications written for a server that knows more
    go on working.
    """
    if child.name in NAMES:
        child.error(f"<{child.name}> cannot stand inside <{parent.name}>", code)
    else:
        child.warn(
            f"unknown element <{child.name}> inside <{parent.name}>, overlooked with all that is in it"
        )


def refuse_text(node: ElementNode) -> None:
    """Say that text means nothing here, if there is any."""
    if node.text:
        node.warn(f"text inside <{node.name}> means nothing, and is overlooked")


def refuse_content(node: ElementNode, code: int | None = None) -> None:
    """Say of whatever stands inside an element that should be empty that it may not."""
    if node.content:
        refuse_text(node)
        refuse_children(node, code)


def refuse_children(node: ElementNode, code: int | None = None) -> None:
    """Say of every element inside one that holds text alone that it may not stand there."""
    for child in node.children:
        refuse_nested(child, node, code)
