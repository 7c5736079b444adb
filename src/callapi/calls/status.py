"""The words for the state of a call, and what a final SIP response means for it.

The transitions are in `status_machine`.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from callapi.sip import Party


class CallStatus(StrEnum):
    """Twilio's words for the state of a call (`CallStatus`, and `Status` over REST)."""

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
        """Whether no other status can follow."""
        return self in FINAL

    @property
    def step(self) -> str:
        """The word of `StatusCallbackEvent` for reaching this status."""
        if self is CallStatus.IN_PROGRESS:
            return "answered"
        return "completed" if self in FINAL else self.value


FINAL: Final = frozenset(
    {CallStatus.COMPLETED, CallStatus.BUSY, CallStatus.NO_ANSWER, CallStatus.CANCELED, CallStatus.FAILED}
)

# The order in which a Dial without a winner reports its best outcome.
_BEST_FIRST: Final = (CallStatus.BUSY, CallStatus.NO_ANSWER, CallStatus.CANCELED, CallStatus.FAILED)

_BUSY: Final = frozenset({486, 600, 603})
_NO_ANSWER: Final = frozenset({408, 480, 487})


class Ending(Struct, frozen=True, gc=False):
    """Who ended a call, why in words, and the SIP status that said so (None: a BYE, or no message at all)."""

    by: Party
    reason: str
    sip_status: int | None = None
    sip_reason: str | None = None
    """The Reason header (RFC 3326) of the peer's CANCEL or BYE, as received."""


def status_of_code(code: int | None) -> CallStatus:
    """The final status of an unanswered call, by the final response to its INVITE (None: no response came)."""
    if code in _BUSY:
        return CallStatus.BUSY
    if code in _NO_ANSWER:
        return CallStatus.NO_ANSWER
    return CallStatus.FAILED


def best_of(statuses: list[CallStatus]) -> CallStatus:
    """What a Dial without a winner reports: busy, no-answer, canceled, failed, in this order; no target: failed."""
    return min(statuses, key=_BEST_FIRST.index, default=CallStatus.FAILED)
