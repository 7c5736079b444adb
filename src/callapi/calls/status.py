"""How a call stands, and how it ended.

::

    queued -> initiated -> ringing -> in-progress -> completed
                   any of the first three -> busy | no-answer | failed | canceled
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from callapi.sip import Party


class CallStatus(StrEnum):
    """The vendor's words for the state of a call (`CallStatus`, and `Status` over REST)."""

    QUEUED = "queued"
    INITIATED = "initiated"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    CANCELED = "canceled"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether nothing can follow."""
        return self in FINAL


FINAL: Final = frozenset(
    {CallStatus.COMPLETED, CallStatus.BUSY, CallStatus.NO_ANSWER, CallStatus.CANCELED, CallStatus.FAILED}
)

# The order in which a Dial without a winner reports its best outcome.
_BEST_FIRST: Final = (CallStatus.BUSY, CallStatus.NO_ANSWER, CallStatus.CANCELED, CallStatus.FAILED)

_BUSY: Final = frozenset({486, 600, 603})
_NO_ANSWER: Final = frozenset({408, 480, 487})


class Ending(Struct, frozen=True):
    """Who ended a call, why in words, and the SIP status that said so (None: a BYE, or nothing was heard)."""

    by: Party
    reason: str
    sip_status: int | None = None


def status_of_code(code: int | None) -> CallStatus:
    """The end of a call that was never answered, by the final code of its INVITE (None: nothing came back)."""
    if code in _BUSY:
        return CallStatus.BUSY
    if code in _NO_ANSWER:
        return CallStatus.NO_ANSWER
    return CallStatus.FAILED


def best_of(statuses: list[CallStatus]) -> CallStatus:
    """What a Dial without a winner reports: busy, no-answer, canceled, failed, in this order; nothing: failed."""
    return min(statuses, key=_BEST_FIRST.index, default=CallStatus.FAILED)
