"""Responses that are repeated until the peer confirms them: the 2xx to INVITE, and reliable provisionals.

RFC 3261 §13.3.1.4: a 2xx is repeated at T1, doubling up to T2, until its ACK comes or 64*T1 have passed; over every
transport, since a later hop may be unreliable. RFC 3262 §3: a reliable provisional at T1, doubling, likewise.
"""

from callapi.sip.invite_session.effects import Effect, SessionTimer
from callapi.sip.messages.message import Response
from callapi.sip.outputs import Handle, Respond, StartTimer, StopTimer
from callapi.sip.transaction.timers import T1, T1_64, T2


class Repeater:
    """One response under repetition; its two timers are named by the owner, who also acts when it gives up."""

    __slots__ = ("_again", "_handle", "_interval", "_max_interval", "_over", "response")

    def __init__(self, handle: Handle, response: Response, again: SessionTimer, over: SessionTimer) -> None:
        self.response = response
        self._handle = handle
        self._again = again
        self._over = over
        self._interval = T1
        self._max_interval = T2 if response.status >= 200 else T1_64

    def begin(self, now: float) -> list[Effect]:
        """Send it, for the first time."""
        return [
            Respond(self._handle, self.response),
            StartTimer(self._again, now + self._interval),
            StartTimer(self._over, now + T1_64),
        ]

    def again(self, now: float) -> list[Effect]:
        """Its first timer fired: send it again."""
        self._interval = min(2 * self._interval, self._max_interval)
        return [Respond(self._handle, self.response), StartTimer(self._again, now + self._interval)]

    def end(self) -> list[Effect]:
        """Confirmed, or given up."""
        return [StopTimer(self._again), StopTimer(self._over)]


def success_repeater(handle: Handle, response: Response) -> Repeater:
    """For a 2xx to INVITE."""
    return Repeater(handle, response, SessionTimer.REPEAT_SUCCESS, SessionTimer.SUCCESS_UNACKNOWLEDGED)
