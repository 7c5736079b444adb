"""CPU per forwarded packet: a plain forwarder, our media plane, rtpengine, in turn in each round; then ever more calls.

    .venv/bin/python -m bench.relay [--calls 500] [--seconds 5] [--rounds 5] [--output docs/benchmarks]
    .venv/bin/python -m bench.relay --only plain --only scale --output docs/benchmarks  # the rest of the page stays

The load tool has the first core, what is measured the last one alone. CPU time is that of /proc/PID/stat (user and
system, all threads). A delay is from the party's sending to the other party's reading: queues on both sides included.
"""

import argparse
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from bench.calls import machine
from bench.plot import Line, bars, lines
from bench.relay.subjects import CALLAPI, FORWARDER, NODE, RTPENGINE, Run, Subject, measure, prepare

GOALS: Final = {
    CALLAPI.name: "at most 0.9; 0.55 of rtpengine; p99 under 1 ms",
    "callapi, both ways recorded": "at most 1.5",
    "callapi, SRTP CM": "at most 1.6 of plain; 0.6 of rtpengine with the same",
    "callapi, SRTP GCM": "at most 1.4 of plain; 0.6 of rtpengine with the same",
}
#: Calls of the whole node, which SIPp sets up first.
NODE_STEPS: Final = (500, 1000)
#: Bridged calls of the last part. A subject stops that loses more than a thousandth, or when the load tool, whose core
#: is as busy, falls behind: that is the machine's limit.
STEPS: Final = (250, 500, 1000, 1500, 2000, 2500)
BEHIND_US: Final = 200_000
#: The sections of the page, each measured by itself if it is asked for alone.
PARTS: Final = {
    "plain": "Packets as they are",
    "srtp": "Encrypted on both legs",
    "sound": "Recorded and transcoded",
    "scale": "Ever more calls",
    "node": "The whole node: SIP, documents, `<Dial><Sip>`, held with sound",
}
Runs = dict[Subject, list[Run]]


def compared(subjects: Sequence[Subject], calls: int, seconds: int, rounds: int) -> Runs:
    """`rounds` of everybody in turn."""
    runs: Runs = {each: [] for each in subjects}
    for number in range(rounds):
        for subject in subjects:
            runs[subject].append(reported(f"{number + 1} {subject.name}", measure(subject, calls, seconds)))
    return runs


def reported(name: str, run: Run) -> Run:
    """The run, printed."""
    print(
        f"{name:31} {run.calls:5} calls  {run.packet_us:6.2f} us/packet  lost {run.lost}  delay p50 {run.p50_us}"
        f"  p99 {run.p99_us}  longest {run.max_us} us; load tool at most {run.behind_us} us behind",
        flush=True,
    )
    return run


def middle(values: Sequence[float], form: str = ".2f") -> str:
    """Median and range."""
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def ratios(runs: Runs, subject: Subject, to: Subject) -> list[float]:
    """CPU per packet, to that of `to` in the same round."""
    return [one.packet_us / other.packet_us for one, other in zip(runs[subject], runs[to], strict=True)]


def comparison(runs: Runs) -> str:
    """Markdown; p50 and p99 are of the delay."""
    calls = runs[CALLAPI][0].calls
    rows = [
        f"| {calls} bridged calls | CPU per packet, µs | to the forwarder | to rtpengine | lost | p50 | p99 | goal |",
        f"|{' --- |' * 8}",
    ]
    for subject, each in runs.items():
        name = subject.name if subject.share == 1 else f"{subject.name} ({each[0].calls} calls)"
        peer = middle(ratios(runs, subject, RTPENGINE)) if RTPENGINE in runs else "not installed"
        is_relayed = subject.codec == "PCMU"
        lost = f"{sum(run.lost for run in each)} of {sum(run.sent for run in each)}" if is_relayed else ""
        delays = [
            f"{statistics.median(of(run) for run in each) / 1000:.2f} ms" if is_relayed else ""
            for of in (p50_us, p99_us)
        ]
        cpu = middle([run.packet_us for run in each])
        cells = [name, cpu, middle(ratios(runs, subject, FORWARDER)), peer, lost, *delays]
        rows.append(f"| {' | '.join([*cells, GOALS.get(subject.name, '')])} |")
    return "\n".join(rows) + "\n"


def p50_us(run: Run) -> float:
    """For `statistics`."""
    return run.p50_us


def p99_us(run: Run) -> float:
    """For `statistics`."""
    return run.p99_us


def scaled(subjects: Sequence[Subject], seconds: int) -> Runs:
    """One run of everybody at each step, as far as they come."""
    runs: Runs = {each: [] for each in subjects}
    standing = list(subjects)
    for calls in STEPS:
        for subject in list(standing):
            run = reported(subject.name, measure(subject, calls, seconds))
            runs[subject].append(run)
            if run.lost > run.sent / 1000 or run.behind_us > BEHIND_US:
                standing.remove(subject)
    return runs


def steps(runs: Sequence[Run]) -> str:
    """Markdown. The last column is resident memory: of a node's calls, or of each one more than in the row before."""
    rows = [
        "| bridged calls | of a core | µs per packet | lost | delay p50 | p99 | longest | memory of a call |",
        f"|{' --- |' * 8}",
    ]
    for before, run in zip([None, *runs], runs, strict=False):
        cells = [
            str(run.calls),
            f"{run.core:.0%}",
            f"{run.packet_us:.2f}",
            f"{run.lost} of {run.sent}",
            *(f"{each / 1000:.2f} ms" for each in (run.p50_us, run.p99_us, run.max_us)),
            memory(run, before),
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def memory(run: Run, before: Run | None) -> str:
    """Of one call, in kB."""
    if run.before_kb:
        return f"{(run.memory_kb - run.before_kb) / run.calls:.1f} kB"
    if before is None:
        return ""
    return f"{(run.memory_kb - before.memory_kb) / (run.calls - before.calls):.1f} kB"


def slope(runs: Runs, of: Callable[[Run], float]) -> list[Line]:
    """Lines over calls, for the plot."""
    return [Line(subject.name, [(run.calls, of(run)) for run in each]) for subject, each in runs.items()]


def section(part: str, subjects: Sequence[Subject], given: argparse.Namespace) -> str:
    """Measures one part of the page; its plot goes to the output's folder."""
    head, plot = f"{machine()}; runs of {given.seconds} s", ""
    if part == "node":
        table = steps([reported(NODE.name, measure(NODE, calls, given.seconds)) for calls in NODE_STEPS])
    elif part == "scale":
        scale = scaled([each for each in subjects if part_of(each) == "plain"], given.seconds)
        table = steps(scale[CALLAPI])
        cpu = slope(scale, lambda run: run.core * 100)
        plot = lines("CPU against bridged calls", ("calls", "% of a core"), cpu)
    else:
        yardsticks = [each for each in subjects if each in (FORWARDER, CALLAPI, RTPENGINE)]
        measured = [*yardsticks, *(each for each in subjects if part_of(each) == part != "plain")]
        runs = compared(measured, given.calls, given.seconds, given.rounds)
        head, table = f"{head}, {given.rounds} rounds in turn", comparison(runs)
        shares = {each.name: sorted(ratios(runs, each, FORWARDER)) for each in runs if each.codec != "opus"}
        plot = bars("CPU per forwarded packet, as ratio to the plain forwarder", shares)
    if plot and given.output is not None:
        (given.output / f"relay-{part}.svg").write_text(plot)
    return f"## {PARTS[part]}\n\n{head}\n\n{table}" + (f"\n![plot](relay-{part}.svg)\n" if plot else "")


def part_of(subject: Subject) -> str:
    """The section that a subject is shown in first."""
    if subject.suite:
        return "srtp"
    return "plain" if subject in (FORWARDER, CALLAPI, RTPENGINE) else "sound"


def page(before: str, measured: dict[str, str]) -> str:
    """The page with the sections that were measured; the others stay as they are `before`."""
    kept = {each.partition("\n")[0].removeprefix("## "): each for each in before.split("\n\n## ")[1:]}
    kept = {title: f"## {each}" for title, each in kept.items()}
    sections = [measured.get(part) or kept.get(title) for part, title in PARTS.items()]
    title = "# Relay\n\n`make bench-relay`; what is measured: `bench/relay`."
    return "\n\n".join([title, *(each.strip() for each in sections if each)]) + "\n"


def main() -> None:
    """Measure, show, keep."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--calls", type=int, default=500)
    arguments.add_argument("--seconds", type=int, default=5, help="of each run")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--only", action="append", choices=PARTS, help="this section, or these")
    arguments.add_argument("--without", action="append", default=[], help="a subject, by its name")
    arguments.add_argument("--output", type=Path, help="folder for relay.md and the plots")
    given = arguments.parse_args()
    if given.output is not None:
        given.output.mkdir(parents=True, exist_ok=True)
    subjects = [each for each in prepare() if each.name not in given.without]
    measured = {}
    for part in given.only or PARTS:
        measured[part] = section(part, subjects, given)
        print(f"\n{measured[part]}", flush=True)
        if given.output is not None:
            file = given.output / "relay.md"
            before = file.read_text(encoding="utf-8") if file.exists() else ""
            file.write_text(page(before, measured), encoding="utf-8")


if __name__ == "__main__":
    main()
