"""The non-INVITE client transaction: RFC 3261 §17.1.2, figure 6."""

from enum import StrEnum
from typing import assert_never

from callapi.sip.messages.message import Request, Response
from callapi.sip.outputs import FINISH, Report, Send, StartTimer, StopTimer, TimerFired
from callapi.sip.transaction.inputs import (
    TIMED_OUT,
    UNDELIVERABLE,
    Abandon,
    Answered,
    ClientInput,
    Failure,
    Output,
    Provisional,
    Start,
    Success,
    TransportFailed,
)
from callapi.sip.transaction.timers import T1, T1_64, T2, T4, Timer

_STOP_E, _STOP_F = StopTimer(Timer.E), StopTimer(Timer.F)


class State(StrEnum):
    """The boxes of the figure."""

    TRYING = "trying"
    PROCEEDING = "proceeding"
    COMPLETED = "completed"
    TERMINATED = "terminated"


class NonInviteClient:
    """One request other than INVITE and ACK on its way to one next hop."""

    __slots__ = ("_interval", "_is_reliable", "_request", "state")

    def __init__(self, request: Request, *, is_reliable: bool) -> None:
        self.state = State.TRYING
        self._request: Request | None = request
        self._is_reliable = is_reliable
        self._interval = T1

    def handle(self, input_: ClientInput, now: float) -> list[Output]:
        """One arrow of the figure."""
        match self.state:
            case State.TRYING | State.PROCEEDING:
                return self._waiting(input_, now)
            case State.COMPLETED:
                return self._terminate() if input_ == TimerFired(Timer.K) else []
            case State.TERMINATED:
                return []
            case _:
                assert_never(self.state)

    def _waiting(self, input_: ClientInput, now: float) -> list[Output]:
        """Trying and Proceeding differ only in timer E: once there was a 1xx it runs at T2."""
        match input_:
            case Start():
                start_f = StartTimer(Timer.F, now + T1_64)
                if self._is_reliable:
                    return [Send(self._sent), start_f]
                return [Send(self._sent), StartTimer(Timer.E, now + self._interval), start_f]
            case TimerFired(timer=Timer.E):
                is_trying = self.state is State.TRYING
                self._interval = min(2 * self._interval, T2) if is_trying else T2
                return [Send(self._sent), StartTimer(Timer.E, now + self._interval)]
            case Provisional(response):
                self.state = State.PROCEEDING
                return [Report(Answered(response))]
            case Success(response) | Failure(response):
                return [_STOP_E, _STOP_F, *self._complete(response, now)]
            case TimerFired() | TransportFailed() | Abandon():
                return self._give_up(input_)
            case _:
                assert_never(input_)

    def _give_up(self, cause: TimerFired | TransportFailed | Abandon) -> list[Output]:
        match cause:
            case TimerFired(timer=Timer.F):
                return self._terminate(Report(TIMED_OUT))
            case TransportFailed():
                return self._terminate(Report(UNDELIVERABLE))
            case Abandon():
                return self._terminate()
            case TimerFired():
                return []
            case _:
                assert_never(cause)

    def _complete(self, response: Response, now: float) -> list[Output]:
        answered: Output = Report(Answered(response))
        if self._is_reliable:
            return self._terminate(answered)
        self.state = State.COMPLETED
        self._request = None
        return [StartTimer(Timer.K, now + T4), answered]

    def _terminate(self, *last: Output) -> list[Output]:
        self.state = State.TERMINATED
        self._request = None
        return [*last, FINISH]

    @property
    def _sent(self) -> Request:
        assert self._request is not None, "the request is kept until a final response"  # noqa: S101
        return self._request
