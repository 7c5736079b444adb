"""The subscriber of a REFER that was sent (RFC 3515 §2.4, RFC 6665 §4.1).

::

    SENT ──2xx, NOTIFY──> ACTIVE ──final status, terminated, no NOTIFY in time──> ENDED ──terminated, time──> OVER
      └── final response >= 300 ──> OVER

A NOTIFY may come before the 2xx. After the final status the machine stays for a while, so that the NOTIFY that closes
the subscription is answered 200.
"""

from enum import StrEnum
from typing import assert_never

from callapi.sip.authentication.authenticator import Authenticator
from callapi.sip.dialog import Dialog
from callapi.sip.invite_session.inputs import Begin, RequestReceived, ResponseReceived
from callapi.sip.messages.message import Request, make_response
from callapi.sip.messages.transfer import sipfrag_status
from callapi.sip.outputs import FINISH, Report, Respond, SendRequest, StartTimer, StopTimer, TimerFired
from callapi.sip.subscription.events import (
    ExtraHeaders,
    ReferAccepted,
    ReferEnded,
    ReferEvent,
    ReferProgress,
    ReferRefused,
    SubscriberInput,
    SubscriberOutput,
    SubscriptionTimer,
)
from callapi.sip.transaction.timers import T1_64

MAX_SILENCE_S = 180.0
"""Between two NOTIFYs, after the first; a phone that rings longer is given up."""


class State(StrEnum):
    """Where the reference stands."""

    SENT = "sent"
    ACTIVE = "active"
    ENDED = "ended"
    OVER = "over"


class ReferSubscriber:
    """The machine of one REFER of ours; `event_id` is that of its events (RFC 3515 §2.4.6)."""

    __slots__ = ("_authenticator", "_cnonce", "_dialog", "_refer", "event_id", "state")

    def __init__(self, dialog: Dialog, refer: Request, authenticator: Authenticator, cnonce: str) -> None:
        """`refer` was made by the dialog and lacks a Via; `cnonce` is fresh entropy."""
        self.state = State.SENT
        self.event_id = str(refer.cseq.number)
        self._dialog = dialog
        self._refer = refer
        self._authenticator = authenticator
        self._cnonce = cnonce

    def handle(self, input_: SubscriberInput, now: float) -> list[SubscriberOutput]:
        """One input."""
        match input_:
            case Begin():
                return [SendRequest(self._refer)]
            case ResponseReceived():
                return self._answered(input_, now)
            case RequestReceived(request, _):
                return self._notified(input_, request, now)
            case TimerFired(timer):
                return self._timer(SubscriptionTimer(timer))
            case _:
                assert_never(input_)

    def _answered(self, input_: ResponseReceived, now: float) -> list[SubscriberOutput]:
        response = input_.response
        if not response.is_final or self.state is State.OVER:
            return []
        if response.is_success:
            accepted: list[SubscriberOutput] = [Report[ReferEvent](ReferAccepted(response))]
            if (response.headers.get("Refer-Sub") or "").strip().lower().startswith("false"):  # RFC 4488
                return [
                    *accepted,
                    *self._end(None, "the peer reports no progress (norefersub)"),
                    *self._finish(),
                ]
            if self.state is State.SENT:
                self.state = State.ACTIVE
                return [*accepted, StartTimer(SubscriptionTimer.FIRST_NOTIFY, now + T1_64)]
            return accepted
        number = self._dialog.local_cseq + 1
        again = self._authenticator.answer(input_.request, response, cseq=number, cnonce=self._cnonce)
        if again is not None:
            self._dialog.local_cseq = number
            self.event_id = str(number)
            self._refer = again
            return [SendRequest(again)]
        if self.state is not State.SENT:
            return []
        return [Report[ReferEvent](ReferRefused(response, input_.is_local)), *self._finish()]

    def _notified(self, input_: RequestReceived, request: Request, now: float) -> list[SubscriberOutput]:
        respond = Respond(input_.handle, make_response(request, 200, to_tag=self._dialog.local_tag))
        if self.state is State.OVER:
            return [Respond(input_.handle, make_response(request, 481, to_tag=self._dialog.local_tag))]
        state, _, parameters = (request.headers.get("Subscription-State") or "").partition(";")
        is_terminated = state.strip().lower() == "terminated"
        steps: list[SubscriberOutput] = [respond]
        found = sipfrag_status(request.body)
        if self.state is not State.ENDED:
            self.state = State.ACTIVE
            steps += [
                StopTimer(SubscriptionTimer.FIRST_NOTIFY),
                StartTimer(SubscriptionTimer.EXPIRES, now + MAX_SILENCE_S),
            ]
            if found is not None and found[0] >= 200:
                steps += [*self._end(*found), StartTimer(SubscriptionTimer.EXPIRES, now + T1_64)]
            elif is_terminated:
                steps += self._end(None, parameters.strip() or "the peer ended the subscription")
            elif found is not None:
                steps.append(Report[ReferEvent](ReferProgress(*found)))
        return [*steps, *self._finish()] if is_terminated else steps

    def _timer(self, timer: SubscriptionTimer) -> list[SubscriberOutput]:
        if self.state in (State.SENT, State.OVER):
            return []
        if self.state is State.ENDED:
            return self._finish()
        why = "no NOTIFY came" if timer is SubscriptionTimer.FIRST_NOTIFY else "no further NOTIFY came"
        return [*self._end(None, why), *self._finish()]

    def _end(self, status: int | None, reason: str) -> list[SubscriberOutput]:
        self.state = State.ENDED
        return [Report[ReferEvent](ReferEnded(status, reason))]

    def _finish(self) -> list[SubscriberOutput]:
        self.state = State.OVER
        return [StopTimer(SubscriptionTimer.FIRST_NOTIFY), StopTimer(SubscriptionTimer.EXPIRES), FINISH]


def refer_request(
    dialog: Dialog, contact: str, refer_to: str, *, referred_by: str | None, headers: ExtraHeaders
) -> Request:
    """A REFER within a dialog (RFC 3515 §2.4.1, RFC 3892); Via is still to be put."""
    request = dialog.request("REFER")
    request.headers.add("Contact", contact)
    request.headers.add("Refer-To", refer_to)
    if referred_by is not None:
        request.headers.add("Referred-By", referred_by)
    for name, value in headers:
        request.headers.add(name, value)
    return request
