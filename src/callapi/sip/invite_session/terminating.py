"""From the end of the session here to its end at the peer: our BYE and its response (RFC 3261 §15.1.1).

::

    ACK ──ACK received, or never──> BYE_ANSWER ──final response, timeout──> over

A called side may not send BYE before the ACK of its 2xx (§15); a caller that was cancelled comes here too when a
2xx crossed its CANCEL.
"""

from enum import StrEnum

from callapi.sip.invite_session.effects import Effect, SessionTimer
from callapi.sip.invite_session.inputs import AckReceived, Begin, Input, RequestReceived, ResponseReceived
from callapi.sip.invite_session.phase import Step
from callapi.sip.invite_session.repeat import Repeater
from callapi.sip.invite_session.usage import Usage
from callapi.sip.outputs import FINISH, SendRequest, TimerFired


class TerminationStep(StrEnum):
    """What we wait for."""

    ACK = "ack"
    BYE_ANSWER = "bye-answer"
    NOTHING = "nothing"


class Terminating:
    """The last phase of a session that we end."""

    __slots__ = ("_headers", "_repeater", "_usage", "state")

    def __init__(
        self,
        usage: Usage,
        waiting: TerminationStep,
        repeater: Repeater | None,
        headers: tuple[tuple[str, str], ...],
    ) -> None:
        self.state = waiting
        self._usage = usage
        self._repeater = repeater
        self._headers = headers

    def handle(self, input_: Input, now: float) -> list[Step]:
        """One input while the dialog is terminated; commands come too late and do nothing."""
        match input_:
            case Begin():
                return [*self._bye()] if self.state is TerminationStep.BYE_ANSWER else []
            case AckReceived(request) if self._repeater is not None:
                is_ours = request.cseq.number == self._repeater.response.cseq.number
                return self._send_bye() if is_ours else []
            case TimerFired(timer=SessionTimer.REPEAT_SUCCESS) if self._repeater is not None:
                return [*self._repeater.again(now)]
            case TimerFired(timer=SessionTimer.SUCCESS_UNACKNOWLEDGED) if self._repeater is not None:
                return self._send_bye()
            case RequestReceived():
                return self._request(input_)
            case ResponseReceived(request, response) if request.method == "BYE" and response.is_final:
                # Whatever it says, a timeout included, the dialog is over.
                return self._over()
            case _:
                return []

    def flow_lost(self) -> list[Step]:
        """As `Phase`: no BYE and no response to one can arrive."""
        return self._over()

    def _send_bye(self) -> list[Step]:
        repeater, self._repeater = self._repeater, None
        self.state = TerminationStep.BYE_ANSWER
        return [*(repeater.end() if repeater is not None else []), *self._bye()]

    def _bye(self) -> list[Effect]:
        bye = self._usage.confirmed_dialog().request("BYE")
        for name, value in self._headers:
            bye.headers.add(name, value)
        return [SendRequest(bye)]

    def _request(self, input_: RequestReceived) -> list[Step]:
        """A BYE that crosses ours is answered 200 (and spares us ours, if it waits); the rest is 481."""
        if input_.request.method != "BYE":
            return [self._usage.respond(input_.handle, input_.request, 481)]
        answer = self._usage.respond(input_.handle, input_.request, 200)
        return [answer] if self.state is TerminationStep.BYE_ANSWER else [answer, *self._over()]

    def _over(self) -> list[Step]:
        self.state = TerminationStep.NOTHING
        return [FINISH]
