"""Who a node is, as the others see it. Values only."""

from enum import StrEnum
from typing import Final

from msgspec import Struct

BEAT_EVERY_S: Final = 1.0
"""Between two heartbeats of a node."""


class NodeState(StrEnum):
    """What a node does, or what became of it."""

    UP = "up"
    DRAINING = "draining"
    LEFT = "left"
    """It stopped in good order."""
    DEAD = "dead"
    """It stopped answering, and another node has taken over what it had."""

    @property
    def is_running(self) -> bool:
        """Whether the node claims to run."""
        return self in {NodeState.UP, NodeState.DRAINING}


class Owner(Struct, frozen=True):
    """The node that opens a store: what it writes is its own until it ends or another takes over."""

    name: str
    identity: str
    """Made at the first start and kept in the data directory."""
    sip: str = ""
    http: str = ""
    version: str = ""
    numbers: tuple[str, ...] = ()
    """Those of its configuration file."""


class NodeEntry(Struct, frozen=True):
    """One row of the table of nodes."""

    name: str
    identity: str
    epoch: int
    """Grows at each start and takeover: the fencing token of the node's writes."""
    beat: int
    """Grows with each heartbeat. A node is judged by whether it grows, not by any clock."""
    state: NodeState
    sip: str
    http: str
    version: str
    live_calls: int
    seconds_since_seen: float
    """By the database's clock; for people, not for decisions."""


class Report(Struct, frozen=True):
    """What a node says of itself with each heartbeat."""

    state: NodeState
    live_calls: int


STARTING: Final = Report(NodeState.UP, 0)
"""Of a node that takes no calls yet."""


class Roll(Struct, frozen=True):
    """What a heartbeat brings back: every node, and what is wanted of this one."""

    nodes: tuple[NodeEntry, ...]
    is_drain_wanted: bool
    clock_offset_s: float = 0.0
    """How far the database's clock is ahead of this process's."""
    has_commands: bool = False
    """Whether commands of other nodes wait for this one."""
    has_free_calls: bool = False
    """Whether calls wait to be placed that no node has."""
