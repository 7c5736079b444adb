"""Whose turn it is in offer/answer (RFC 3264 §4, RFC 6337 §2): a table over opaque bodies."""

from enum import StrEnum
from typing import assert_never

from callapi.sip.errors import LocalProtocolError, RemoteProtocolError


class State(StrEnum):
    """Who owes what, and whether a session is in force meanwhile."""

    IDLE = "idle"
    FIRST_SENT = "first-sent"  # our first offer waits for its answer
    FIRST_RECEIVED = "first-received"  # we owe the answer to the peer's first offer
    STABLE = "stable"
    SENT = "sent"  # a later offer of ours waits
    RECEIVED = "received"  # we owe the answer to a later offer


class Act(StrEnum):
    """What happened."""

    SEND_OFFER = "send-offer"
    SEND_ANSWER = "send-answer"
    RECEIVE_OFFER = "receive-offer"
    RECEIVE_ANSWER = "receive-answer"
    REFUSE = "refuse"  # by either side: the session before the offer stays in force


_TABLE = {
    (State.IDLE, Act.SEND_OFFER): State.FIRST_SENT,
    (State.IDLE, Act.RECEIVE_OFFER): State.FIRST_RECEIVED,
    (State.FIRST_SENT, Act.RECEIVE_ANSWER): State.STABLE,
    (State.FIRST_SENT, Act.REFUSE): State.IDLE,
    (State.FIRST_RECEIVED, Act.SEND_ANSWER): State.STABLE,
    (State.FIRST_RECEIVED, Act.REFUSE): State.IDLE,
    (State.STABLE, Act.SEND_OFFER): State.SENT,
    (State.STABLE, Act.RECEIVE_OFFER): State.RECEIVED,
    (State.SENT, Act.RECEIVE_ANSWER): State.STABLE,
    (State.SENT, Act.REFUSE): State.STABLE,
    (State.RECEIVED, Act.SEND_ANSWER): State.STABLE,
    (State.RECEIVED, Act.REFUSE): State.STABLE,
}


class OfferAnswerState:
    """The exchange of one dialog, with the last description that each side sent."""

    __slots__ = ("local", "remote", "state", "was_modified")

    def __init__(self) -> None:
        self.state = State.IDLE
        self.local = b""
        self.remote = b""
        self.was_modified = False
        """Whether a later offer was accepted, by either side: an answer to the first one is out of date."""

    def fork(self) -> "OfferAnswerState":
        """A copy for another dialog that the same offer may bring about (RFC 3261 §12.1)."""
        copy = OfferAnswerState()
        copy.state, copy.local, copy.remote = self.state, self.local, self.remote
        return copy

    @property
    def may_offer(self) -> bool:
        """Whether either side may make an offer now."""
        return self.state in (State.IDLE, State.STABLE)

    @property
    def we_owe(self) -> bool:
        """Whether the peer waits for our answer."""
        return self.state in (State.FIRST_RECEIVED, State.RECEIVED)

    @property
    def they_owe(self) -> bool:
        """Whether we wait for the peer's answer."""
        return self.state in (State.FIRST_SENT, State.SENT)

    def handle(self, act: Act, body: bytes = b"") -> None:
        """Take the step. Raises LocalProtocolError for an illegal one of ours, else RemoteProtocolError."""
        after = _TABLE.get((self.state, act))
        match act:
            case Act.SEND_OFFER | Act.SEND_ANSWER:
                if after is None:
                    raise LocalProtocolError(f"{act} while offer/answer is {self.state} (RFC 3264 §4)")
                self.local = body
            case Act.RECEIVE_OFFER | Act.RECEIVE_ANSWER:
                if after is None:
                    raise RemoteProtocolError(f"{act} while offer/answer is {self.state} (RFC 3264 §4)", 491)
                self.remote = body
            case Act.REFUSE:
                if after is None:
                    return
            case _:
                assert_never(act)
        if after is State.STABLE and self.state in (State.SENT, State.RECEIVED):
            self.was_modified |= act is not Act.REFUSE
        self.state = after
