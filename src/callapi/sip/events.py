"""The events of a session: frozen values from `Session.events`; `Ended` is the last, exactly once.

Bodies are opaque here: this room counts offers and answers (RFC 3264) but never reads one.
"""

from enum import StrEnum

from msgspec import Struct

from callapi.sip.messages.headers import Headers
from callapi.sip.messages.message import Response
from callapi.sip.subscription.inbound import InboundRefer


class Party(StrEnum):
    """Who ended a session: this side, the far side, or the network between (timeouts, broken transports)."""

    LOCAL = "local"
    REMOTE = "remote"
    NETWORK = "network"


class Provisional(Struct, frozen=True, gc=False):
    """A 101..199 to our INVITE, first or repeated; a reliable one was PRACKed already (RFC 3262)."""

    response: Response


class Accepted(Struct, frozen=True, gc=False):
    """The first 2xx to our INVITE.

    ACK is sent already if our INVITE held the offer; otherwise the body is the peer's offer and
    `OutboundSession.acknowledge(answer)` must follow.
    """

    response: Response
    description: bytes = b""
    """The body of the 2xx; where it has none, that of an earlier 1xx of the same dialog: each fork of an INVITE gives
    its own answer, and only that of the fork that accepted counts (RFC 3261 §13.2.2.4)."""
    is_settled: bool = False
    """Whether an UPDATE has replaced that answer before the 2xx (RFC 3311 §5.1): the session stands as it agreed."""


class Refused(Struct, frozen=True, gc=False):
    """A final answer >= 300 to our INVITE, followed by `Ended`.

    `local`: generated here (408: no response came, 503: no next hop could be reached,
    487 hung up before the INVITE left, RFC 3261 §8.1.3.1).
    """

    response: Response
    local: bool


class Confirmed(Struct, frozen=True, gc=False):
    """The ACK for our 2xx arrived; `body` is the answer if our 2xx held the offer, else empty."""

    body: bytes


class OfferReceived(Struct, frozen=True, gc=False):
    """A re-INVITE or UPDATE with an offer: call `answer_offer(body)` or `refuse_offer(status)`."""

    body: bytes
    method: str


class OfferRequested(Struct, frozen=True, gc=False):
    """A re-INVITE without a body: call `answer_offer(our_offer)`; the answer comes as `AnswerReceived`."""


class AnswerReceived(Struct, frozen=True, gc=False):
    """The answer to an offer of ours: to `offer()`, or in the ACK after `OfferRequested`; empty if that has none."""

    body: bytes


class OfferRefused(Struct, frozen=True, gc=False):
    """Our re-INVITE or UPDATE was refused and the old session stays (a 491 is retried inside first).

    A 2xx without an answer is reported so too.
    """

    response: Response


class InfoReceived(Struct, frozen=True, gc=False):
    """An INFO within the dialog (RFC 6086) that was understood; it has its 200."""

    content_type: str
    body: bytes


class ReferReceived(Struct, frozen=True):
    """The peer asks for a transfer (RFC 3515): `refer.accept()` or `refer.refuse()` must follow."""

    refer: InboundRefer


class Ended(Struct, frozen=True, gc=False):
    """The last event of every session.

    `status` is the final response of the INVITE if there was one (200: it was answered; 487: cancelled).
    `reason` is text for people: the Reason header's text, the reason phrase, or what the network did.
    `headers` are those of the message that ended it: BYE, CANCEL or final response, if any came.
    """

    by: Party
    status: int | None
    reason: str
    headers: Headers | None = None


SessionEvent = (
    Provisional
    | Accepted
    | Refused
    | Confirmed
    | OfferReceived
    | OfferRequested
    | AnswerReceived
    | OfferRefused
    | InfoReceived
    | ReferReceived
    | Ended
)
