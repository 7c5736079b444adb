"""The tries of one outbound INVITE: its next hops, its credentials, its session interval; what a refusal leads to.

The same Call-ID, From tag, body and headers go into every try, with the next CSeq (RFC 3261 §8.1.3.5).
"""

from collections import deque
from collections.abc import Callable

from callapi.sip.authentication.authenticator import Authenticator
from callapi.sip.invite_session.session_timer import read_min_se, read_session_expires
from callapi.sip.messages.message import Request, Response

MAX_HOPS = 10


class Attempts:
    """The INVITE as it is sent now, and the hops that are left; the first is the one in use."""

    __slots__ = ("_authenticator", "_has_stretched", "_number", "hops", "invite")

    def __init__(self, invite: Request, authenticator: Authenticator) -> None:
        self.invite = invite
        self.hops: deque[object] = deque(maxlen=MAX_HOPS)
        self._authenticator = authenticator
        self._number = invite.cseq.number
        self._has_stretched = False

    def move_on(self) -> bool:
        """Turn to the next hop, if there is one (RFC 3263 §4.3)."""
        if len(self.hops) < 2:
            return False
        self.hops.popleft()
        self._renumber(self._fresh())
        return True

    def after(self, response: Response, *, is_local: bool, entropy: Callable[[], float]) -> bool:
        """Whether a refusal leads to another try; `invite` and `hops` are those of it then."""
        if response.status in (401, 407):
            cnonce = f"{int(entropy() * 2**48):012x}"
            again = self._authenticator.answer(self.invite, response, cseq=self._number + 1, cnonce=cnonce)
            if again is None:
                return False
            self._renumber(again)
            return True
        if response.status == 422:
            return self._stretch(response)
        # RFC 3263 §4.3: a 503 of the peer, or our own for a dead transport, or our own 408 for silence.
        is_elsewhere = response.status == 503 or (is_local and response.status == 408)
        return is_elsewhere and self.move_on()

    def _stretch(self, response: Response) -> bool:
        """RFC 4028 §7.3: once more with the interval that the peer finds long enough."""
        asked = read_session_expires(self.invite)
        least = read_min_se(response)
        if self._has_stretched or (asked is not None and asked.seconds >= least):
            return False
        self._has_stretched = True
        again = self._fresh()
        again.headers.set("Session-Expires", str(least))
        again.headers.set("Min-SE", str(least))
        self._renumber(again)
        return True

    def _fresh(self) -> Request:
        return self.invite.again()

    def _renumber(self, again: Request) -> None:
        self._number += 1
        again.headers.set("CSeq", f"{self._number} INVITE")
        self.invite = again
