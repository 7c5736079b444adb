"""What it costs a markup call that it can be seen: its observers are switched off in turn while the node carries calls.

    .venv/bin/python -m bench.observers [--rounds 4] [--seconds 1] [--rate 150] [--output FILE]

As `bench/parts.py`, for the subscribers of the bus of call events alone, each as a share of what a call costs without
it. Then the same for a node that traces: `telemetry.otlp_endpoint` is set, and the application takes the spans.
"""

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Final

from bench.calls import machine
from bench.parts import ABOUT, BUSY_SHARE, Findings, Plan, measure

PARTS: Final = ("observers", "metrics", "feed", "log-lines")
HEAD: Final = """# What it costs that a call is seen

`make bench-observers`; what is measured: `bench/observers.py`. CPU of the node for a markup call of two legs; each part
is switched off between two windows with everything on, and the figure is the median over the rounds. The goal: what is
always on beside the records and the timeline (`observers`) adds less than 3 % to a call.
"""


def row(part: str, findings: Findings) -> str:
    """What `part` adds to a call that is without it."""
    added = [(one.total + other.total) / 2 - off.total for one, off, other in findings.off[part]]
    shares = [cost / off.total for cost, (_, off, _) in zip(added, findings.off[part], strict=True)]
    spread = f"{min(shares):.1%} to {max(shares):.1%}"
    cost, share = statistics.median(added), statistics.median(shares)
    return f"| {part} | {cost:.3f} ms | {share:.1%} ({spread}) | {ABOUT[part]} |"


def section(title: str, plan: Plan, findings: Findings) -> str:
    """A table of all parts of the plan."""
    total = statistics.median(each.total for each in findings.on)
    windows = len(findings.on) + sum(map(len, findings.off.values()))
    how = f"{plan.rate} calls/s, {plan.rounds} rounds, windows of {plan.seconds:g} s"
    others = f"in {findings.disturbed} of {windows} windows other programs took over {BUSY_SHARE:.0%} of the machine"
    lines = [
        f"## {title}",
        "",
        f"{how}; {others}. Everything on: median {total:.2f} ms a call.",
        "",
        "| part | a call | of a call without it, median (range) | what it is |",
        "| --- | --- | --- | --- |",
        *(row(part, findings) for part in plan.parts),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, show, keep."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=4)
    arguments.add_argument("--seconds", type=float, default=1.0, help="of each window")
    arguments.add_argument("--rate", type=int, default=150, help="calls a second")
    arguments.add_argument("--output", type=Path, help="file for the tables")
    given = arguments.parse_args()
    sections = []
    for title, parts, is_traced in (("Traces", ("traces",), True), ("Always on", PARTS, False)):
        plan = Plan(given.rounds, given.seconds, given.rate, parts)
        with tempfile.TemporaryDirectory(prefix="callapi-bench-") as directory:
            sections.append(section(title, plan, measure(plan, Path(directory), is_traced=is_traced)))
        print(sections[-1], flush=True)
    if given.output is not None:
        given.output.write_text("\n".join([HEAD, f"{machine()}\n", *reversed(sections)]))


if __name__ == "__main__":
    main()
