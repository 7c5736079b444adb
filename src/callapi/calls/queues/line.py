"""The order of one queue: by priority, then by arrival. A machine: it knows no clock and no calls."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from callapi.base.ids import CallSid


@dataclass(slots=True)
class Place:
    """One caller's place. `since` is monotonic seconds; `node` has its call, empty for this one."""

    call_sid: CallSid
    priority: int
    number: int
    since: float
    node: str = ""


@dataclass(slots=True)
class Line:
    """Callers in their order. A lower `priority` is served first; equals in the order of their arrival."""

    _places: dict[CallSid, Place] = field(default_factory=dict)
    _next: int = 0

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, call_sid: object) -> bool:
        return call_sid in self._places

    def enter(self, call_sid: CallSid, priority: int, now: float, number: int | None = None) -> None:
        """Take the place of that priority and `number`; without one, the last place of that priority."""
        number = self._next if number is None else number
        self._places[call_sid] = Place(call_sid, priority, number, now)
        self._next = max(self._next, number) + 1

    def show_others(self, others: Iterable[Place]) -> None:
        """These, and no more, are the callers of other nodes."""
        own = {sid: each for sid, each in self._places.items() if not each.node}
        self._places = {each.call_sid: each for each in others} | own

    def put_back(self, place: Place) -> None:
        """Take the place again that was lost through no fault of the caller."""
        self._places[place.call_sid] = place

    def leave(self, call_sid: CallSid) -> Place | None:
        """Give up the place; it as it was, None if there was none."""
        return self._places.pop(call_sid, None)

    def take_front(self) -> Place | None:
        """The first in line, taken out of it."""
        order = self.order()
        return self.leave(order[0].call_sid) if order else None

    def order(self) -> list[Place]:
        """All places, the first first."""
        return sorted(self._places.values(), key=lambda each: (each.priority, each.number, each.call_sid))

    def position(self, call_sid: CallSid) -> int | None:
        """The place in line, from 1; None if the call is not in it."""
        return next((at for at, each in enumerate(self.order(), 1) if each.call_sid == call_sid), None)

    def average_wait_s(self, now: float) -> int:
        """How long those in line have waited on average, in whole seconds."""
        if not self._places:
            return 0
        return int(sum(now - each.since for each in self._places.values()) / len(self._places))
