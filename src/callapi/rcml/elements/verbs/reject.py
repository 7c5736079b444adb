"""`<Reject>`: refuse the call unanswered."""

from dataclasses import dataclass
from enum import StrEnum

from callapi.rcml.attributes import Attributes
from callapi.rcml.elements.element import Element, refuse_text
from callapi.rcml.elements.nested_parameters import Parameters, read_parameters
from callapi.rcml.tree import ElementNode


class RejectReason(StrEnum):
    """The final response to the caller."""

    REJECTED = "rejected"
    """603 Decline."""
    BUSY = "busy"
    """486 Busy Here."""


@dataclass(frozen=True, slots=True)
class Reject(Element):
    """Refuse the call. Once it is answered, hang up instead."""

    reason: RejectReason = RejectReason.REJECTED
    parameters: Parameters = ()
    """As of `<Hangup>`."""


def read_reject(node: ElementNode) -> Reject:
    """`<Reject>` as written."""
    given = Attributes(node)
    reason = given.word("reason", RejectReason.REJECTED)
    given.finish()
    refuse_text(node)
    return Reject(reason, read_parameters(node), line=node.line, column=node.column)
