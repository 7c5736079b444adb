"""What SRTP costs: the plain relay and rtpengine beside it, in turn in each round (two minutes).

.venv/bin/python -m bench.relay.encrypted [--calls 500] [--seconds 3] [--rounds 4] [--output docs/benchmarks/srtp.md]
"""

import argparse
from pathlib import Path
from typing import Final

from bench.calls import machine
from bench.relay.__main__ import Runs, compared, middle, ratios
from bench.relay.subjects import CALLAPI, CM, GCM, RTPENGINE, Subject, prepare

GOALS: Final = {CM: ("at most 1.6", "at most 0.6"), GCM: ("at most 1.4", "at most 0.6")}


def main() -> None:
    """Measure, show, keep."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--calls", type=int, default=500)
    arguments.add_argument("--seconds", type=int, default=3, help="of each run")
    arguments.add_argument("--rounds", type=int, default=4)
    arguments.add_argument("--output", type=Path, help="file for the table")
    given = arguments.parse_args()
    head = machine()
    subjects = [each for each in prepare() if each in (CALLAPI, RTPENGINE) or each.suite]
    runs = compared(subjects, given.calls, given.seconds, given.rounds)
    rows = [
        f"| {given.calls} calls | CPU per packet, µs | to the plain relay | goal | to rtpengine | goal | lost |",
        f"|{' --- |' * 7}",
    ]
    for subject in subjects:
        plain = middle(ratios(runs, subject, CALLAPI))
        peer = next(
            (each for each in subjects if each.program == RTPENGINE.program and each.suite == subject.suite),
            None,
        )
        to_peer = _to(runs, subject, peer)
        goals = GOALS.get(subject.suite, ("", "")) if subject.program != RTPENGINE.program else ("", "")
        cpu, lost = middle([run.packet_us for run in runs[subject]]), sum(run.lost for run in runs[subject])
        sent = sum(run.sent for run in runs[subject])
        cells = [subject.name, cpu, plain, goals[0], to_peer, goals[1], f"{lost} of {sent}"]
        rows.append(f"| {' | '.join(cells)} |")
    table = "\n".join(rows)
    how = f"`make bench-srtp`; both legs encrypted. {head}; {given.rounds} rounds of {given.seconds} s"
    text = f"# SRTP\n\n{how}\n\n{table}\n"
    print(f"\n{text}")
    if given.output is not None:
        given.output.write_text(text, encoding="utf-8")


def _to(runs: Runs, subject: Subject, peer: Subject | None) -> str:
    return "not installed" if peer is None else middle(ratios(runs, subject, peer))


if __name__ == "__main__":
    main()
