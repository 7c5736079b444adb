"""Calls that are refused: their final response, and the notification that names the rule.

Scanners can cause refusals at will, so notifications have a rate; refusals beyond it are counted and logged.
"""

import logging
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from callapi.base.clock import utc_now
from callapi.base.ids import AccountSid
from callapi.calls.events import EventBus, ProblemRaised
from callapi.calls.problem import Problem
from callapi.sip import InboundSession
from callapi.sip.messages.parameters import quote

log = logging.getLogger(__name__)

CALL_REFUSED: Final = 60_050
WRITTEN_PER_SECOND: Final = 5.0
WRITTEN_AT_ONCE: Final = 50.0
CHALLENGES: Final = frozenset({401, 407})


class Refusal(Struct, frozen=True):
    """The final response for a caller that is refused; `rule` names what it broke."""

    status: int
    rule: str
    headers: tuple[tuple[str, str], ...] = ()


def reason(status: int, text: str) -> tuple[str, str]:
    """A Reason header (RFC 3326)."""
    return ("Reason", f"SIP;cause={status};text={quote(printable(text))}")


def printable(text: str) -> str:
    """`text` with unprintable characters replaced and its length bounded, fit for a header and a page."""
    return "".join(each if each.isprintable() else "?" for each in text[:512])


class Refusals:
    """Refuses sessions. Notifications go to `account`, the node's own."""

    def __init__(self, bus: EventBus, account: AccountSid, clock: Callable[[], float]) -> None:
        self._bus = bus
        self._account = account
        self._clock = clock
        self._tokens = WRITTEN_AT_ONCE
        self._filled_at = clock()
        self.count = 0

    def refuse(self, session: InboundSession, refusal: Refusal) -> None:
        """Send the final response with its reason; log it and raise a notification, within the rate."""
        session.refuse(refusal.status, headers=(*refusal.headers, reason(refusal.status, refusal.rule)))
        if refusal.status in CHALLENGES:
            return
        self.count += 1
        log.info("call-id %s from %s: %d, %s", session.call_id, session.source, refusal.status, refusal.rule)
        now = self._clock()
        self._tokens = min(WRITTEN_AT_ONCE, self._tokens + (now - self._filled_at) * WRITTEN_PER_SECOND)
        self._filled_at = now
        if self._tokens >= 1:
            self._tokens -= 1
            caller, called = session.remote_uri.uri, session.request.uri
            text = (
                f"call from {caller} at {session.source.host} to {called}: {refusal.status}, {refusal.rule}"
            )
            self._bus.publish(ProblemRaised(Problem(CALL_REFUSED, printable(text)), self._account, utc_now()))
