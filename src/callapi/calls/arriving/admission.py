"""Admission control: bounds on the number of live calls and on the rate of new ones.

A call over either bound gets 503 with `Retry-After` before any state is kept for it, so that live calls never pay for
calls that cannot be served (RFC 3261 §21.5.4).
"""

from collections import Counter
from collections.abc import Callable
from typing import Final

from callapi.base.token_bucket import TokenBucket
from callapi.calls.arriving.refusals import reason
from callapi.sip import Hop, Request

RETRY_AFTER_S: Final = 2
DRAINING_RETRY_AFTER_S: Final = 30

Refusal = tuple[int, str, tuple[tuple[str, str], ...]]


class AdmissionControl:
    """The admission of new calls, inbound and placed over REST alike."""

    def __init__(  # noqa: PLR0913 - each is needed, and none may be forgotten
        self,
        live: Callable[[], int],
        clock: Callable[[], float],
        *,
        max_calls: int,
        calls_per_second: float,
        max_lag_s: float,
        lag_s: Callable[[], float] = lambda: 0.0,
        is_store_full: Callable[[], bool] = lambda: False,
        is_expected: Callable[[Request], bool] = lambda _: False,
    ) -> None:
        """`lag_s`: how late the node's work is; `max_lag_s`: from where on that is overload.

        `is_expected`: an INVITE that comes in whatever limits there are, for its call has passed them elsewhere.
        """
        self._is_expected = is_expected
        self._is_store_full = is_store_full
        self._live = live
        self._clock = clock
        self._max_calls = max_calls
        self._bucket = TokenBucket(calls_per_second, max(1.0, calls_per_second), clock())
        self._lag_s = lag_s
        self._max_lag_s = max_lag_s
        self.is_draining = False
        self.refusals: Counter[str] = Counter()
        """How many INVITEs were refused, by rule."""

    def admit(self, request: Request, _: Hop) -> Refusal | None:
        """None: admitted; else the answer for the INVITE. Implements `sip.Admission`."""
        rule = self.refusal()
        if rule is None or self._is_expected(request):
            return None
        self.refusals[rule] += 1
        wait = DRAINING_RETRY_AFTER_S if self.is_draining else RETRY_AFTER_S
        return 503, "Service Unavailable", (("Retry-After", str(wait)), reason(503, rule))

    @property
    def closed(self) -> str | None:
        """Why no call can be admitted now, whatever the rate; None if one can."""
        if self.is_draining:
            return "draining"
        if self._live() >= self._max_calls:
            return "limits.max_calls"
        if self._lag_s() > self._max_lag_s:
            return "overload"
        if self._is_store_full():
            return "the database is away"
        return None

    def refusal(self) -> str | None:
        """Why a call cannot be admitted now, None if it can; an admitted call uses up its share of the rate."""
        if (reason := self.closed) is not None:
            return reason
        if not self._bucket.rate or self._bucket.take(self._clock()):
            return None
        return "limits.calls_per_second"
