"""Inputs, outputs and events of the subscription machines."""

from enum import StrEnum

from msgspec import Struct

from callapi.sip.invite_session.inputs import Begin, RequestReceived, ResponseReceived
from callapi.sip.messages.message import Response
from callapi.sip.outputs import Finish, Report, Respond, SendRequest, StartTimer, StopTimer, TimerFired

ExtraHeaders = tuple[tuple[str, str], ...]


class SubscriptionTimer(StrEnum):
    """The timers of a subscription, by purpose."""

    DECISION = "decision"  # the application has not answered a REFER
    EXPIRES = "expires"  # RFC 6665 §4.2.2: the subscription's time is over
    FIRST_NOTIFY = "first-notify"  # RFC 6665 §4.1.2.4, timer N


# --- commands of the application, as notifier ---


class AcceptRefer(Struct, frozen=True):
    """Answer a REFER 202 and send the first NOTIFY, `100 Trying`."""


class RefuseRefer(Struct, frozen=True):
    """Answer a REFER with a final response >= 300."""

    status: int
    reason: str | None
    headers: ExtraHeaders


class Notify(Struct, frozen=True):
    """Report the progress of the referred request; a final status ends the subscription."""

    status: int
    reason: str


NotifierCommand = AcceptRefer | RefuseRefer | Notify

# --- events for the application, as subscriber ---


class ReferAccepted(Struct, frozen=True):
    """The peer answered our REFER with a 2xx."""

    response: Response


class ReferRefused(Struct, frozen=True):
    """The peer refused our REFER, or did not answer (`is_local`). The last event."""

    response: Response
    is_local: bool


class ReferProgress(Struct, frozen=True):
    """A NOTIFY with a provisional status of the referred request."""

    status: int
    reason: str


class ReferEnded(Struct, frozen=True):
    """The subscription is over: the last event.

    `status` is the final status of the referred request; None where the peer sent none, and `reason` says why.
    """

    status: int | None
    reason: str


ReferEvent = ReferAccepted | ReferRefused | ReferProgress | ReferEnded

# --- the machines ---

NotifierInput = NotifierCommand | RequestReceived | ResponseReceived | TimerFired | Begin
SubscriberInput = Begin | RequestReceived | ResponseReceived | TimerFired
NotifierOutput = Respond | SendRequest | StartTimer | StopTimer | Finish
SubscriberOutput = Respond | SendRequest | StartTimer | StopTimer | Report[ReferEvent] | Finish
