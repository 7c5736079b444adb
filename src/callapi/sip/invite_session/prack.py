"""Reliable provisional responses (RFC 3262), as the side that sends them and as the side that acknowledges them."""

from collections import deque
from dataclasses import dataclass

from callapi.sip.dialog import Dialog
from callapi.sip.invite_session.effects import Effect, SessionTimer
from callapi.sip.invite_session.offer_answer import OfferAnswerState
from callapi.sip.invite_session.repeat import Repeater
from callapi.sip.messages.message import Request, Response
from callapi.sip.outputs import Handle

OPTION = "100rel"
MAX_WAITING = 16
_FIRST_RSEQ_BELOW = 2**31  # §3: chosen uniformly between 1 and 2**31 - 1


class ReliableSender:
    """The UAS side: one response at a time is under way, later ones wait for its PRACK (§3)."""

    __slots__ = ("_cseq", "_current", "_handle", "_rseq", "_waiting")

    def __init__(self, handle: Handle, invite: Request, entropy: float) -> None:
        self._handle = handle
        self._cseq = invite.headers.get("CSeq") or ""
        self._rseq = int(entropy * (_FIRST_RSEQ_BELOW - 2))
        self._current: Repeater | None = None
        self._waiting: deque[Response] = deque(maxlen=MAX_WAITING)

    @property
    def holds_description(self) -> bool:
        """Whether a response with a body is unacknowledged: a 2xx must wait for its PRACK (§3)."""
        current = [self._current.response] if self._current is not None else []
        return any(response.body for response in (*current, *self._waiting))

    def send(self, response: Response, now: float) -> list[Effect]:
        """Send a provisional reliably, now or when those before it are acknowledged."""
        self._waiting.append(response)
        return [] if self._current is not None else self._next(now)

    def acknowledge(self, prack: Request, now: float) -> list[Effect] | None:
        """The effects of a PRACK; None if it matches nothing (§3: answer 481)."""
        rack = (prack.headers.get("RAck") or "").split()
        if self._current is None or rack != [str(self._rseq), *self._cseq.split()]:
            return None
        effects = self._current.end()
        self._current = None
        return [*effects, *self._next(now)]

    def repeat(self, now: float) -> list[Effect]:
        """The retransmission timer fired."""
        return [] if self._current is None else self._current.again(now)

    def stop(self) -> list[Effect]:
        """A final response was sent, or is about to be: nothing more is repeated."""
        self._waiting.clear()
        current, self._current = self._current, None
        return [] if current is None else current.end()

    def _next(self, now: float) -> list[Effect]:
        if not self._waiting:
            return []
        response = self._waiting.popleft()
        self._rseq += 1
        response.headers.set("Require", OPTION)
        response.headers.set("RSeq", str(self._rseq))
        self._current = Repeater(
            self._handle,
            response,
            SessionTimer.REPEAT_PROVISIONAL,
            SessionTimer.PROVISIONAL_UNACKNOWLEDGED,
        )
        return self._current.begin(now)


@dataclass(slots=True)
class EarlyDialog:
    """The UAC side of one early dialog: its own answer, and the last RSeq that was acknowledged there (§4)."""

    dialog: Dialog
    exchange: OfferAnswerState
    rseq: int | None = None
    description: bytes = b""
    """The last body of its provisional responses: its answer, if its 2xx has none."""

    def acknowledge(self, response: Response) -> Request | None:
        """The PRACK that a response needs; None if it is not reliable, or repeated, or too early (§4)."""
        number = reliable_number(response)
        if number is None or (self.rseq is not None and number != self.rseq + 1):
            return None
        self.rseq = number
        prack = self.dialog.request("PRACK")
        prack.headers.add("RAck", f"{number} {response.headers.get('CSeq')}")
        return prack

    def is_out_of_order(self, response: Response) -> bool:
        """Whether a reliable response must be left alone (§4): it was seen before, or one before it is missing."""
        number = reliable_number(response)
        return number is not None and self.rseq is not None and number != self.rseq + 1


def reliable_number(response: Response) -> int | None:
    """The RSeq of a reliable provisional response; None for any other response."""
    if response.status == 100 or OPTION not in response.require:
        return None
    value = (response.headers.get("RSeq") or "").strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 10 else None
