"""What all nouns of `<Dial>` have in common: screening and status callbacks."""

from dataclasses import dataclass
from enum import StrEnum

from callapi.rcml.elements.element import Element, Method


class CallEvent(StrEnum):
    """A step of a leg that `statusCallback` can be told of."""

    INITIATED = "initiated"
    RINGING = "ringing"
    ANSWERED = "answered"
    COMPLETED = "completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Noun(Element):
    """Somebody to call, and the URLs that hear of it."""

    url: str | None = None
    """Screening: the document that runs on the called party's end before the parties are joined."""
    method: Method = Method.POST
    """How `url` is asked."""
    status_callback: str | None = None
    """URL that is told of the steps of this leg."""
    status_callback_method: Method = Method.POST
    status_callback_events: frozenset[CallEvent] = frozenset({CallEvent.COMPLETED})
    """Which steps; `completed` alone where none is named."""
