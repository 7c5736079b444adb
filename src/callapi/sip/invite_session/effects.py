"""What the machine of a session asks of the endpoint, beyond timers, events and its end."""

from enum import StrEnum

from msgspec import Struct

from callapi.sip.events import SessionEvent
from callapi.sip.messages.message import Request
from callapi.sip.messages.uri import Uri
from callapi.sip.outputs import Finish, Report, Respond, SendRequest, StartTimer, StopTimer


class Resolve(Struct, frozen=True, gc=False):
    """Find the next hops for this URI and feed `Resolved` back."""

    uri: Uri


class SendInvite(Struct, frozen=True, gc=False):
    """Send our initial INVITE to this hop in a new client transaction; it still needs Via and Contact."""

    request: Request
    hop: object


class SendAck(Struct, frozen=True, gc=False):
    """Send the ACK of a 2xx; it belongs to no transaction and still needs a Via (the first time)."""

    request: Request


class SendCancel(Struct, frozen=True, gc=False):
    """Cancel this INVITE of ours."""

    invite: Request
    headers: tuple[tuple[str, str], ...] = ()


class AbandonInvite(Struct, frozen=True, gc=False):
    """Forget the client transaction of this INVITE: its peer will not answer any more (RFC 3261 §9.1)."""

    invite: Request


Effect = (
    Resolve
    | SendInvite
    | SendRequest
    | SendAck
    | SendCancel
    | AbandonInvite
    | Respond
    | StartTimer
    | StopTimer
    | Report[SessionEvent]
    | Finish
)


def report(event: SessionEvent) -> Report[SessionEvent]:
    """An event for the story."""
    return Report(event)


class SessionTimer(StrEnum):
    """The timers of a session, by purpose."""

    NEXT_HOP = "next-hop"  # no word from this hop: try the next one (RFC 3263 §4.3)
    MAX_RINGING = "longest-ringing"  # an INVITE that rings without an end is cancelled
    CANCEL_UNANSWERED = "cancel-unanswered"  # RFC 3261 §9.1
    KEEP_RINGING = "keep-ringing"  # RFC 3261 §13.3.1.1: a 1xx every minute
    REPEAT_PROVISIONAL = "repeat-provisional"  # RFC 3262 §3
    PROVISIONAL_UNACKNOWLEDGED = "provisional-unacknowledged"
    REPEAT_SUCCESS = "repeat-success"  # RFC 3261 §13.3.1.4
    SUCCESS_UNACKNOWLEDGED = "success-unacknowledged"
    RETRY_OFFER = "retry-offer"  # RFC 3261 §14.1, after a 491
    OFFER_UNANSWERED = "offer-unanswered"  # our own story is late
    REFRESH = "refresh"  # RFC 4028 §10
    SESSION_EXPIRES = "session-expires"
