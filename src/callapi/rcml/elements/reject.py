"""`<Reject>`: refuse the call unanswered."""

from dataclasses import dataclass
from enum import StrEnum

from callapi.rcml.elements.element import Element


class RejectReason(StrEnum):
    """What the caller is told."""

    REJECTED = "rejected"
    """603 Decline."""
    BUSY = "busy"
    """486 Busy Here."""


@dataclass(frozen=True, slots=True)
class Reject(Element):
    """Refuse the call. Once it is answered, hang up instead."""

    reason: RejectReason = RejectReason.REJECTED
