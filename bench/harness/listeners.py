"""Hundreds of parties that listen: a socket each, and when each packet came as the kernel has it.

    python -m bench.harness.listeners FIRST_PORT COUNT PATIENCE SECONDS silent|talking

The sockets have the ports FIRST_PORT, FIRST_PORT + 4, ... `ready` is printed when all are open. When every party has
heard something, or after PATIENCE seconds, the measuring begins; after SECONDS the figures are printed, one line of
JSON. A talking party sends a packet of silence each 20 ms to where its sound comes from.

Arrival is what SO_TIMESTAMPNS says: the instant in which the packet was put to the socket. How late this process reads
it has no influence, so it reads each socket twice a second, one after the other, and leaves the cores to the node.
"""

import json
import os
import socket
import struct
import sys
import time
from dataclasses import dataclass, field
from typing import Any, Final

import numpy

STEP: Final = 4
"""Between the ports of two parties: as SIPp's `[auto_media_port]` counts."""
_SO_TIMESTAMPNS: Final = 35
_ANCILLARY: Final = socket.CMSG_SPACE(16)
_TICK_S: Final = 0.001
_TICKS_TO_READ: Final = 500
_TICKS_TO_TALK: Final = 20
_SILENCE: Final = b"\xff" * 160


@dataclass
class Party:
    """One socket and what came to it: sequence numbers, and nanoseconds of arrival."""

    port: int
    sequences: list[int] = field(default_factory=list)
    arrivals: list[int] = field(default_factory=list)
    source: tuple[str, int] | None = None
    said: int = 0

    def __post_init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self.socket.bind(("127.0.0.1", self.port))

    def read(self) -> None:
        """Take all that has come."""
        while True:
            try:
                packet, ancillary, _, self.source = self.socket.recvmsg(2048, _ANCILLARY)
            except BlockingIOError:
                return
            [(_, _, stamp)] = ancillary
            seconds, nanoseconds = struct.unpack("=qq", stamp)
            self.sequences.append(int.from_bytes(packet[2:4], "big"))
            self.arrivals.append(seconds * 1_000_000_000 + nanoseconds)

    def talk(self) -> None:
        """Send one packet of silence."""
        if self.source is not None:
            self.said += 1
            head = struct.pack("!BBHII", 0x80, 0, self.said & 0xFFFF, self.said * 160 & 0xFFFFFFFF, self.port)
            self.socket.sendto(head + _SILENCE, self.source)

    def forget(self) -> None:
        """Begin anew."""
        self.sequences, self.arrivals = [], []


def listen(parties: list[Party], seconds: float, *, is_talking: bool) -> None:
    """Read, and talk, for so long: each millisecond its share of the parties."""
    due = time.monotonic()
    for tick in range(round(seconds / _TICK_S)):
        for party in parties[tick % _TICKS_TO_READ :: _TICKS_TO_READ]:
            party.read()
        if is_talking:
            for party in parties[tick % _TICKS_TO_TALK :: _TICKS_TO_TALK]:
                party.talk()
        due += _TICK_S
        time.sleep(max(0.0, due - time.monotonic()))


def figures(parties: list[Party]) -> dict[str, Any]:
    """Of all gaps between two packets in a row of the same party, in milliseconds."""
    arrivals = [numpy.array(party.arrivals, numpy.int64) for party in parties]
    sequences = [numpy.array(party.sequences, numpy.int64) for party in parties]
    gaps = numpy.concatenate([numpy.diff(each) for each in arrivals]) / 1e6
    steps = numpy.concatenate([numpy.diff(each) & 0xFFFF for each in sequences])
    gaps = gaps[steps == 1]
    if not gaps.size:
        sys.exit("no listener heard audio")
    off = numpy.abs(gaps - 20.0)
    return {
        "parties": sum(len(party.arrivals) > 1 for party in parties),
        "packets": sum(len(party.arrivals) for party in parties),
        "missing": int((steps != 1).sum()),
        "shortest": float(gaps.min()),
        "p0_1": float(numpy.percentile(gaps, 0.1)),
        "median": float(numpy.median(gaps)),
        "p99_9": float(numpy.percentile(gaps, 99.9)),
        "longest": float(gaps.max()),
        "off_p99": float(numpy.percentile(off, 99)),
        "off_p99_9": float(numpy.percentile(off, 99.9)),
        "within": float((off <= 5.0).mean()),
    }


def main() -> None:
    """Open, wait until everybody hears, measure, print."""
    first, count, timeout_s, seconds = int(sys.argv[1]), int(sys.argv[2]), *map(float, sys.argv[3:5])
    is_talking = sys.argv[5] == "talking"
    os.nice(5)
    parties = [Party(first + STEP * index) for index in range(count)]
    print("ready", flush=True)
    end = time.monotonic() + timeout_s
    while not all(party.arrivals for party in parties) and time.monotonic() < end:
        listen(parties, 0.5, is_talking=is_talking)
    listen(parties, 1.0, is_talking=is_talking)
    for party in parties:
        party.forget()
    listen(parties, seconds, is_talking=is_talking)
    print(json.dumps(figures(parties)), flush=True)


if __name__ == "__main__":
    main()
