"""The INVITE client transaction: RFC 3261 §17.1.1, figure 5, as replaced by RFC 6026 §8.4, figure 4 (Accepted)."""

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
from callapi.sip.transaction.timers import T1, T1_64, Timer

_STOP_A, _STOP_B = StopTimer(Timer.A), StopTimer(Timer.B)
_COPIED = ("via", "from", "to", "call-id", "cseq", "route")
_KEPT_AFTER_SUCCESS = ("via", "from", "call-id", "cseq", "authorization", "proxy-authorization")
_WAIT_D = 32.0  # §17.1.1.2: at least 32 s for unreliable transports


class State(StrEnum):
    """The boxes of the figure."""

    CALLING = "calling"
    PROCEEDING = "proceeding"
    COMPLETED = "completed"
    ACCEPTED = "accepted"
    TERMINATED = "terminated"


class InviteClient:
    """One INVITE on its way to one next hop. The ACK for a 2xx is the business of its user (§13.2.2.4)."""

    __slots__ = ("_ack", "_interval", "_is_reliable", "_request", "state")

    def __init__(self, request: Request, *, is_reliable: bool) -> None:
        self.state = State.CALLING
        self._request: Request | None = request
        self._ack: Request | None = None
        self._is_reliable = is_reliable
        self._interval = T1

    def handle(self, input_: ClientInput, now: float) -> list[Output]:
        """One arrow of the figure."""
        match self.state:
            case State.CALLING:
                return self._calling(input_, now)
            case State.PROCEEDING:
                return self._proceeding(input_, now)
            case State.COMPLETED:
                return self._completed(input_)
            case State.ACCEPTED:
                return self._accepted(input_)
            case State.TERMINATED:
                return []
            case _:
                assert_never(self.state)

    def _calling(self, input_: ClientInput, now: float) -> list[Output]:
        match input_:
            case Start():
                start_b = StartTimer(Timer.B, now + T1_64)
                if self._is_reliable:
                    return [Send(self._invite), start_b]
                return [Send(self._invite), StartTimer(Timer.A, now + self._interval), start_b]
            case TimerFired(timer=Timer.A):
                self._interval *= 2
                return [Send(self._invite), StartTimer(Timer.A, now + self._interval)]
            case Provisional() | Success() | Failure():
                return [_STOP_A, _STOP_B, *self._proceeding(input_, now)]
            case TimerFired(timer=Timer.B):
                return self._terminate(Report(TIMED_OUT))
            case TransportFailed():
                return self._terminate(Report(UNDELIVERABLE))
            case Abandon():
                return self._terminate()
            case TimerFired():
                return []
            case _:
                assert_never(input_)

    def _proceeding(self, input_: ClientInput, now: float) -> list[Output]:
        match input_:
            case Provisional(response):
                self.state = State.PROCEEDING
                return [Report(Answered(response))]
            case Success(response):
                return self._accept(response, now)
            case Failure(response):
                return self._complete(response, now)
            case Abandon():
                # Beyond the figure: Proceeding has no timer, so an unwanted INVITE gets one; a late final
                # response is still acknowledged.
                return [StartTimer(Timer.B, now + T1_64)]
            case TimerFired(timer=Timer.B):
                return self._terminate()
            case Start() | TimerFired() | TransportFailed():
                return []
            case _:
                assert_never(input_)

    def _completed(self, input_: ClientInput) -> list[Output]:
        match input_:
            case Failure():
                return [] if self._ack is None else [Send(self._ack)]
            case TimerFired(timer=Timer.D):
                return self._terminate()
            case TransportFailed():
                # §17.1.1.2: the ACK could not be delivered; its user has the final response already.
                return self._terminate()
            case Start() | Provisional() | Success() | TimerFired() | Abandon():
                return []
            case _:
                assert_never(input_)

    def _accepted(self, input_: ClientInput) -> list[Output]:
        match input_:
            case Success(response):
                # RFC 6026 §7.2: retransmissions, and the 2xx of other forks, all go to the user.
                return [Report(Answered(response))]
            case TimerFired(timer=Timer.M):
                return self._terminate()
            case Start() | Provisional() | Failure() | TimerFired() | TransportFailed() | Abandon():
                return []
            case _:
                assert_never(input_)

    def _accept(self, response: Response, now: float) -> list[Output]:
        self.state = State.ACCEPTED
        self._request = None
        return [StartTimer(Timer.M, now + T1_64), Report(Answered(response))]

    def _complete(self, response: Response, now: float) -> list[Output]:
        self.state = State.COMPLETED
        self._ack = ack_for_failure(self._invite, response)
        self._request = None
        answered: Output = Report(Answered(response))
        if self._is_reliable:
            return [Send(self._ack), *self._terminate(answered)]
        return [Send(self._ack), StartTimer(Timer.D, now + _WAIT_D), answered]

    def _terminate(self, *last: Output) -> list[Output]:
        self.state = State.TERMINATED
        self._request = self._ack = None
        return [*last, FINISH]

    @property
    def _invite(self) -> Request:
        assert self._request is not None, "the INVITE is kept until a final response"  # noqa: S101
        return self._request


def ack_for_failure(invite: Request, response: Response) -> Request:
    """The ACK of a final response >= 300: same branch, Request-URI and Route as the INVITE (§17.1.1.3)."""
    ack = _companion(invite, "ACK")
    ack.headers.set("To", response.headers.get("To") or "")
    return ack


def cancel_for(invite: Request) -> Request:
    """The CANCEL of an INVITE on its way (§9.1)."""
    return _companion(invite, "CANCEL")


def strip_invite(invite: Request) -> Request:
    """What an accepted INVITE is kept for: the ACK and BYE of a fork that answers late (§13.2.2.4)."""
    return Request("INVITE", invite.uri, invite.headers.subset(_KEPT_AFTER_SUCCESS), b"")


def _companion(invite: Request, method: str) -> Request:
    # An INVITE of ours has one Via: we are not a proxy.
    headers = invite.headers.subset(_COPIED)
    headers.set("CSeq", f"{invite.cseq.number} {method}")
    headers.set("Max-Forwards", "70")
    return Request(method, invite.uri, headers, b"")
