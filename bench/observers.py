"""What it costs a markup call that it can be seen: its observers are switched off in turn while the node carries calls.

    .venv/bin/python -m bench.observers [--only together,parts,traces] [--seconds 3] [--rate 150] [--output FILE]

As `bench/parts.py`, for the subscribers of the bus of call events alone, each as a share of what a call costs without
it; first all that are always on together, then each of them; then a node that traces (`telemetry.otlp_endpoint` is
set, and the application takes the spans).

The figures are of pairs: each window without the part is compared with the mean of the windows before and after it,
so that a machine that slows down for a while weighs on both sides. Of the pairs the table has the median, the quartiles
(the middle half of the pairs) and the interval that holds the true median with 95 % (order statistics of the binomial
distribution, without an assumption of how the noise is distributed).
"""

import argparse
import math
import re
import statistics
import tempfile
from pathlib import Path
from typing import Final

from bench.calls import machine
from bench.parts import ABOUT, BUSY_SHARE, Findings, Plan, measure

SECTIONS: Final = {
    "together": ("Always on, together", ("observers",), 16),
    "parts": ("Always on, each part", ("metrics", "log-lines"), 12),
    "traces": ("Traces", ("traces",), 12),
}
"""By name: the title, what is switched off, and in how many rounds."""
HEAD: Final = """# What it costs that a call is seen

`make bench-observers`; what is measured: `bench/observers.py`. CPU of the node for a markup call of two legs; each part
is switched off between two windows with everything on, and a pair is such a window and the mean of its neighbours. The
goal: what is always on beside the records and the timeline (`observers`) adds at most 3 % to a call.
"""


def median_interval(values: list[float]) -> tuple[float, float]:
    """The narrowest pair of order statistics that holds the median of the distribution with at least 95 %.

    With fewer than six values no such pair is there, and the lowest and the highest are given.
    """
    ordered, count = sorted(values), len(values)
    outside, low = 1 / 2**count, 0
    while (more := outside + math.comb(count, low + 1) / 2**count) <= 0.025 and low + 1 < count // 2:
        outside, low = more, low + 1
    return ordered[low], ordered[count - 1 - low]


def row(part: str, findings: Findings) -> str:
    """What `part` adds to a call that is without it."""
    added = [(one.total + other.total) / 2 - off.total for one, off, other in findings.off[part]]
    shares = [cost / off.total for cost, (_, off, _) in zip(added, findings.off[part], strict=True)]
    low, _, high = statistics.quantiles(shares, n=4)
    least, greatest = median_interval(shares)
    figures = f"{statistics.median(added):.3f} ms | {statistics.median(shares):.1%}"
    return f"| {part} | {figures} | {least:.1%} to {greatest:.1%} | {low:.1%} to {high:.1%} | {ABOUT[part]} |"


def table(plan: Plan, findings: Findings) -> str:
    """All parts of the plan."""
    total = statistics.median(each.total for each in findings.on)
    windows = len(findings.on) + sum(map(len, findings.off.values()))
    how = f"{plan.rate} calls/s, {plan.rounds} pairs for each part, windows of {plan.seconds:g} s"
    others = f"in {findings.disturbed} of {windows} windows other programs took over {BUSY_SHARE:.0%} of the machine"
    lines = [
        f"{machine()}",
        "",
        f"{how}; {others}. Everything on: median {total:.2f} ms a call.",
        "",
        "| part | a call | of a call without it, median | 95 % interval of the median | middle half | what it is |",
        "| --- | --- | --- | --- | --- | --- |",
        *(row(part, findings) for part in plan.parts),
    ]
    return "\n".join(lines) + "\n"


def merged(text: str, titles: list[str], tables: dict[str, str]) -> str:
    """The page with new tables in place of those of the same titles; what else is written under a title stays."""
    sections = dict(re.findall(r"^## (.+)\n\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    for title, new in tables.items():
        before = sections.get(title, "")
        notes = before[end.end() :] if (end := re.search(r"(?:^\|.*\n)+", before, re.MULTILINE)) else ""
        sections[title] = f"{new}\n{notes.strip()}\n" if notes.strip() else new
    return "\n".join(
        [HEAD, *(f"## {each}\n\n{sections[each].strip()}\n" for each in titles if each in sections)]
    )


def main() -> None:
    """Measure, show, keep."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--only", default=",".join(SECTIONS), help=f"of {', '.join(SECTIONS)}")
    arguments.add_argument("--rounds", type=int, help="instead of each section's own number")
    arguments.add_argument("--seconds", type=float, default=3, help="of each window")
    arguments.add_argument("--rate", type=int, default=150, help="calls a second")
    arguments.add_argument(
        "--output", type=Path, help="page for the tables; those that are not measured stay"
    )
    given = arguments.parse_args()
    for name in given.only.split(","):
        title, parts, rounds = SECTIONS[name]
        plan = Plan(given.rounds or rounds, given.seconds, given.rate, parts)
        with tempfile.TemporaryDirectory(prefix="callapi-bench-") as directory:
            new = table(plan, measure(plan, Path(directory), is_traced=name == "traces"))
        print(new, flush=True)
        if given.output is not None:
            before = given.output.read_text() if given.output.exists() else ""
            titles = [each for each, _, _ in SECTIONS.values()]
            given.output.write_text(merged(before, titles, {title: new}))


if __name__ == "__main__":
    main()
