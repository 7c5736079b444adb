"""CPU for each participant of conferences: `python -m bench.conference [--seconds 10] [--output FILE]`.

Every party sends G.711 every 20 ms; a tenth of them speaks, the others send silence. The parties have the first core,
the media plane the last one. CPU time is that of /proc/PID/stat (user and system, all threads).
"""

import argparse
import contextlib
import math
import os
import selectors
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from bench.harness.processes import NODE_CORE, TOOLS_CORE, Process, pinned
from msgspec import Struct

PORT: Final = 10_000
PARTIES: Final = 10_000
SHAPES: Final = ((1, 100), (30, 10), (1, 10), (1, 250))
"""Rooms, and members of each."""
WARM_S: Final = 2.0
FRAME_S: Final = 0.02


class Run(Struct, frozen=True):
    """One measurement."""

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


def mulaw(sample: float) -> int:
    """The code of a sample between -1 and 1."""
    magnitude = math.log1p(255 * min(abs(sample), 1.0)) / math.log1p(255)
    return ~(int(magnitude * 127) | (0x80 if sample < 0 else 0)) & 0xFF


def voice(number: int) -> bytes:
    """A second of a tone of its own."""
    hertz = 200 + 50 * number
    return bytes(mulaw(0.1 * math.sin(2 * math.pi * hertz * at / 8000)) for at in range(8000))


class Party:
    """Sends a packet when asked, and counts what comes."""

    def __init__(self, number: int, members: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(0)
        self.socket.bind(("127.0.0.2", PARTIES + 2 * number))
        self.socket.connect(("127.0.0.1", PORT + 2 * number))
        speaks = number % members < max(1, members // 10)
        self._sound = voice(number % members) if speaks else b"\xff" * 8000
        self._ssrc = (number + 1).to_bytes(4, "big")
        self._frame = 0

    def send(self) -> None:
        """The next 20 ms."""
        at = self._frame % 50 * 160
        header = b"\x80\x00" + (self._frame & 0xFFFF).to_bytes(2, "big")
        header += (self._frame * 160 & 0xFFFFFFFF).to_bytes(4, "big") + self._ssrc
        self._frame += 1
        with contextlib.suppress(OSError):
            self.socket.send(header + self._sound[at : at + 160])


def talk(parties: list[Party], seconds: float) -> tuple[int, int]:
    """All send at their own moments of the 20 ms; packets sent and received."""
    sent = received = 0
    with selectors.DefaultSelector() as selector:
        for party in parties:
            selector.register(party.socket, selectors.EVENT_READ, party.socket)
        start = time.monotonic()
        turn = 0
        while turn < seconds / FRAME_S * 10:
            for party in parties[turn % 10 :: 10]:
                party.send()
                sent += 1
            turn += 1
            due = start + turn * FRAME_S / 10
            left = 0.0
            while True:
                for key, _ in selector.select(left):
                    with contextlib.suppress(OSError):
                        key.data.recv(2048)
                        received += 1
                left = due - time.monotonic()
                if left <= 0:
                    break
    return sent, received


def wait_for(log: Path, timeout_s: float = 30.0) -> None:
    """Until the engine says that it is ready."""
    end = time.monotonic() + timeout_s
    while "ready" not in log.read_text():
        if time.monotonic() > end:
            raise TimeoutError(log.read_text())
        time.sleep(0.05)


def measure(rooms: int, members: int, seconds: float) -> Run:
    """One run."""
    arguments = (str(rooms), str(members), str(PORT), str(PARTIES))
    command = pinned(NODE_CORE, sys.executable, "-m", "bench.conference.engine", *arguments)
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="callapi-bench-")))
        engine = stack.enter_context(Process(command, directory / "log"))
        wait_for(directory / "log")
        parties = [Party(number, members) for number in range(rooms * members)]
        for party in parties:
            stack.callback(party.socket.close)
        talk(parties, WARM_S)
        before, began = engine.cpu_s(), time.monotonic()
        sent, received = talk(parties, seconds)
        return Run(rooms, members, time.monotonic() - began, engine.cpu_s() - before, sent, received)


def table(runs: list[Run]) -> str:
    """Markdown."""
    rows = [
        "| rooms | members | CPU of a core for each participant | packets sent | received |",
        f"|{' --- |' * 5}",
    ]
    for run in runs:
        cells = [str(run.rooms), str(run.members), f"{run.percent:.3f} %", str(run.sent), str(run.received)]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def main() -> None:
    """Measure each shape, print and write the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=10.0)
    arguments.add_argument("--output", type=Path, help="a Markdown file to write")
    options = arguments.parse_args()
    os.sched_setaffinity(0, {TOOLS_CORE})
    text = "# Conferences\n\n" + (__doc__ or "").split("\n\n", 1)[1] + "\n"
    text += table([measure(rooms, members, options.seconds) for rooms, members in SHAPES])
    print(text)
    if options.output is not None:
        options.output.write_text(text)


if __name__ == "__main__":
    main()
