"""How often a client may guess: wrong sign-ins in a row, by address. Pure: `now` is an argument."""

from collections import OrderedDict
from typing import Final

from msgspec import Struct

MAX_WRONG: Final = 10
LOCKED_S: Final = 30.0
MAX_CLIENTS: Final = 10_000


class _Wrong(Struct):
    count: int
    last_at: float


class SignInThrottle:
    """Locks a client out for `LOCKED_S` after `MAX_WRONG` wrong sign-ins in a row; a right one forgets them."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, _Wrong] = OrderedDict()

    def locked_s(self, client: str, now: float) -> float:
        """For how long the client is refused unheard; 0: it may try."""
        wrong = self._wrong.get(client)
        if wrong is None or wrong.count < MAX_WRONG:
            return 0.0
        return max(0.0, wrong.last_at + LOCKED_S - now)

    def failed(self, client: str, now: float) -> None:
        """One more wrong sign-in. After the time of a lock the client has one try before the next lock."""
        wrong = self._wrong.setdefault(client, _Wrong(0, now))
        wrong.count, wrong.last_at = min(wrong.count + 1, MAX_WRONG), now
        self._wrong.move_to_end(client)
        if len(self._wrong) > MAX_CLIENTS:
            self._wrong.popitem(last=False)

    def succeeded(self, client: str) -> None:
        """The client has signed in."""
        self._wrong.pop(client, None)
