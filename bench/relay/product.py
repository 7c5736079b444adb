"""The whole node with bridged calls: callers and callees are SIPp's, their sound is the generator's."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.harness.processes import HERE, TOOLS_CORE, Bench, free_port_of_datagrams, pinned, sipp

RATE: Final = 50
#: Calls before those that count, so that what a node takes once is not counted as theirs.
WARM: Final = 100
_TIMEOUT_S: Final = 30.0


@contextmanager
def calls(
    ports: Sequence[int], measured_s: float, directory: Path
) -> Iterator[tuple[Bench, list[tuple[int, int]], int]]:
    """A call for each two of `ports`, held for `measured_s`: the node, for each party's port where it sends, and the
    node's memory before these calls (and after others), in kB.

    `<Dial><Sip>` from a document that was fetched, one after the other at 50 a second; all of them end by BYE.
    """
    with node_for(ports, directory) as bench:
        before = bench.node.rss_kb()
        with joined(bench, ports, measured_s) as legs:
            yield bench, legs, before


@contextmanager
def node_for(ports: Sequence[int], directory: Path) -> Iterator[Bench]:
    """A node that had some calls, for parties at `ports`, callers and callees in turn."""
    answering = ["-inf", str(fields(directory / "callees.csv", [ports[1]] * WARM + list(ports[1::2])))]
    with Bench(directory, callee="talking_callee", options=answering) as bench:
        bench.load(RATE, WARM / RATE)
        yield bench


@contextmanager
def joined(bench: Bench, ports: Sequence[int], measured_s: float) -> Iterator[list[tuple[int, int]]]:
    """The calls: for each party's port where it sends."""
    callers, directory = ports[::2], bench.directory
    set_up_s = len(callers) / RATE
    log = directory / "callers_messages.log"
    command = [
        *sipp(HERE / "talking_caller.xml", free_port_of_datagrams()),
        *("-inf", str(fields(directory / "callers.csv", callers)), "-trace_logs", "-log_file", str(log)),
        *("-s", "bob", "-m", str(len(callers)), "-r", str(RATE), "-l", "100000"),
        *("-d", str(round((set_up_s + measured_s) * 1000)), f"127.0.0.1:{bench.ports.sip}"),
    ]
    with (directory / "callers.log").open("wb") as out:
        calling = subprocess.Popen(pinned(TOOLS_CORE, *command), cwd=directory, stdout=out, stderr=out)
    end = time.monotonic() + set_up_s + _TIMEOUT_S
    while len(legs := _logged(log) + _logged(bench.log)[WARM:]) < len(ports):
        assert time.monotonic() < end, f"{len(legs)} of {len(ports)} legs"
        assert calling.poll() is None, (directory / "callers.log").read_text()
        time.sleep(0.2)
    yield legs
    calling.wait(2 * set_up_s + measured_s + _TIMEOUT_S)


def fields(file: Path, ports: Sequence[int]) -> Path:
    """A file of one field a call, for SIPp."""
    file.write_text("SEQUENTIAL\n" + "".join(f"{port};\n" for port in ports))
    return file


def _logged(file: Path) -> list[tuple[int, int]]:
    if not file.exists():
        return []
    whole = file.read_text().rpartition("\n")[0]
    rows = (line.split() for line in whole.splitlines())
    return [(int(own), int(target)) for own, target in rows]
