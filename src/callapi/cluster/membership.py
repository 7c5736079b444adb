"""Which nodes are dead, judged by whether their heartbeats go on. Pure: the rows and the time are arguments.

A node is dead when its count of heartbeats has not grown for `DEAD_AFTER_S` during which this node could read the table
without a break. So no clocks are compared, and after an outage of the database, in which no node could make a
heartbeat, each has the whole time again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from callapi.store import NodeEntry, NodeState

DEAD_AFTER_S: Final = 4.0
MAX_GAP_S: Final = 2.5
"""Between two readings; after a longer one nothing is known of the time between."""
BURIED: Final = -1
"""The count of a node that has nothing left to take over."""


@dataclass(slots=True)
class _Watched:
    epoch: int
    beat: int
    since: float


class Membership:
    """What this node (`name`) knows of the others."""

    def __init__(self, name: str, dead_after_s: float = DEAD_AFTER_S) -> None:
        self._name = name
        self._dead_after_s = dead_after_s
        self._watched: dict[str, _Watched] = {}
        self._read_at: float | None = None
        self._entries: dict[str, NodeEntry] = {}

    @property
    def entries(self) -> tuple[NodeEntry, ...]:
        """Every node, as it was read last."""
        return tuple(self._entries.values())

    def running(self, name: str) -> NodeEntry | None:
        """The node of that name, if it runs as far as is known."""
        entry = self._entries.get(name)
        return entry if entry is not None and entry.state.is_running else None

    def read(self, entries: Iterable[NodeEntry], now: float) -> list[NodeEntry]:
        """Take in the table; the nodes to take over from: those that are dead, or left something behind."""
        if self._read_at is None or now - self._read_at > MAX_GAP_S:
            self._watched.clear()
        self._read_at = now
        self._entries = {each.name: each for each in entries}
        self._watched = {name: seen for name, seen in self._watched.items() if name in self._entries}
        return [
            each for each in self._entries.values() if each.name != self._name and self._is_over(each, now)
        ]

    def missed(self) -> None:
        """The table could not be read."""
        self._read_at = None

    def _is_over(self, entry: NodeEntry, now: float) -> bool:
        if not entry.state.is_running:
            return entry.state is NodeState.LEFT and entry.beat != BURIED
        seen = self._watched.get(entry.name)
        if seen is None or (seen.epoch, seen.beat) != (entry.epoch, entry.beat):
            self._watched[entry.name] = _Watched(entry.epoch, entry.beat, now)
            return False
        return now - seen.since >= self._dead_after_s
