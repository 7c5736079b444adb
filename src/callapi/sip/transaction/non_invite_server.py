"""The non-INVITE server transaction: RFC 3261 §17.2.2, figure 8."""

from enum import StrEnum
from typing import assert_never

from callapi.sip.messages.message import Response
from callapi.sip.outputs import FINISH, Report, Send, StartTimer, TimerFired
from callapi.sip.transaction.inputs import (
    UNDELIVERABLE,
    Acked,
    Failure,
    Output,
    Provisional,
    Retransmitted,
    ServerInput,
    Start,
    Success,
    TransportFailed,
)
from callapi.sip.transaction.timers import T1_64, Timer


class State(StrEnum):
    """The boxes of the figure."""

    TRYING = "trying"
    PROCEEDING = "proceeding"
    COMPLETED = "completed"
    TERMINATED = "terminated"


class NonInviteServer:
    """One request other than INVITE and ACK that came to us.

    Beyond the figure: a request that its user never answers is forgotten after 64*T1, when its client has given
    up too (timer F there), so that no state is kept without a bound. Timer J serves for this as well.
    """

    __slots__ = ("_is_reliable", "_last", "state")

    def __init__(self, *, is_reliable: bool) -> None:
        self.state = State.TRYING
        self._last: Response | None = None
        self._is_reliable = is_reliable

    def handle(self, input_: ServerInput, now: float) -> list[Output]:
        """One arrow of the figure."""
        match self.state:
            case State.TRYING | State.PROCEEDING:
                return self._open(input_, now)
            case State.COMPLETED:
                return self._completed(input_)
            case State.TERMINATED:
                return []
            case _:
                assert_never(self.state)

    def _open(self, input_: ServerInput, now: float) -> list[Output]:
        """Trying and Proceeding differ only in whether there is a response to repeat."""
        match input_:
            case Start():
                return [StartTimer(Timer.J, now + T1_64)]
            case Retransmitted():
                return [] if self._last is None else [Send(self._last)]
            case Provisional(response):
                self.state = State.PROCEEDING
                self._last = response
                return [Send(response)]
            case Success(response) | Failure(response):
                if self._is_reliable:  # timer J is zero
                    return self._terminate(Send(response))
                self.state = State.COMPLETED
                self._last = response
                return [Send(response), StartTimer(Timer.J, now + T1_64)]
            case TransportFailed():
                return self._terminate(Report(UNDELIVERABLE))
            case TimerFired(timer=Timer.J):
                return self._terminate()
            case TimerFired() | Acked():
                return []
            case _:
                assert_never(input_)

    def _completed(self, input_: ServerInput) -> list[Output]:
        match input_:
            case Retransmitted():
                return [] if self._last is None else [Send(self._last)]
            case TransportFailed():
                return self._terminate(Report(UNDELIVERABLE))
            case TimerFired(timer=Timer.J):
                return self._terminate()
            case Start() | Acked() | Provisional() | Success() | Failure() | TimerFired():
                return []
            case _:
                assert_never(input_)

    def _terminate(self, *last: Output) -> list[Output]:
        self.state = State.TERMINATED
        self._last = None
        return [*last, FINISH]
