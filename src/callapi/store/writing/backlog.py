"""What waits to be written, in order and within bounds; does no I/O itself.

While the database is away groups pile up here. Past `max_events` the oldest events of calls are dropped, the cheapest
to lose; records and callbacks never are. Their number is bounded by the calls that are up, since past `max_changes`
`is_full` makes the node admit no new ones.
"""

from asyncio import Future
from collections import deque
from collections.abc import Sequence

from msgspec import Struct

from callapi.store.changes import AddEvents, Change


class Group(Struct, eq=False):
    """Changes that are written together; `waiter` is of one who waits for them and may give up."""

    changes: tuple[Change, ...]
    waiter: "Future[None] | None" = None
    is_withdrawn: bool = False

    @property
    def events(self) -> int:
        """How many events of calls it holds."""
        events = 0
        for change in self.changes:
            if type(change) is AddEvents:
                events += len(change.events)
        return events

    def drop_events(self) -> None:
        """Keep everything else."""
        self.changes = tuple(change for change in self.changes if type(change) is not AddEvents)


class Backlog:
    """A queue of groups. Not safe for threads by itself."""

    def __init__(self, *, max_changes: int, max_events: int) -> None:
        self._max_changes = max_changes
        self._max_events = max_events
        self._groups: deque[Group] = deque()
        self._with_events: deque[tuple[Group, int]] = deque()
        self.changes = 0
        self.events = 0
        self.dropped_events = 0

    def __len__(self) -> int:
        return len(self._groups)

    @property
    def is_full(self) -> bool:
        """Whether no more work should be taken on."""
        return self.changes >= self._max_changes

    def put(self, group: Group) -> None:
        """Add `group` at the end."""
        self._groups.append(group)
        self.changes += len(group.changes)
        if events := group.events:
            self._with_events.append((group, events))
            self.events += events
            self._shed()

    def take(self, max_changes: int) -> list[Group]:
        """Remove groups from the front: at least one if there is any, and no more once `max_changes` are had."""
        taken: list[Group] = []
        changes = 0
        while self._groups and changes < max_changes:
            group = self._groups.popleft()
            changes += len(group.changes)
            if self._with_events and self._with_events[0][0] is group:
                self.events -= self._with_events.popleft()[1]
            taken.append(group)
        self.changes -= changes
        return taken

    def give_back(self, groups: Sequence[Group]) -> None:
        """Put what was taken, and could not be written, in front again."""
        for group in reversed(groups):
            self._groups.appendleft(group)
            self.changes += len(group.changes)
            if events := group.events:
                self._with_events.appendleft((group, events))
                self.events += events
        self._shed()

    def _shed(self) -> None:
        while self.events > self._max_events:
            group, events = self._with_events.popleft()
            self.changes -= len(group.changes)
            group.drop_events()
            self.changes += len(group.changes)
            self.events -= events
            self.dropped_events += events
