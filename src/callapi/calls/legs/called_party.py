"""The called party of one call, which several INVITEs may try to reach.

Serial attempts follow one another while the one before could not serve the call (a gateway that is down); parallel
attempts ring at the same time (the phones of one registered client). To the call they are one party: it learns the
first ringing, the first answer, or the best failure once all have failed. Early audio is left out while several ring:
it would be that of several.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Final

from msgspec import Struct

from callapi.calls.one_shot import first_of
from callapi.calls.placing.placement import Placement
from callapi.calls.placing.redirects import FOLLOWED
from callapi.calls.status import best_of, status_of_code
from callapi.media import MediaNegotiation
from callapi.sip import Ended, Party, Session, SessionEvent

log = logging.getLogger(__name__)

COMPLETED_ELSEWHERE: Final = 'SIP;cause=200;text="Call completed elsewhere"'
"""Reason (RFC 3326) on the CANCEL of a phone that lost to another: such a call is not a missed one."""


class Attempt(Struct, frozen=True):
    """One session with the party, and what was offered in it."""

    session: Session
    negotiation: MediaNegotiation
    placement: Placement | None = None
    """What was placed; None for a caller."""


Redirect = Callable[[Attempt], Iterator[Attempt]]
"""The attempts that a 3xx to this one leads to, each sent when it is taken."""


class CalledParty:
    """Chooses among the attempts; `current` is the one that speaks for the party."""

    __slots__ = ("_failures", "_has_rung", "_parallel", "_redirect", "_serial", "current")

    def __init__(
        self,
        first: Attempt,
        parallel: Sequence[Attempt] = (),
        serial: Iterator[Attempt] | None = None,
        redirect: Redirect | None = None,
    ) -> None:
        self.current = first
        self._parallel = list(parallel)
        self._serial = serial or iter(())
        self._redirect = redirect
        self._failures: list[tuple[Ended, Attempt]] = []
        self._has_rung = False

    @property
    def is_ringing_several(self) -> bool:
        """Whether more than one phone may still answer."""
        return bool(self._parallel)

    async def next_event(self) -> SessionEvent:
        """The next event of the party; `Ended` only when no attempt is left. Safe to cancel."""
        while True:
            if self._parallel:
                await self._turn_to_ready()
            event = await self.current.session.next_event()
            if not isinstance(event, Ended):
                return event
            if self._follows(event) or self._next_serial(event) or self._drop_failed(event):
                continue
            return self._best_failure(event)

    def rang(self) -> None:
        """A phone rings: no serial attempt follows any more."""
        self._has_rung = True

    def answered(self) -> None:
        """The current attempt is the party: cancel the others, and start none."""
        self._serial = iter(())
        self._redirect = None
        for other in self._parallel:
            other.session.hang_up(reason=COMPLETED_ELSEWHERE)
        self._parallel.clear()

    def hang_up(self, reason: str | None = None) -> None:
        """End every attempt, and start no other; `reason` is the value of a Reason header (RFC 3326)."""
        self._serial = iter(())
        self._redirect = None
        for other in self._parallel:
            other.session.hang_up(reason=reason)
        self.current.session.hang_up(reason=reason)

    def leave(self) -> None:
        """Stop waiting for a peer that was hung up: `Ended` comes now."""
        self._parallel.clear()
        self._failures.clear()
        self.current.session.leave()

    async def _turn_to_ready(self) -> None:
        """Make an attempt the current one that has an event."""
        if not self.current.session.has_event:
            waits = (each.session.wait_for_event() for each in (self.current, *self._parallel))
            await first_of(*waits)
        if not self.current.session.has_event:
            place = next(place for place, each in enumerate(self._parallel) if each.session.has_event)
            self.current, self._parallel[place] = self._parallel[place], self.current

    def _drop_failed(self, ended: Ended) -> bool:
        """Whether another phone of the party still rings, now that the current one does not."""
        if not self._parallel:
            return False
        self._failures.append((ended, self.current))
        self.current = self._parallel.pop(0)
        return True

    def _best_failure(self, ended: Ended) -> Ended:
        """What several phones report when the last of them has ended, unanswered."""
        if self._failures and not self.current.session.is_answered:
            failures = [*self._failures, (ended, self.current)]
            statuses = [status_of_code(each.status) for each, _ in failures]
            ended, self.current = failures[statuses.index(best_of(statuses))]
        return ended

    def _follows(self, ended: Ended) -> bool:
        """Whether a 3xx leads to another attempt, which is the current one then; its further targets follow in turn."""
        if self._redirect is None or ended.status not in FOLLOWED or ended.by is not Party.REMOTE:
            return False
        targets = self._redirect(self.current)
        following = next(targets, None)
        if following is None:
            return False
        log.info("call-id %s: %d, redirected", self.current.session.call_id, ended.status)
        self._serial = chain(targets, self._serial)
        self.current = following
        return True

    def _next_serial(self, ended: Ended) -> bool:
        status = ended.status or 0
        # 401, 407: this way does not take our credentials, which says nothing of the called party
        is_unserved = status in {401, 407, 408} or 500 <= status < 600
        if (
            not is_unserved
            or self._has_rung
            or self.current.session.is_answered
            or ended.by is Party.LOCAL
            or (following := next(self._serial, None)) is None
        ):
            return False
        log.info(
            "call-id %s: %d %s; the next way is tried", self.current.session.call_id, status, ended.reason
        )
        self.current = following
        return True
