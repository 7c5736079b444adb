"""Conferences: `python -m bench.conference [--seconds 10] [--tone 60] [--output FILE]`.

CPU: every party sends G.711 every 20 ms; a tenth of them speaks, the others send silence. The parties have the first
core, the mixer the last one: our media plane, and beside it Asterisk's ConfBridge where Asterisk is installed (a
20 ms mix at 8 kHz; as it comes, and with `dsp_drop_silence`, which its makers recommend). CPU time is that of
/proc/PID/stat (user and system, all threads).

Sound: in a room of 50 one party says a tone of 1,004 Hz, the others send silence; a listener's capture is taken
apart into the tone and the rest, 10 ms by 10 ms. What G.711 itself adds lies 35 dB and more below the tone; a gap or
a click lies above -20 dB. Delay: from the sending of a packet to the arrival of its first sample at a listener, in a
room of 50 and over a bridge of two.
"""

import argparse
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from bench.conference.asterisk import Asterisk
from bench.conference.parties import SILENCE, Party, crowd, drain, talk, tone
from bench.conference.sound import HERTZ, delays_ms, listen, purity
from bench.harness.asterisk import program
from bench.harness.processes import NODE_CORE, TOOLS_CORE, Process, pinned
from msgspec import Struct

PORT: Final = 10_000
PARTIES: Final = 10_000
SHAPES: Final = ((1, 100), (30, 10), (1, 10), (1, 250))
"""Rooms, and members of each."""
COMPARED: Final = ((1, 100), (30, 10))
WARM_S: Final = 2.0
SOUND_MEMBERS: Final = 50
DELAY_S: Final = 20.0
BRIDGE: Final = 2
"""Members of what is not a room but a bridge."""


class Run(Struct, frozen=True):
    """One measurement of CPU."""

    mixer: str
    rooms: int
    members: int
    seconds: float
    cpu_s: float
    sent: int
    received: int

    @property
    def percent(self) -> float:
        """Of a core, for each participant."""
        return 100 * self.cpu_s / self.seconds / (self.rooms * self.members)


def wait_for(log: Path, timeout_s: float = 30.0) -> None:
    """Until the engine says that it is ready."""
    end = time.monotonic() + timeout_s
    while "ready" not in log.read_text():
        if time.monotonic() > end:
            raise TimeoutError(log.read_text())
        time.sleep(0.05)


@contextlib.contextmanager
def engine(rooms: int, members: int) -> Iterator[Process]:
    """Our media plane with these rooms; `members` 2 in no room: a bridge."""
    arguments = (str(rooms), str(members), str(PORT), str(PARTIES))
    command = pinned(NODE_CORE, sys.executable, "-m", "bench.conference.engine", *arguments)
    with tempfile.TemporaryDirectory(prefix="callapi-bench-") as directory:
        log = Path(directory) / "log"
        with Process(command, log) as process:
            wait_for(log)
            yield process


@contextlib.contextmanager
def seated(parties: list[Party]) -> Iterator[list[Party]]:
    """Parties whose sockets are closed in the end."""
    try:
        yield parties
    finally:
        for each in parties:
            each.socket.close()


def timed(mixer: str, process: Process, shape: tuple[int, int], parties: list[Party], seconds: float) -> Run:
    """CPU time of `process` while the parties talk."""
    drain(parties)
    talk(parties, WARM_S)
    before, began = process.cpu_s(), time.monotonic()
    sent, received = talk(parties, seconds)
    return Run(mixer, *shape, time.monotonic() - began, process.cpu_s() - before, sent, received)


def ours(shape: tuple[int, int], seconds: float) -> Run:
    """A run of our media plane."""
    rooms, members = shape
    with engine(rooms, members) as process, seated(_crowd(shape, PORT)) as parties:
        return timed("CallAPI", process, shape, parties, seconds)


def theirs(where: Path, shape: tuple[int, int], seconds: float, *, drops_silence: bool) -> Run:
    """A run of ConfBridge."""
    with tempfile.TemporaryDirectory(prefix="callapi-bench-") as name:
        folder = Path(name)
        asterisk = Asterisk(where, folder, drops_silence=drops_silence)
        with (
            Process(pinned(NODE_CORE, *asterisk.command), folder / "log") as process,
            seated(_crowd(shape, None)) as parties,
        ):
            asterisk.wait()
            asterisk.join(parties, shape[1])
            mixer = asterisk.version().partition(" built")[0] + (", drops silence" if drops_silence else "")
            return timed(mixer, process, shape, parties, seconds)


def _crowd(shape: tuple[int, int], mixer: int | None) -> list[Party]:
    rooms, members = shape
    return crowd(members, rooms, PARTIES, max(1, members // 10), mixer)


def cpu_table(runs: list[Run]) -> str:
    """Markdown."""
    rows = ["| mixer | rooms | members | CPU of a core for each participant | packets sent | received |"]
    rows.append(f"|{' --- |' * 6}")
    for run in runs:
        cells = [
            run.mixer,
            str(run.rooms),
            str(run.members),
            f"{run.percent:.3f} %",
            str(run.sent),
            str(run.received),
        ]
        rows.append(f"| {' | '.join(cells)} |")
    for shape in COMPARED:
        same = [run for run in runs if (run.rooms, run.members) == shape]
        if len(same) > 1:
            best = min(run.percent for run in same if run is not same[0])
            share = same[0].percent / best
            rows.append(
                f"\n{shape[0]} x {shape[1]}: CallAPI needs {share:.2f} of what the better ConfBridge needs."
            )
    return "\n".join(rows) + "\n"


def sound_lines(seconds: float) -> str:
    """Purity of a tone, and delays, in sentences."""
    with engine(1, SOUND_MEMBERS), seated(crowd(SOUND_MEMBERS, 1, PARTIES, 0, PORT)) as parties:
        parties[0].say(tone(HERTZ, 10.0, 0.2))  # a whole number of periods
        tidy = purity(listen(parties, parties[1], seconds))
        parties[0].say(SILENCE)
        room = delays_ms(parties[0], parties[1], parties[2:], DELAY_S)
    with engine(0, BRIDGE), seated(crowd(BRIDGE, 1, PARTIES, 0, PORT)) as parties:
        bridge = delays_ms(parties[0], parties[1], [], DELAY_S)
    rows = [
        f"The tone, {tidy.seconds:.0f} s: {tidy.packets} packets, {tidy.missing} missing. In the worst 10 ms, what is",
        f"not the tone is at {tidy.worst_db:.1f} dB of it; the tone is never below {tidy.weakest_db:+.2f} dB.",
        "",
        "| delay, ms | p50 | p99 | marks |",
        "| --- | --- | --- | --- |",
    ]
    for name, delays in (("room of 50", room), ("bridge", bridge)):
        p50, p99 = np.percentile(delays, [50, 99])
        rows.append(f"| {name} | {p50:.1f} | {p99:.1f} | {len(delays)} |")
    beyond = np.percentile(room, 99) - np.percentile(bridge, 99)
    rows.append(f"\nThe room adds {beyond:.1f} ms to the bridge (p99).")
    return "\n".join(rows) + "\n"


def main() -> None:
    """Measure each shape and the sound, print and write the tables."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=10.0)
    arguments.add_argument("--tone", type=float, default=60.0, help="seconds of the tone")
    arguments.add_argument("--output", type=Path, help="a Markdown file to write")
    options = arguments.parse_args()
    os.sched_setaffinity(0, {TOOLS_CORE})
    runs = []
    where = program()
    for shape in SHAPES:
        runs.append(ours(shape, options.seconds))
        if where is not None and shape in COMPARED:
            runs += [theirs(where, shape, options.seconds, drops_silence=each) for each in (False, True)]
    text = "# Conferences\n\n" + (__doc__ or "").split("\n\n", 1)[1] + "\n## CPU\n\n" + cpu_table(runs)
    if where is None:
        text += "\nAsterisk is not installed here: nothing to compare with (ASTERISK may name its path).\n"
    text += "\n## Sound\n\n" + sound_lines(options.tone)
    print(text)
    if options.output is not None:
        options.output.write_text(text)


if __name__ == "__main__":
    main()
