"""The notifier of a REFER that was received (RFC 3515 §2.4.4, RFC 6665 §4.2).

::

    PENDING ──accept──> ACTIVE ──final status, unsubscribed, expired──> CLOSING ──NOTIFY answered──> OVER
       │                  └── NOTIFY refused or unanswered ──> OVER
       ├── accept, norefersub (RFC 4488) ──> OVER
       └── refuse, no decision in time ──> OVER

One NOTIFY is under way at a time; of the progress meanwhile only the latest is sent after it.
"""

from enum import StrEnum
from typing import assert_never

from callapi.sip.dialog import Dialog
from callapi.sip.errors import LocalProtocolError
from callapi.sip.invite_session.inputs import Begin, RequestReceived, ResponseReceived
from callapi.sip.messages.message import Request, Response, make_response
from callapi.sip.messages.transfer import SIPFRAG, make_sipfrag
from callapi.sip.outputs import FINISH, Handle, Respond, SendRequest, StartTimer, StopTimer, TimerFired
from callapi.sip.subscription.events import (
    AcceptRefer,
    ExtraHeaders,
    NotifierInput,
    NotifierOutput,
    Notify,
    RefuseRefer,
    SubscriptionTimer,
)

DECISION_S = 10.0
"""For the application to answer a REFER; below timer F of its sender."""
LIFETIME_S = 960
"""How long a subscription lasts at most; an INVITE of ours rings for 900 s at most."""
_TRYING = Notify(100, "Trying")
_STOP = (StopTimer(SubscriptionTimer.EXPIRES), StopTimer(SubscriptionTimer.DECISION))


class State(StrEnum):
    """Where the subscription stands."""

    PENDING = "pending"
    ACTIVE = "active"
    CLOSING = "closing"
    OVER = "over"


class ReferNotifier:
    """The machine of one received REFER; `event_id` distinguishes several on one dialog."""

    __slots__ = (
        "_contact",
        "_dialog",
        "_event",
        "_expires_at",
        "_handle",
        "_last",
        "_next",
        "_refer",
        "_under_way",
        "event_id",
        "state",
    )

    def __init__(
        self, dialog: Dialog, contact: str, refer: Request, handle: Handle, *, is_first: bool
    ) -> None:
        """`is_first`: no REFER came before on this dialog, so that its events need no id (RFC 3515 §2.4.6)."""
        self.state = State.PENDING
        self.event_id = str(refer.cseq.number)
        self._event = "refer" if is_first else f"refer;id={self.event_id}"
        self._dialog = dialog
        self._contact = contact
        self._refer = refer
        self._handle = handle
        self._expires_at = 0.0
        self._last = _TRYING
        self._next: tuple[Notify, str] | None = None
        self._under_way: Request | None = None

    def handle(self, input_: NotifierInput, now: float) -> list[NotifierOutput]:
        """One input. Commands to a subscription that is over do nothing."""
        match input_:
            case Begin():
                return [StartTimer(SubscriptionTimer.DECISION, now + DECISION_S)]
            case AcceptRefer():
                return self._accept(now)
            case RefuseRefer(status, reason, headers):
                return self._refuse(status, reason, headers)
            case Notify():
                return self._progress(input_, now)
            case RequestReceived(request, handle):
                return self._subscribe(request, handle, now)
            case ResponseReceived():
                return self._answered(input_, now)
            case TimerFired(timer):
                return self._timer(SubscriptionTimer(timer), now)
            case _:
                assert_never(input_)

    # --- the application ---

    def _accept(self, now: float) -> list[NotifierOutput]:
        if self.state is not State.PENDING:
            return []
        wants_none = (self._refer.headers.get("Refer-Sub") or "").strip().lower().startswith("false")
        headers: ExtraHeaders = (("Contact", self._contact),)
        if wants_none:
            self.state = State.OVER
            respond = self._respond(
                self._refer, self._handle, 202, headers=(*headers, ("Refer-Sub", "false"))
            )
            return [*_STOP, respond, FINISH]
        self.state = State.ACTIVE
        self._expires_at = now + LIFETIME_S
        return [
            StopTimer(SubscriptionTimer.DECISION),
            self._respond(self._refer, self._handle, 202, headers=headers),
            StartTimer(SubscriptionTimer.EXPIRES, self._expires_at),
            *self._notify(_TRYING, "", now),
        ]

    def _refuse(self, status: int, reason: str | None, headers: ExtraHeaders) -> list[NotifierOutput]:
        if self.state is not State.PENDING:
            return []
        self.state = State.OVER
        return [*_STOP, self._respond(self._refer, self._handle, status, reason, headers), FINISH]

    def _progress(self, notify: Notify, now: float) -> list[NotifierOutput]:
        if self.state is State.PENDING:
            raise LocalProtocolError("a REFER is accepted before its progress is reported")
        if self.state is not State.ACTIVE:
            return []
        return self._notify(notify, "noresource" if notify.status >= 200 else "", now)

    def _notify(self, notify: Notify, ended: str, now: float) -> list[NotifierOutput]:
        """Send a NOTIFY now, or after the one that is under way; `ended` is the reason of the last one."""
        self._last = notify
        steps: list[NotifierOutput] = []
        if ended:
            self.state = State.CLOSING
            steps = [StopTimer(SubscriptionTimer.EXPIRES)]
        if self._under_way is not None:
            self._next = (notify, ended)
            return steps
        request = self._dialog.request("NOTIFY")
        headers = request.headers
        headers.add("Contact", self._contact)
        headers.add("Event", self._event)
        left = max(1, round(self._expires_at - now))
        headers.add("Subscription-State", f"terminated;reason={ended}" if ended else f"active;expires={left}")
        headers.add("Content-Type", f"{SIPFRAG};version=2.0")
        request.body = make_sipfrag(notify.status, notify.reason)
        self._under_way = request
        return [*steps, SendRequest(request)]

    # --- the peer ---

    def _answered(self, input_: ResponseReceived, now: float) -> list[NotifierOutput]:
        response: Response = input_.response
        if not response.is_final or self.state is State.OVER or self._under_way is None:
            return []
        self._under_way = None
        waiting, self._next = self._next, None
        if response.is_success and waiting is not None:
            return self._notify(*waiting, now)
        if response.is_success and self.state is State.ACTIVE:
            return []
        # RFC 6665 §4.2.2: a NOTIFY that is refused or not answered ends the subscription.
        self.state = State.OVER
        return [*_STOP, FINISH]

    def _subscribe(self, request: Request, handle: Handle, now: float) -> list[NotifierOutput]:
        """A SUBSCRIBE that refreshes or ends the subscription (RFC 3515 §2.4.4)."""
        if self.state is not State.ACTIVE:
            return [self._respond(request, handle, 481)]
        left = max(1, round(self._expires_at - now))
        granted = left if request.expires is None else min(request.expires, left)
        headers = (("Contact", self._contact), ("Expires", str(granted)))
        ended = "timeout" if granted == 0 else ""
        return [self._respond(request, handle, 200, headers=headers), *self._notify(self._last, ended, now)]

    def _timer(self, timer: SubscriptionTimer, now: float) -> list[NotifierOutput]:
        if timer is SubscriptionTimer.DECISION:
            return self._refuse(603, None, ())
        if timer is SubscriptionTimer.EXPIRES and self.state is State.ACTIVE:
            return self._notify(self._last, "timeout", now)
        return []

    def _respond(
        self,
        request: Request,
        handle: Handle,
        status: int,
        reason: str | None = None,
        headers: ExtraHeaders = (),
    ) -> Respond:
        return Respond(
            handle, make_response(request, status, reason, to_tag=self._dialog.local_tag, headers=headers)
        )
