"""Which failed deliveries are tried again, and when. Pure.

What happened decides whom it holds up:

- the **host** could not be asked at all (connection, name, TLS, time limit, no HTTP): no application can be reached
  there, so the whole host rests, and one callback at a time probes whether it is back;
- the host **answered** something that may pass (5xx, 408, 425, 429): this callback waits alone, and with it
  only its own stream;
- the host **refused** it (any other status outside 2xx): that is seldom cured by time, but a deployment in
  progress answers 404 too. A few quick tries, then it is given up, so that a callback which the application
  will never take does not hold up those after it;
- it is **hopeless** (410 Gone, or a URL that cannot be asked): given up at once.

An answer 2xx counts as delivered even if its body is too long, too slow or broken: the application has seen
the callback, and its body is not used.
"""

from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final, assert_never

from msgspec import Struct

from callapi.webhooks.errors import InvalidUrl, WebhookError
from callapi.webhooks.exchange import WebAnswer
from callapi.webhooks.outbox.callback import Callback

FIRST_WAIT_S: Final = 1.0
MAX_WAIT_S: Final = 300.0
MAX_HOST_WAIT_S: Final = 60.0
MAX_RETRY_AFTER_S: Final = 3600.0
MAX_REFUSALS: Final = 5

_PASSING: Final = frozenset({408, 425, 429})


class Blame(StrEnum):
    """Whom a failure holds up; see above."""

    HOST = "host"
    ANSWERED = "answered"
    REFUSED = "refused"
    HOPELESS = "hopeless"


class Failure(Struct, frozen=True):
    """One failed delivery. `retry_after_s` is the application's own wish, already bounded."""

    blame: Blame
    error: str
    retry_after_s: float = 0.0


def judge(error: WebhookError, now: float) -> Failure | None:
    """What `error` means for the callback; None: it was delivered anyway. `now`: epoch seconds."""
    answer = error.answer
    if answer is None:
        return Failure(Blame.HOPELESS if isinstance(error, InvalidUrl) else Blame.HOST, str(error))
    if 200 <= answer.status < 300:
        return None
    if answer.status == 410:
        return Failure(Blame.HOPELESS, str(error))
    if answer.status >= 500 or answer.status in _PASSING:
        return Failure(Blame.ANSWERED, str(error), _retry_after(answer, now))
    return Failure(Blame.REFUSED, str(error))


def _retry_after(answer: WebAnswer, now: float) -> float:
    """`Retry-After` (RFC 9110 §10.2.3) as seconds from `now`; 0 if there is none that can be read."""
    text = (answer.header("Retry-After") or "").strip()
    if text.isascii() and text.isdigit():
        wanted = float(text[:9])
    else:
        try:
            wanted = parsedate_to_datetime(text).timestamp() - now
        except (ValueError, OverflowError):
            wanted = 0.0
    return min(max(wanted, 0.0), MAX_RETRY_AFTER_S)


def wait_s(failures: int, max_interval_s: float, entropy: float) -> float:
    """How long to wait after the `failures`-th failure in a row: 1 s, 2 s, 4 s, ... ± a quarter.

    `entropy` in [0, 1) spreads those that failed together.
    """
    doubled = FIRST_WAIT_S * 2.0 ** min(failures - 1, 30)
    return min(doubled, max_interval_s) * (0.75 + 0.5 * entropy)


def next_try(
    callback: Callback, failure: Failure, now: float, max_age_s: float, entropy: float
) -> float | None:
    """When to try `callback` again after `failure`; None: give it up. `callback.attempts` counts this one.

    A try that would come after the callback is `max_age_s` old is not waited for.
    """
    match failure.blame:
        case Blame.HOPELESS:
            return None
        case Blame.REFUSED if callback.attempts >= MAX_REFUSALS:
            return None
        case Blame.HOST:
            wait = wait_s(callback.attempts, MAX_HOST_WAIT_S, entropy)
        case Blame.ANSWERED | Blame.REFUSED:
            wait = wait_s(callback.attempts, MAX_WAIT_S, entropy)
        case _:
            assert_never(failure.blame)
    at = now + max(wait, failure.retry_after_s)
    return at if at <= callback.created_at + max_age_s else None
