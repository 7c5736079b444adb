"""Session timers (RFC 4028): who refreshes, how often, and when a silent peer is given up.

State OFF until a 2xx to INVITE or UPDATE says `Session-Expires`; each such 2xx starts the timers anew (§7.2, §9).
"""

from enum import StrEnum

from msgspec import Struct

from callapi.sip.invite_session.effects import Effect, SessionTimer
from callapi.sip.messages.message import Message, Request, Response
from callapi.sip.outputs import StartTimer, StopTimer

OPTION = "timer"
SMALLEST_MIN_SE = 90
"""§4: what Min-SE stands for where the header is absent, and never less."""


class Refresher(StrEnum):
    """By the roles of the transaction that carries the header."""

    UAC = "uac"
    UAS = "uas"


class State(StrEnum):
    """Whether there is a timer, and what we do about it."""

    OFF = "off"
    REFRESHING = "refreshing"
    WATCHING = "watching"


class SessionExpires(Struct, frozen=True):
    """The header of this name (§4)."""

    seconds: int
    refresher: Refresher | None

    def __str__(self) -> str:
        return f"{self.seconds};refresher={self.refresher}" if self.refresher else str(self.seconds)


def read_session_expires(message: Message) -> SessionExpires | None:
    """The Session-Expires of a message; None if it is absent or malformed."""
    value = message.headers.get("Session-Expires")
    if value is None:
        return None
    seconds, *parameters = [part.strip().lower() for part in value.split(";")]
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) <= 9):
        return None
    refresher = next((part[10:] for part in parameters if part.startswith("refresher=")), None)
    return SessionExpires(int(seconds), Refresher(refresher) if refresher in ("uac", "uas") else None)


def read_min_se(message: Message) -> int:
    """The Min-SE of a message, in seconds."""
    value = (message.headers.get("Min-SE") or "").partition(";")[0].strip()
    is_number = value.isascii() and value.isdigit() and len(value) <= 9
    return max(int(value), SMALLEST_MIN_SE) if is_number else SMALLEST_MIN_SE


def is_too_small(request: Request, min_se: int) -> bool:
    """Whether a request must be answered 422 (§9: only if its sender would understand)."""
    asked = read_session_expires(request)
    return asked is not None and asked.seconds < min_se and OPTION in request.supported


def answer_to(request: Request, ours: int) -> SessionExpires | None:
    """What our 2xx says to a request, by table 2 of §9; None: no timer. `ours` is the interval we like, or 0."""
    peer_refreshes = OPTION in request.supported
    asked = read_session_expires(request)
    if asked is None:
        return SessionExpires(ours, Refresher.UAC) if ours and peer_refreshes else None
    seconds = min(asked.seconds, max(ours, read_min_se(request))) if ours else asked.seconds
    refresher = (asked.refresher or Refresher.UAC) if peer_refreshes else Refresher.UAS
    return SessionExpires(seconds, refresher)


class SessionTimers:
    """The timer of one session."""

    __slots__ = ("interval", "state")

    def __init__(self) -> None:
        self.state = State.OFF
        self.interval = 0

    def answered(self, agreed: SessionExpires | None, *, by: Refresher, now: float) -> list[Effect]:
        """A 2xx with or without Session-Expires was received or sent; `by` is our role in that transaction."""
        if agreed is None or agreed.seconds <= 0:
            self.state = State.OFF
            return [StopTimer(SessionTimer.REFRESH), StopTimer(SessionTimer.SESSION_EXPIRES)]
        self.interval = agreed.seconds
        # §7.2: a UAC that finds no refresher parameter has to refresh itself.
        if (agreed.refresher or Refresher.UAC) is by:
            self.state = State.REFRESHING
            return [
                StartTimer(SessionTimer.REFRESH, now + self.interval / 2),
                StartTimer(SessionTimer.SESSION_EXPIRES, now + self.interval),
            ]
        self.state = State.WATCHING
        # §10: BYE a little before the end, the smaller of 32 s and a third.
        return [
            StopTimer(SessionTimer.REFRESH),
            StartTimer(SessionTimer.SESSION_EXPIRES, now + self.interval - min(32.0, self.interval / 3)),
        ]

    def again(self, now: float) -> list[Effect]:
        """The refresh could not be sent or was refused: try again well before the end (§10)."""
        return [StartTimer(SessionTimer.REFRESH, now + max(self.interval / 8, 1.0))]


def put_into(response: Response, agreed: SessionExpires | None) -> None:
    """Write the agreement into our 2xx (§9: `Require: timer` if the peer has to refresh)."""
    if agreed is None:
        return
    response.headers.set("Session-Expires", str(agreed))
    if agreed.refresher is Refresher.UAC:
        response.headers.set("Require", OPTION)
