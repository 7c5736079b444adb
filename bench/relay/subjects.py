"""Who is measured, and one run of it: started on its core, its legs fed and heard by the generator on the other one."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.harness.processes import NODE_CORE, ROOT, TOOLS_CORE, Process, pinned
from bench.relay import product, rtpengine
from bench.relay.keys import spoken

TOOL: Final = ROOT / "native/target/release/bench-relay"
#: Below the ephemeral ports, so that no other program has one of them; the parties have the same ones at 127.0.0.2.
FIRST_PORT: Final = 10_000
LAST_PORT: Final = 32_000
WARM_S: Final = 2
_TIMEOUT_S: Final = 30.0
#: Held calls outlast the generator by this.
_SPARE_S: Final = 5

#: A party's port, where it sends, and if it is encrypted the suite and the keys (in hexadecimal) that it sends with
#: and expects.
Legs = list[tuple[int, int, str]]
CM: Final = "AES_CM_128_HMAC_SHA1_80"
GCM: Final = "AEAD_AES_128_GCM"


@dataclass(frozen=True)
class Subject:
    """Something that forwards packets."""

    name: str
    program: str = "callapi"
    codec: str = "PCMU"
    is_recorded: bool = False
    #: Of SRTP on both legs; empty: plain RTP.
    suite: str = ""
    #: Of the calls that the others have: a codec may be too dear for all of them.
    share: float = 1.0


#: By SIP, document and `<Dial>`, not at the engine's face.
NODE: Final = Subject("the whole node", "node")
FORWARDER: Final = Subject("plain forwarder", "forwarder")
CALLAPI: Final = Subject("callapi")
RTPENGINE: Final = Subject("rtpengine", "rtpengine")
SUBJECTS: Final = (
    FORWARDER,
    CALLAPI,
    RTPENGINE,
    Subject("callapi, SRTP CM", suite=CM),
    Subject("rtpengine, SRTP CM", "rtpengine", suite=CM),
    Subject("callapi, SRTP GCM", suite=GCM),
    Subject("rtpengine, SRTP GCM", "rtpengine", suite=GCM),
    Subject("callapi, both ways recorded", is_recorded=True),
    Subject("callapi, PCMU to PCMA", codec="PCMA"),
    Subject("rtpengine, PCMU to PCMA", "rtpengine", codec="PCMA"),
    Subject("callapi, PCMU to G.722", codec="G722"),
    Subject("callapi, PCMU to Opus", codec="opus", share=0.1),
)


@dataclass(frozen=True)
class Run:
    """One run. Times in microseconds; a delay of 0 was not measured, since codecs differ."""

    calls: int
    sent: int
    received: int
    cpu_s: float
    seconds: float
    before_kb: int
    memory_kb: int
    p50_us: int
    p99_us: int
    max_us: int
    behind_us: int
    #: Relayed packets that took longer than 20 ms.
    late: int

    @property
    def packet_us(self) -> float:
        """CPU of the subject for each packet that it forwarded."""
        return self.cpu_s / max(1, self.received) * 1e6

    @property
    def lost(self) -> int:
        """Packets that never came; where codecs differ some are under way at both ends of the count."""
        return max(0, self.sent - self.received) if self.p50_us else 0

    @property
    def core(self) -> float:
        """How much of one core it took."""
        return self.cpu_s / self.seconds


def prepare() -> list[Subject]:
    """Builds the tools; returns who can be measured here."""
    build = ["cargo", "build", "--quiet", "--release", "--locked", "--package", "bench-relay"]
    subprocess.run(build, cwd=ROOT / "native", check=True)
    if shutil.which("rtpengine") is None:
        print("rtpengine is not installed (Debian: rtpengine-daemon): measured without it.", flush=True)
        return [each for each in SUBJECTS if each.program != "rtpengine"]
    return list(SUBJECTS)


def measure(subject: Subject, calls: int, seconds: int) -> Run:
    """One run of `subject`."""
    calls = round(calls * subject.share)
    with (
        tempfile.TemporaryDirectory(prefix="callapi-bench-") as directory,
        running(subject, calls, seconds, Path(directory)) as (process, legs, before_kb),
    ):
        generator = subprocess.Popen(
            pinned(TOOLS_CORE, str(TOOL), "generate", str(WARM_S), str(seconds), subject.codec),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert generator.stdin is not None
            assert generator.stdout is not None
            generator.stdin.write("".join(f"{own} {target}{keys}\n" for own, target, keys in legs))
            generator.stdin.close()
            assert generator.stdout.readline() == "warm\n"
            before, began = process.cpu_s(), time.monotonic()
            sent, received, *times = map(int, generator.stdout.readline().split())
            took = time.monotonic() - began
            cpu_s, memory_kb = process.cpu_s() - before, process.rss_kb()
        finally:
            generator.kill()
            generator.wait()
    return Run(calls, sent, received, cpu_s, took, before_kb, memory_kb, *times)


@contextmanager
def running(
    subject: Subject, calls: int, seconds: int, directory: Path
) -> Iterator[tuple[Process, Legs, int]]:
    """The subject with so many bridged calls, for each leg its party's port and where that sends, and the memory of a
    node before it had calls, in kB.
    """
    own = range(FIRST_PORT, FIRST_PORT + 4 * calls, 2)
    log = directory / "log"
    if subject == NODE:
        with product.calls(own, WARM_S + seconds + _SPARE_S, directory) as (bench, legs, before_kb):
            yield bench.node, [(port, target, "") for port, target in legs], before_kb
        return
    if subject.program == "rtpengine":
        with rtpengine.Control() as control:
            daemon = rtpengine.command(control.port, FIRST_PORT, LAST_PORT)
            with Process(pinned(NODE_CORE, *daemon), log) as process:
                control.wait()
                targets: list[tuple[int, str]] = []
                for call in range(calls):
                    pair = (own[2 * call], own[2 * call + 1])
                    targets += control.bridge(call, pair, subject.codec, subject.suite)
                yield process, [(port, *target) for port, target in zip(own, targets, strict=True)], 0
        return
    forwarder = [str(TOOL), "forward", str(2 * calls), str(FIRST_PORT)]
    engine = [sys.executable, "-m", "bench.relay.engine", str(2 * calls), str(FIRST_PORT), str(FIRST_PORT)]
    engine += [subject.codec, subject.suite, *([str(directory)] if subject.is_recorded else [])]
    with Process(pinned(NODE_CORE, *(forwarder if subject == FORWARDER else engine)), log) as process:
        end = time.monotonic() + _TIMEOUT_S
        while "ready" not in log.read_text():
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.05)
        yield process, [(port, port, spoken(subject.suite)) for port in own], 0
