"""The status of one call: the only place that judges how a call ends.

::

    queued -> initiated -> ringing -> in-progress -> completed
                                                 \\-> no-answer   (screened, and declined or hung up there)
    queued, initiated, ringing -> busy | no-answer | failed | canceled

A called party may be answered without ringing first; an inbound call begins as `ringing`. Once `in-progress` was
reached, the end is `completed`, joined or not; the one exception is a called party under screening that declined or
hung up (product contract, section 3.2).
"""

from typing import TypeAlias, assert_never

from msgspec import Struct

from callapi.calls.status import CallStatus, status_of_code
from callapi.sip import Party


class InviteSent(Struct, frozen=True, gc=False):
    """The INVITE is on its way."""


class RingingReceived(Struct, frozen=True, gc=False):
    """A 180 or 183 came."""


class CallAnswered(Struct, frozen=True, gc=False):
    """The INVITE has its 2xx, from either side."""


class ScreeningRequired(Struct, frozen=True, gc=False):
    """The called party's answer does not accept the call yet: a screening document decides."""


class CallAccepted(Struct, frozen=True, gc=False):
    """The screening accepted, or a REST command gave the call a document of its own."""


class EndRequested(Struct, frozen=True, gc=False):
    """Our side ends the call; `verdict` is its final status if it was never answered. The first request counts."""

    verdict: CallStatus


class SessionEnded(Struct, frozen=True, gc=False):
    """The SIP session is over; `code`: the final response to the INVITE, None if it was not that which ended it."""

    by: Party
    code: int | None = None


class ProcessLost(Struct, frozen=True, gc=False):
    """The process that had the call is gone, or stops without waiting for the peer."""


Input: TypeAlias = (
    InviteSent
    | RingingReceived
    | CallAnswered
    | ScreeningRequired
    | CallAccepted
    | EndRequested
    | SessionEnded
    | ProcessLost
)

_EARLY = frozenset({CallStatus.INITIATED, CallStatus.RINGING})


class StatusMachine:
    """Moves `status`; every `handle` returns the status that was reached, or None if it did not change."""

    __slots__ = ("_is_inbound", "_needs_acceptance", "_verdict", "status")

    def __init__(self, status: CallStatus, *, is_inbound: bool = False) -> None:
        self.status = status
        self._is_inbound = is_inbound
        self._needs_acceptance = False
        self._verdict: CallStatus | None = None

    @property
    def is_ending(self) -> bool:
        """Whether our side asked for the end, or it was reached."""
        return self._verdict is not None or self.status.is_final

    @property
    def prospect(self) -> CallStatus:
        """The final status that a call which our side is ending will have; else the present status."""
        if self._verdict is None or self.status.is_final:
            return self.status
        return self._judge(SessionEnded(Party.LOCAL))

    def handle(self, event: Input) -> CallStatus | None:
        """Take `event` into account."""
        if self.status.is_final:
            return None
        match event:
            case InviteSent():
                return self._move(CallStatus.INITIATED, self.status is CallStatus.QUEUED)
            case RingingReceived():
                return self._move(CallStatus.RINGING, self.status is CallStatus.INITIATED)
            case CallAnswered():
                return self._move(CallStatus.IN_PROGRESS, self.status in _EARLY)
            case ScreeningRequired():
                self._needs_acceptance = True
            case CallAccepted():
                self._needs_acceptance = False
            case EndRequested(verdict):
                self._verdict = self._verdict or verdict
            case SessionEnded() | ProcessLost():
                self.status = self._judge(event)
                return self.status
            case _:
                assert_never(event)
        return None

    def _move(self, status: CallStatus, is_due: bool) -> CallStatus | None:  # noqa: FBT001 - private
        """What arrives after our side asked for the end changes nothing: a 200 that crosses a CANCEL is late."""
        if not is_due or self._verdict is not None:
            return None
        self.status = status
        return status

    def _judge(self, event: SessionEnded | ProcessLost) -> CallStatus:
        is_lost = isinstance(event, ProcessLost)
        if self.status is CallStatus.IN_PROGRESS:
            was_declined = self._needs_acceptance and self._verdict in {None, CallStatus.NO_ANSWER}
            return CallStatus.NO_ANSWER if was_declined and not is_lost else CallStatus.COMPLETED
        if self._verdict is not None:
            return self._verdict
        if isinstance(event, ProcessLost):
            return CallStatus.FAILED
        if self._is_inbound and event.by is Party.REMOTE:
            return CallStatus.CANCELED
        return status_of_code(event.code)
