"""The INVITE server transaction: RFC 3261 §17.2.1, figure 7, as replaced by RFC 6026 §8.5, figure 5 (Accepted)."""

from enum import StrEnum
from typing import assert_never

from callapi.sip.messages.message import Response
from callapi.sip.outputs import FINISH, Report, Send, StartTimer, StopTimer, TimerFired
from callapi.sip.transaction.inputs import (
    TIMED_OUT,
    UNDELIVERABLE,
    Acked,
    AckReceived,
    Failure,
    Output,
    Provisional,
    Retransmitted,
    ServerInput,
    Start,
    Success,
    TransportFailed,
)
from callapi.sip.transaction.timers import T1, T1_64, T2, T4, Timer


class State(StrEnum):
    """The boxes of the figure."""

    PROCEEDING = "proceeding"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    ACCEPTED = "accepted"
    TERMINATED = "terminated"


class InviteServer:
    """One INVITE that came to us. 100 Trying is sent at once: our user asks an application over HTTP first."""

    __slots__ = ("_interval", "_is_reliable", "_last", "state")

    def __init__(self, trying: Response, *, is_reliable: bool) -> None:
        self.state = State.PROCEEDING
        self._last = trying
        self._is_reliable = is_reliable
        self._interval = T1

    def handle(self, input_: ServerInput, now: float) -> list[Output]:
        """One arrow of the figure."""
        match self.state:
            case State.PROCEEDING:
                return self._proceeding(input_, now)
            case State.COMPLETED:
                return self._completed(input_, now)
            case State.CONFIRMED:
                return self._confirmed(input_)
            case State.ACCEPTED:
                return self._accepted(input_)
            case State.TERMINATED:
                return []
            case _:
                assert_never(self.state)

    def _proceeding(self, input_: ServerInput, now: float) -> list[Output]:
        match input_:
            case Start() | Retransmitted():
                return [Send(self._last)]
            case Provisional(response):
                self._last = response
                return [Send(response)]
            case Success(response):
                # RFC 6026 §7.1: the 2xx is the user's to repeat; the transaction only absorbs INVITEs.
                self.state = State.ACCEPTED
                del self._last
                return [Send(response), StartTimer(Timer.L, now + T1_64)]
            case Failure(response):
                self.state = State.COMPLETED
                self._last = response
                start_h = StartTimer(Timer.H, now + T1_64)
                if self._is_reliable:
                    return [Send(response), start_h]
                return [Send(response), StartTimer(Timer.G, now + self._interval), start_h]
            case TransportFailed():
                return [Report(UNDELIVERABLE)]
            case Acked() | TimerFired():
                return []
            case _:
                assert_never(input_)

    def _completed(self, input_: ServerInput, now: float) -> list[Output]:
        match input_:
            case Retransmitted():
                return [Send(self._last)]
            case TimerFired(timer=Timer.G):
                self._interval = min(2 * self._interval, T2)
                return [Send(self._last), StartTimer(Timer.G, now + self._interval)]
            case Acked():
                self.state = State.CONFIRMED
                stop = [StopTimer(Timer.G), StopTimer(Timer.H)]
                # §17.2.1: timer I lasts T4 for unreliable transports and zero seconds for the others.
                return [*stop, *self._terminate()] if self._is_reliable else [*stop, _start_i(now)]
            case TimerFired(timer=Timer.H):
                return self._terminate(Report(TIMED_OUT))
            case TransportFailed():
                return [Report(UNDELIVERABLE)]
            case Start() | Provisional() | Success() | Failure() | TimerFired():
                return []
            case _:
                assert_never(input_)

    def _confirmed(self, input_: ServerInput) -> list[Output]:
        if input_ == TimerFired(Timer.I):
            return self._terminate()
        return []

    def _accepted(self, input_: ServerInput) -> list[Output]:
        match input_:
            case Success(response):
                return [Send(response)]
            case Acked(request):
                return [Report(AckReceived(request))]
            case TimerFired(timer=Timer.L):
                return self._terminate()
            case TransportFailed():
                return [Report(UNDELIVERABLE)]
            case Start() | Retransmitted() | Provisional() | Failure() | TimerFired():
                return []
            case _:
                assert_never(input_)

    def _terminate(self, *last: Output) -> list[Output]:
        self.state = State.TERMINATED
        return [*last, FINISH]


def _start_i(now: float) -> StartTimer:
    return StartTimer(Timer.I, now + T4)
