"""The one thread that writes. Groups are gathered for a moment and go to the database in one transaction.

A database that is away is tried again and again, with growing pauses; meanwhile groups wait in the backlog, in order.
A group whose content the database refuses is written without its neighbours, then without the characters that
databases do not take, then not at all: it must not hold up the others.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from time import monotonic
from typing import Final

from msgspec import Struct

from callapi.store.backend import Backend
from callapi.store.errors import Conflict, Fenced, StoreError, Unavailable
from callapi.store.writing.backlog import Backlog, Group
from callapi.store.writing.scrub import scrub

log = logging.getLogger(__name__)

_FIRST_PAUSE_S: Final = 0.05


class WriterLimits(Struct, frozen=True):
    """How the writer works, and how much it holds while the database is away."""

    linger_s: float = 0.05
    """How long a group waits for company; cut short when someone waits for it."""
    max_in_batch: int = 2_000
    """Changes in one transaction."""
    max_pause_s: float = 5
    """Between two tries to reach a database that is away."""
    max_changes: int = 200_000
    """Past this number no new calls should be admitted."""
    max_events: int = 100_000
    """Events of calls that are held; past it the oldest go."""


@dataclass(slots=True)
class Outcome:
    """What became of some groups, in their order."""

    done: list[Group] = field(default_factory=list)
    refused: dict[int, StoreError] = field(default_factory=dict)
    """By the place in `done`: groups that were not written, and never will be."""


class Writer:
    """Takes groups from any thread, never blocking. `report` is called in the writer's thread, once a batch."""

    def __init__(self, backend: Backend, limits: WriterLimits, report: Callable[[Outcome], None]) -> None:
        self._backend = backend
        self._limits = limits
        self._report = report
        self._lock = Lock()
        self._backlog = Backlog(max_changes=limits.max_changes, max_events=limits.max_events)
        self._awake = Event()
        self._hurried = Event()
        self._stopping = Event()
        self._give_up_at = float("inf")
        self._thread = Thread(target=self._run, name="store-writer", daemon=True)
        self.batches = 0
        self.retries = 0
        self.is_writable = True
        self.is_fenced = False
        """Another node has taken over: what waits is refused, and all that comes."""

    @property
    def pending(self) -> int:
        """Changes that wait."""
        return self._backlog.changes

    @property
    def is_full(self) -> bool:
        """Whether the backlog has reached its bound."""
        return self._backlog.is_full

    @property
    def dropped_events(self) -> int:
        """Events dropped during a database outage."""
        return self._backlog.dropped_events

    def start(self) -> None:
        """Let the thread run."""
        self._thread.start()

    def put(self, group: Group) -> None:
        """Have `group` written."""
        with self._lock:
            self._backlog.put(group)
        if not self._awake.is_set():
            self._awake.set()

    def hurry(self) -> None:
        """Someone waits for what was put before."""
        if not self._hurried.is_set():
            self._hurried.set()

    def stop(self, timeout_s: float) -> None:
        """Write what is left, for at most about `timeout_s`; blocks so long."""
        self._give_up_at = monotonic() + timeout_s
        self._stopping.set()
        self._hurried.set()
        self._awake.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s + 1)
        if left := self._backlog.changes:
            log.error("the store is closed with %d changes that could not be written", left)

    def left(self) -> list[Group]:
        """What a stopped writer could not write, without those that a caller waited for; it is given once."""
        with self._lock:
            groups = self._backlog.take(self._backlog.changes)
        return [each for each in groups if each.waiter is None]

    def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._is_over():
            if self.is_writable:
                self._awake.wait()
                self._hurried.wait(self._limits.linger_s)
                pause_s = _FIRST_PAUSE_S
            else:
                self._stopping.wait(pause_s)
                pause_s = min(2 * pause_s, self._limits.max_pause_s)
            self._hurried.clear()
            self._write_once()

    def _is_over(self) -> bool:
        if not self._stopping.is_set():
            return False
        return not len(self._backlog) or monotonic() >= self._give_up_at

    def _write_once(self) -> None:
        with self._lock:
            groups = self._backlog.take(self._limits.max_in_batch)
            if not len(self._backlog) and not self._stopping.is_set():
                self._awake.clear()
            else:
                self._hurried.set()
        outcome = Outcome()
        try:
            if groups:
                self._write(groups, outcome)
            elif not self.is_writable:
                self._backend.probe()
        except Fenced as error:
            self._refuse_all(groups[len(outcome.done) :], outcome, error)
        except Unavailable as error:
            self._kept_for_later(groups[len(outcome.done) :], outcome, error)
        else:
            self._note_writable(groups)
        if outcome.done:
            self.batches += 1
            self._report(outcome)

    def _write(self, groups: list[Group], outcome: Outcome) -> None:
        """Write `groups`; `outcome.done` grows by those that are settled, also when it raises Unavailable."""
        try:
            self._backend.apply(
                [change for group in groups for change in group.changes if not group.is_withdrawn]
            )
        except Conflict:
            for group in groups:
                self._write_alone(group, outcome)
        else:
            outcome.done.extend(groups)

    def _write_alone(self, group: Group, outcome: Outcome) -> None:
        try:
            if not group.is_withdrawn:
                self._backend.apply(group.changes)
        except Conflict as conflict:
            if (refusal := self._write_scrubbed(group, conflict)) is not None:
                outcome.refused[len(outcome.done)] = refusal
        outcome.done.append(group)

    def _write_scrubbed(self, group: Group, conflict: Conflict) -> StoreError | None:
        try:
            self._backend.apply(scrub(group.changes))
        except Conflict:
            return conflict
        return None

    def _refuse_all(self, groups: list[Group], outcome: Outcome, error: Fenced) -> None:
        if not self.is_fenced:
            log.error("%s", error)
        self.is_fenced, self.is_writable = True, False
        for group in groups:
            outcome.refused[len(outcome.done)] = error
            outcome.done.append(group)

    def _kept_for_later(self, groups: list[Group], outcome: Outcome, error: Unavailable) -> None:
        """Groups that a caller waits for fail at once and are withdrawn; the rest go back into the backlog."""
        if self.is_writable:
            log.error("%s; what is to be written is kept in memory", error)
        self.is_writable = False
        self.retries += 1
        later = []
        for group in groups:
            if group.waiter is None:
                later.append(group)
            else:
                outcome.refused[len(outcome.done)] = error
                outcome.done.append(group)
        with self._lock:
            self._backlog.give_back(later)
        self._awake.set()

    def _note_writable(self, written: list[Group]) -> None:
        if self.is_fenced:
            return
        if not self.is_writable:
            waited = self._backlog.changes + sum(len(group.changes) for group in written)
            log.warning("the database is back; %d changes waited", waited)
        self.is_writable = True
