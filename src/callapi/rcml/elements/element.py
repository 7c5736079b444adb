"""What every verb and noun has: a place in the document; and the values that several of them share."""

from dataclasses import dataclass, field
from enum import StrEnum


class Method(StrEnum):
    """How a URL is asked. Written in any letter case."""

    GET = "GET"
    POST = "POST"


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
