"""The machine of one INVITE session: the phases in turn, and what is common to all of them.

Common are the answer to a digest challenge within the dialog (RFC 3261 §22), and for a caller the 2xx that come
after the first (`late_responses`): a caller's machine stays until the transaction of its INVITE has ended.
"""

from typing import TypeGuard

from callapi.sip.invite_session.attempts import Attempts
from callapi.sip.invite_session.effects import Effect, SendAck, SendInvite
from callapi.sip.invite_session.inputs import (
    BEGIN,
    FlowLost,
    Input,
    InviteOver,
    RequestReceived,
    ResponseReceived,
)
from callapi.sip.invite_session.late_responses import LateResponses
from callapi.sip.invite_session.phase import Become, Phase, Step
from callapi.sip.invite_session.uac import Inviting
from callapi.sip.invite_session.uas import Ringing
from callapi.sip.invite_session.usage import Usage
from callapi.sip.messages.message import Request, make_response
from callapi.sip.outputs import FINISH, Finish, Handle, Respond, SendRequest

_NOTED = frozenset({Become, Finish, SendInvite, SendAck})
"""What the common part does not merely pass on."""


def _are_effects(steps: list[Step]) -> TypeGuard[list[Effect]]:
    """Whether all of these are for the endpoint alone."""
    return _NOTED.isdisjoint(map(type, steps))


class _Gone:
    """The last phase: `lingering` while late responses to our INVITE may arrive, then `over`."""

    __slots__ = ("state",)

    def __init__(self, state: str) -> None:
        self.state = state

    def handle(self, input_: Input, now: float) -> list[Step]:
        """The dialog is gone: 481 (RFC 3261 §12.2.2)."""
        del now
        match input_:
            case RequestReceived(request, handle):
                return [Respond(handle, make_response(request, 481))]
            case _:
                return []

    def flow_lost(self) -> list[Step]:
        """As `Phase`: nothing depends on it any more."""
        return []


class InviteSession:
    """One session, from its INVITE to the last retransmission that it may have to answer."""

    __slots__ = ("_late_responses", "_live_invites", "_number", "_phase", "_usage")

    def __init__(self, usage: Usage, phase: Phase) -> None:
        self._usage: Usage | None = usage
        self._phase: Phase = phase
        self._late_responses = LateResponses() if usage.is_caller else None
        self._live_invites = 0
        self._number = 0
        """CSeq of the initial INVITE as last sent, for a caller."""

    @classmethod
    def inbound(cls, usage: Usage, invite: Request, handle: Handle) -> "InviteSession":
        """For an INVITE that came; `usage.dialog` is its dialog."""
        return cls(usage, Ringing(usage, invite, handle))

    @classmethod
    def outbound(cls, usage: Usage, invite: Request) -> "InviteSession":
        """For an INVITE to be sent; it lacks Via and Contact."""
        return cls(usage, Inviting(usage, Attempts(invite, usage.authenticator)))

    def has_dialog(self, remote_tag: str) -> bool:
        """Whether a dialog with this tag of the peer, early or confirmed, belongs to the session."""
        if isinstance(self._phase, Inviting):
            return self._phase.has_early_dialog(remote_tag)
        dialog = None if self._usage is None else self._usage.dialog
        return dialog is not None and dialog.remote_tag == remote_tag

    @property
    def state(self) -> str:
        """For the log: phase and state."""
        return f"{type(self._phase).__name__}.{self._phase.state}"

    def handle(self, input_: Input | FlowLost, now: float) -> list[Effect]:
        """Take one input. Raises LocalProtocolError for a command that the protocol forbids now."""
        if isinstance(input_, FlowLost):
            return self._perform(self._phase.flow_lost(), now)
        if isinstance(input_, ResponseReceived):
            if self._late_responses is not None and self._is_late(input_):
                return self._late_responses.settle(input_)
            if input_.response.status in (401, 407):
                again = self._authenticated(input_)
                if again is not None:
                    return [SendRequest(again)]
        elif isinstance(input_, InviteOver) and input_.request.cseq.number <= self._number:
            self._live_invites -= 1
            if self._live_invites <= 0:
                self._late_responses = None  # the last transaction that could have reported one
                if self._phase.state == "lingering":
                    self._phase = _Gone("over")
                    return [FINISH]
        return self._perform(self._phase.handle(input_, now), now)

    def _perform(self, steps: list[Step], now: float) -> list[Effect]:
        """Let the phases hand over, and note what the common part must know."""
        if _are_effects(steps):
            return steps
        effects: list[Effect] = []
        for step in steps:
            match step:
                case Become(phase):
                    self._phase = phase
                    effects += self._perform(phase.handle(BEGIN, now), now)
                case Finish():
                    effects += self._finish()
                case SendInvite(request):
                    self._live_invites += 1
                    self._number = request.cseq.number
                    effects.append(step)
                case SendAck(request):
                    if self._late_responses is not None and request.cseq.number == self._number:
                        self._late_responses.remember(request)
                    effects.append(step)
                case _:
                    effects.append(step)
        return effects

    def _finish(self) -> list[Effect]:
        """The session is over; a caller lingers while an INVITE of it may still be answered by a 2xx."""
        usage = self._usage
        is_answered = usage is not None and usage.dialog is not None and usage.dialog.is_confirmed
        may_be_answered = is_answered or (usage is not None and usage.is_given_up)
        # A refused INVITE can bring no 2xx any more; its transaction is the last one counted.
        waits = self._live_invites > (0 if may_be_answered else 1)
        self._usage = None
        self._phase = _Gone("lingering" if waits else "over")
        return [] if waits else [FINISH]

    def _is_late(self, input_: ResponseReceived) -> bool:
        if input_.request.method != "INVITE":
            return False
        number = input_.request.cseq.number
        return number < self._number or (number == self._number and not isinstance(self._phase, Inviting))

    def _authenticated(self, input_: ResponseReceived) -> Request | None:
        """The request again, with credentials; the initial INVITE has its own tries."""
        usage = self._usage
        if usage is None or usage.dialog is None or isinstance(self._phase, Inviting):
            return None
        number = usage.dialog.local_cseq + 1
        cnonce = f"{int(usage.entropy() * 2**48):012x}"
        again = usage.authenticator.answer(input_.request, input_.response, cseq=number, cnonce=cnonce)
        if again is not None:
            usage.dialog.local_cseq = number
        return again
