"""What was measured of several nodes, and the tables that say so."""

import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Self

import msgspec
from bench.cluster.model import Measured, cores, nearest_to_its_bound
from bench.cluster.rig import Cost
from bench.harness.processes import percentile

FILE: Final = "one node, SQLite"
ALONE: Final = "one node, PostgreSQL, cluster on"
BEHIND: Final = "one node behind Kamailio"
THREE: Final = "three nodes behind Kamailio"
STEPS: Final = (60, 90, 120, 150, 180, 210, 240)
"""Calls a second over all nodes, tried one after the other until a call fails."""
PER_CORE: Final = "calls a second for a core of nodes (a second by the CPU of a call)"


class Load(msgspec.Struct, frozen=True):
    """What a stretch of load has given, in milliseconds of CPU for each call."""

    nodes: float
    edge: float
    database: float
    failed: int
    calls: int


class Results(msgspec.Struct):
    """Each piece as it was measured last."""

    machines: dict[str, str] = {}
    """Of each piece: when, on what, at what load."""
    rate: int = 0
    costs: dict[str, list[Load]] = {}
    resting: dict[str, Cost] = {}
    own: list[float] = []
    foreign: list[float] = []
    beat_ms: dict[int, float] = {}
    connections: float = 0.0
    steps: dict[str, dict[int, Load]] = {}

    @classmethod
    def read(cls, path: Path | None) -> Self:
        """What `path` has, if it is there."""
        if path is None or not path.exists():
            return cls()
        return msgspec.json.decode(path.read_bytes(), type=cls)

    def write(self, path: Path) -> None:
        """Keep it."""
        path.write_bytes(msgspec.json.encode(self))

    @property
    def is_whole(self) -> bool:
        """Whether there is enough for the tables; the steps may be left out."""
        return bool(self.costs and self.resting)


def delay(values: list[float]) -> str:
    """Percentiles."""
    return f"p50 {percentile(values, 0.5):.1f} ms, p99 {percentile(values, 0.99):.1f} ms"


def median(loads: list[Load], part: str) -> float:
    """Of the rounds."""
    return float(statistics.median(getattr(each, part) for each in loads))


FIXED: Final = (
    "The fewer calls a node has, the more each costs: fewer are gathered into a turn of its loop, a transaction, a "
    "writing of its log; and its timers, heartbeats and the edge's OPTIONS fall on fewer. So one node is to be "
    "compared with three at the same rate for each node (60 with 180); in brackets what is left of a call without what "
    "the nodes cost at rest."
)
BOUNDS: Final = (
    "Bounds taken: a core of signalling and four of media for a node, 8 cores of Kamailio, 16 cores and 2,000 "
    "connections of PostgreSQL (from version 14 on its snapshots do not grow with those that do nothing)."
)


def per_core(loads: list[Load]) -> str:
    """Calls a second that one core of nodes carries."""
    return f"{1000 / median(loads, 'nodes'):.0f}"


def percent(share: float) -> str:
    """Of a core."""
    return f"{share * 100:.1f} %"


def ratio(one: list[Load], other: list[Load]) -> str:
    """Of the nodes' CPU, round by round: the middle one, and the spread."""
    ratios = [a.nodes / b.nodes for a, b in zip(one, other, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def table(head: str, rows: Iterable[str]) -> list[str]:
    """Lines of Markdown, and an empty one."""
    return [head, "|" + " --- |" * (head.count("|") - 1), *rows, ""]


def report(results: Results, climb_s: float) -> str:
    """The tables."""
    rounds = len(results.costs[THREE])
    steps = [
        f"{FIXED} Nodes' CPU for each call behind Kamailio, {climb_s:g} s at each rate:",
        "",
        *table("| calls a second over all nodes | one node | three nodes |", _steps(results)),
    ]
    return "\n".join(
        [
            *(f"- {piece}: {machine}" for piece, machine in results.machines.items()),
            "",
            f"CPU for each call at {results.rate}/s for each node, medians of {rounds} rounds in turn:",
            "",
            *table(
                "| service | nodes | Kamailio | PostgreSQL | failed |", map(_costs, results.costs.items())
            ),
            *table("| figure | measured | goal |", _figures(results)),
            *(steps if results.steps else ()),
            *_on_paper(results),
        ]
    )


def _costs(shape: tuple[str, list[Load]]) -> str:
    name, loads = shape
    spread = [each.nodes for each in loads]
    return (
        f"| {name} | {median(loads, 'nodes'):.2f} ms ({min(spread):.2f} to {max(spread):.2f}) | "
        f"{median(loads, 'edge'):.2f} ms | {median(loads, 'database'):.2f} ms | "
        f"{sum(each.failed for each in loads)} of {sum(each.calls for each in loads)} |"
    )


def _figures(results: Results) -> list[str]:
    file, alone, behind, three = (results.costs[name] for name in (FILE, ALONE, BEHIND, THREE))
    rest, beat_ms = results.resting, results.beat_ms
    carried = ", ".join(
        str(max(results.steps.get(name, {}), default="not tried")) for name in (BEHIND, THREE)
    )
    nodes = ", ".join(percent(rest[name].nodes) for name in (FILE, ALONE, THREE))
    others = f"{percent(rest[THREE].edge)}, {percent(rest[THREE].database)}"
    beats = ", ".join(f"{each:.2f} ms" for each in beat_ms.values())
    return [
        f"| node's CPU of a call, PostgreSQL and cluster to SQLite | {ratio(alone, file)} | at most 1.10 |",
        f"| nodes' CPU of a call, three nodes to one | {ratio(three, behind)} | flat, within noise |",
        f"| {PER_CORE} | {per_core(behind)}; with three {per_core(three)} | the same |",
        f"| calls a second that all parts carry on these cores, none failed: one node, three nodes | {carried} | |",
        f"| REST command for a live call at its own node | {delay(results.own)} | |",
        f"| the same at another node | {delay(results.foreign)} | p99 under 20 ms |",
        f"| at rest, of a core: a node on SQLite, one on PostgreSQL, three of them behind Kamailio | {nodes} | |",
        f"| at rest, of a core: Kamailio, PostgreSQL with five nodes | {others} | |",
        f"| PostgreSQL's CPU of a heartbeat, of {' and of '.join(map(str, beat_ms))} nodes | {beats} | |",
        f"| connections to PostgreSQL of a node after these | {results.connections:.1f} | |",
    ]


def _steps(results: Results) -> list[str]:
    def cost(name: str, total: int) -> str:
        if total not in results.steps.get(name, {}):
            return "calls fail"
        nodes = results.steps[name][total].nodes
        # One node behind Kamailio has at rest what one without has, but for the OPTIONS.
        rest = results.resting[THREE if name == THREE else ALONE].nodes * 1e3 / total
        return f"{nodes:.2f} ms ({nodes - rest:.2f})"

    return [f"| {total} | {cost(BEHIND, total)} | {cost(THREE, total)} |" for total in STEPS]


def _on_paper(results: Results) -> list[str]:
    three = results.costs[THREE]
    measured = Measured(
        median(three, "nodes"),
        median(three, "edge"),
        median(three, "database"),
        results.beat_ms[max(results.beat_ms)],
        results.connections,
    )
    needs = cores(measured, max(results.beat_ms), 100_000, 180)
    first, share = nearest_to_its_bound(needs)
    return [
        f"## {max(results.beat_ms)} nodes and 100,000 live calls, on paper",
        "",
        "Calls of three minutes, by the figures above (`bench/cluster/model.py`):",
        "",
        *table(
            "| part | need | |",
            (f"| {each.name} | {each.need:.2f} {each.unit} | {each.note} |" for each in needs),
        ),
        f"Nearest to its bound, and so the first to break: **{first}**, at {share * 100:.0f} % of it. {BOUNDS}",
        "",
    ]
