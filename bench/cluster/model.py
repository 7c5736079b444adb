"""Arithmetic for services that no machine here could hold, fed by what was measured on one."""

from dataclasses import dataclass
from typing import Final

RELAY_CPU_S_PER_MILLION: Final = 6.0
"""docs/benchmarks/calls.md, 200 calls with sound: packets in and out of one node."""
PACKETS_PER_CALL_S: Final = 100
"""A bridged call: 50 in each direction."""


@dataclass(frozen=True)
class Measured:
    """Milliseconds of CPU for each call; what each node asks of the database."""

    node_ms: float
    edge_ms: float
    database_ms: float
    beat_ms: float
    """Of the database, for one heartbeat of one node among as many as are reckoned with."""
    connections: float
    """Of one node to the database."""


@dataclass(frozen=True)
class Part:
    """One line of the answer: what is needed, in cores or connections, and what one machine gives."""

    name: str
    need: float
    unit: str
    note: str


def cores(measured: Measured, nodes: int, live_calls: int, mean_s: float) -> list[Part]:
    """What a service of so many nodes needs for so many calls of `mean_s` each."""
    per_second = live_calls / mean_s
    signalling = per_second * measured.node_ms / 1e3 / nodes
    media = live_calls * PACKETS_PER_CALL_S * RELAY_CPU_S_PER_MILLION / 1e6 / nodes
    beats = nodes * measured.beat_ms / 1e3
    calls = f"{per_second / nodes:.1f} calls a second"
    return [
        Part("each node, signalling", signalling, "cores", f"{calls}, {measured.node_ms:.2f} ms for each"),
        Part("each node, media", media, "cores", f"{live_calls // nodes} calls relayed"),
        Part(
            "Kamailio",
            per_second * measured.edge_ms / 1e3,
            "cores",
            f"{per_second:.0f} calls a second, {measured.edge_ms:.2f} ms a call",
        ),
        Part(
            "PostgreSQL, records",
            per_second * measured.database_ms / 1e3,
            "cores",
            f"{measured.database_ms:.2f} ms a call",
        ),
        Part("PostgreSQL, heartbeats", beats, "cores", f"{nodes} a second, {measured.beat_ms:.2f} ms each"),
        Part(
            "PostgreSQL, connections",
            nodes * measured.connections,
            "connections",
            f"{measured.connections:.1f} for each node",
        ),
    ]


def nearest_to_its_bound(
    parts: list[Part], cores_of_database: int = 16, connections: int = 2000
) -> tuple[str, float]:
    """The part that breaks first, and how much of its bound is needed.

    The bounds: a core of signalling and four of media for a node, the database's cores and connections.
    """
    bounds = {
        "each node, signalling": 1.0,
        "each node, media": 4.0,
        "Kamailio": 8.0,
        "PostgreSQL, records": float(cores_of_database),
        "PostgreSQL, heartbeats": float(cores_of_database),
        "PostgreSQL, connections": float(connections),
    }
    return max(((each.name, each.need / bounds[each.name]) for each in parts), key=lambda each: each[1])
