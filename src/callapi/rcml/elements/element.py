"""What every verb and noun has: a place in the document, and rules for its content."""

from dataclasses import dataclass, field
from enum import StrEnum

from callapi.rcml.tree import ElementNode

VERBS = (
    "Dial",
    "Say",
    "Play",
    "Pause",
    "Gather",
    "Record",
    "Redirect",
    "Reject",
    "Hangup",
    "Enqueue",
    "Leave",
    "Refer",
    "Echo",
    "Connect",
    "Start",
    "Stop",
)
NOUNS = (
    "Number",
    "Client",
    "Sip",
    "Uri",
    "Video",
    "Conference",
    "Queue",
    "Application",
    "Stream",
    "ConversationRelay",
    "Transcription",
    "Recording",
)
NAMES = frozenset({"Response", *VERBS, *NOUNS})


class RecordingEvent(StrEnum):
    """A step of a recording that `recordingStatusCallback` can report."""

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
    """Report an element that is not allowed here: an element of the language is an error.

    Anything else is ignored with its content, with a warning: applications written for a server that supports
    more go on working.
    """
    if child.name in NAMES:
        child.error(f"<{child.name}> cannot stand inside <{parent.name}>", code)
    else:
        child.warn(
            f"unknown element <{child.name}> inside <{parent.name}>, overlooked with all that is in it"
        )


def refuse_text(node: ElementNode) -> None:
    """Warn of text where none is allowed."""
    if node.text:
        node.warn(f"text inside <{node.name}> means nothing, and is overlooked")


def refuse_content(node: ElementNode, code: int | None = None) -> None:
    """Report everything inside an element that must be empty."""
    if node.content:
        refuse_text(node)
        refuse_children(node, code)


def refuse_children(node: ElementNode, code: int | None = None) -> None:
    """Report every element inside one that may hold text alone."""
    for child in node.children:
        refuse_nested(child, node, code)
