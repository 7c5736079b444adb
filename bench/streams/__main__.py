"""Streams in both directions: CPU and memory of the node for each, late frames, delays by capture, and conversations.

    .venv/bin/python -m bench.streams [--streams 50 100 200] [--held 200] [--seconds 60] [--only scale]
        [--output docs/benchmarks]

Callers send and receive RTP (G.711), an application sends back over its WebSocket what it hears, so that each stream
carries 50 messages a second each way. The node is the product as its CLI starts it; generator and application share
the machine with it. One number of streams is held for `--seconds`, the others for ten. Ten of the streams are probes,
whose packets are captured (dumpcap): from the capture come the delays. Then: bridges and markup calls while streams
run (`beside`), and conversations. `--only` takes some of the three, one after the other.
"""

import argparse
import asyncio
import json
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.calls import machine
from bench.harness.processes import percentile
from bench.plot import Line, lines
from bench.streams.beside import BESIDE, compared
from bench.streams.callers import Leg, Refused, call, program, send_rtp
from bench.streams.capture import Delays, delays
from bench.streams.conversation import SILENCE_MS, TURNS, conversation
from tests.scenarios.harness.application import Application, Webhook, response
from tests.scenarios.harness.node import Census, Node
from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.raw_phone import RawCall, RawPhone

PARTS: Final = ("scale", "beside", "conversation")
SETTLE_S: Final = 3.0
SHORT_S: Final = 10.0
PROBES: Final = 10
STREAMS_OF_APPLICATION: Final = 150
"""Streams that one process of the application answers, so that it is not what is measured."""


@dataclass(frozen=True)
class Figures:
    """What the applications have counted; a frame is late if it came more than 20 ms after it was due."""

    frames: int
    late: int
    gap_p99_ms: float


@dataclass
class Held:
    """One number of streams, held for a while; `asked` is what was tried: the node refuses calls at its end."""

    asked: int
    streams: int
    cpu_percent: float
    memory_kb: float
    figures: Figures
    delays: Delays = field(default_factory=Delays)


@asynccontextmanager
async def _captured(path: Path, port: int, legs: Sequence[Leg]) -> AsyncIterator[None]:
    """What passes between the probes' calls, the node and their application."""
    udp = " or ".join(f"udp port {port}" for _, port in legs)
    command = [
        "dumpcap",
        "-q",
        "-P",
        "-i",
        "lo",
        "-B",
        "64",
        "-w",
        str(path),
        "-f",
        f"tcp port {port} or {udp}",
    ]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    try:
        assert process.stderr
        async for line in process.stderr:
            if line.startswith(b"File:"):
                break
        yield
    finally:
        process.terminate()
        await process.communicate()


class Bench:
    """A node whose calls stream to the application of the benchmark."""

    def __init__(self, node: Node, webhook: Webhook, phone: RawPhone, sender: socket.socket) -> None:
        self.node = node
        self._webhook = webhook
        self._phone = phone
        self.sender = sender
        self._calls: list[RawCall] = []

    async def call(self, count: int, port: int) -> list[Leg]:
        """So many calls more, whose streams go to `port`, fewer if the node refuses one; where the node hears them."""
        self._webhook["voice"] = response(f'<Connect><Stream url="ws://127.0.0.1:{port}/"/></Connect>')
        legs = []
        for _ in range(count):
            try:
                made, leg = await call(self._phone, self.sender, self.node.uri("1"), self.node.sip_address)
            except Refused:
                break
            legs.append(leg)
            self._calls.append(made)
        return legs

    def hang_up(self) -> None:
        """All of them."""
        for each in self._calls:
            each.request("BYE")


@asynccontextmanager
async def _bench() -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        application = await stack.enter_async_context(Application())
        webhook = application.webhook("bench")
        numbers = [{"number": "*", "voice_url": webhook.url("voice")}]
        node = await stack.enter_async_context(Node(folder, numbers=numbers))
        sender = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sender.bind(("127.0.0.1", 0))
        phone = await stack.enter_async_context(RawPhone("bench"))
        bench = Bench(node, webhook, phone, sender)
        try:
            yield bench
        finally:
            bench.hang_up()


async def measure(count: int, seconds: float) -> Held:
    """`count` streams, PROBES of them probes, held for `seconds`."""
    async with AsyncExitStack() as stack:
        bench = await stack.enter_async_context(_bench())
        probe_port = free_port()
        await stack.enter_async_context(program("probe.py", probe_port))
        idle = bench.node.census()
        probed = await bench.call(PROBES, probe_port)
        legs: list[Leg] = []
        loads: list[asyncio.subprocess.Process] = []
        while (missing := count - PROBES - len(legs)) > 0 and len(legs) == len(
            loads
        ) * STREAMS_OF_APPLICATION:
            port = free_port()
            loads.append(await stack.enter_async_context(program("application.py", port)))
            legs += await bench.call(min(missing, STREAMS_OF_APPLICATION), port)
        taken = PROBES + len(legs)
        path = Path(tempfile.mkdtemp(prefix="callapi-streams-")) / "probes.pcap"
        stack.callback(shutil.rmtree, path.parent)
        async with asyncio.TaskGroup() as tasks:
            rtp = tasks.create_task(send_rtp(bench.sender, legs, probed))
            await asyncio.sleep(SETTLE_S)
            async with _captured(path, probe_port, probed):
                before, figures, after = await _counted(bench.node, loads, seconds)
            rtp.cancel()
        cpu = (after.cpu_s - before.cpu_s) / seconds / taken * 100
        held = Held(count, taken, cpu, (after.memory_kb - idle.memory_kb) / taken, figures)
        held.delays = await asyncio.to_thread(delays, path, probe_port, [port for _, port in probed])
        return held


async def _counted(
    node: Node, loads: Sequence[asyncio.subprocess.Process], seconds: float
) -> tuple[Census, Figures, Census]:
    before = node.census()
    for each in loads:
        assert each.stdin
        each.stdin.write(b"\n")
    await asyncio.sleep(seconds)
    after = node.census()
    counted = []
    for each in loads:
        assert each.stdin
        assert each.stdout
        each.stdin.write(b"\n")
        counted.append(json.loads(await each.stdout.readline()))
    figures = Figures(
        sum(each["frames"] for each in counted),
        sum(each["late"] for each in counted),
        max(each["gap_p99_ms"] or 0.0 for each in counted),
    )
    return before, figures, after


def _scale(held: Sequence[Held]) -> list[str]:
    rows = [
        (
            "| streams | CPU of the node, % of a core | for each | memory for each, kB | frames | more than 20 ms late "
            "| gap p99, ms | RTP → message p99, ms | `media` → RTP p99, ms |"
        ),
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for each in held:
        figures = each.figures
        cells = (
            each.streams if each.streams == each.asked else f"{each.streams} of {each.asked}",
            f"{each.cpu_percent * each.streams:.1f}",
            f"{each.cpu_percent:.2f}",
            f"{each.memory_kb:.0f}",
            figures.frames,
            figures.late,
            figures.gap_p99_ms,
            f"{percentile(each.delays.to_application, 0.99):.1f}",
            f"{percentile(each.delays.to_caller, 0.99):.1f}",
        )
        rows.append("| " + " | ".join(map(str, cells)) + " |")
    return rows


def _delays(found: Delays) -> list[str]:
    named = (
        ("RTP packet in → WebSocket message", found.to_application, "p99 under 25"),
        ("`media` → first RTP packet", found.to_caller, "p99 under 25"),
        ("`clear` → last RTP packet with sound", found.clear, "under 40"),
        ("last RTP packet of what was said → its mark", found.mark, "under 20"),
    )
    rows = ["| delay, ms | p50 | p99 | most | seen | goal |", "| --- | --- | --- | --- | --- | --- |"]
    for name, values, goal in named:
        p50, p99 = percentile(values, 0.5), percentile(values, 0.99)
        rows.append(
            f"| {name} | {p50:.1f} | {p99:.1f} | {max(values, default=0.0):.1f} | {len(values)} | {goal} |"
        )
    return rows


def _conversation(prompts: list[float], sounds: list[float], recognises: float, speaks: float) -> list[str]:
    return [
        f"| ConversationRelay, {TURNS} turns, ms | p50 | p95 | the parts alone |",
        "| --- | --- | --- | --- |",
        (
            f"| end of speech → `prompt` | {percentile(prompts, 0.5):.0f} | {percentile(prompts, 0.95):.0f} "
            f"| {SILENCE_MS} of silence (`speechTimeout`) and {recognises:.0f} for the recogniser |"
        ),
        (
            f"| first token → first sound | {percentile(sounds, 0.5):.0f} | {percentile(sounds, 0.95):.0f} "
            f"| {speaks:.0f} for the voice |"
        ),
    ]


async def main() -> None:
    """Measure; write the tables and the plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, nargs="+", default=[100, 200, 400, 500, 600])
    parser.add_argument("--held", type=int, default=200, help="the number that is held for --seconds")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=list(PARTS))
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    text = ["# Streams", "", f"`make bench-streams`, {machine()}."]
    if "scale" in arguments.only:
        text += await _scaled(arguments)
    if "beside" in arguments.only:
        text += [
            "",
            f"Calls while {BESIDE} streams run, at the node that is measured or at another one that shares its core,",
            "in turn with none, all rounds together:",
            "",
            *(await compared()),
        ]
    if "conversation" in arguments.only:
        text += ["", *_conversation(*await conversation())]
    print("\n".join(text), flush=True)
    if arguments.output:
        (arguments.output / "streams.md").write_text("\n".join(text) + "\n", encoding="utf-8")


async def _scaled(arguments: argparse.Namespace) -> list[str]:
    """The tables by the number of streams; the plot is written."""
    held = []
    for count in arguments.streams:
        seconds = arguments.seconds if count == arguments.held else min(SHORT_S, arguments.seconds)
        held.append(await measure(count, seconds))
        print(_scale(held)[-1], flush=True)
    longest = next((each for each in held if each.streams == arguments.held), held[-1])
    if arguments.output:
        points = [(0.0, 0.0), *((float(each.streams), each.cpu_percent * each.streams) for each in held)]
        plot = lines("CPU of the node", ("streams", "% of a core"), [Line("streams both ways", points)])
        (arguments.output / "streams.svg").write_text(plot, encoding="utf-8")
    return [
        "Each stream: RTP and 50 messages a second, both ways;",
        f"the memory is that of the whole call. {longest.streams} streams were held for {arguments.seconds:g} s,",
        f"the others for {SHORT_S:g}; callers, applications and node share the cores. Delays: of {PROBES} streams,",
        "by a capture.",
        "",
        *_scale(held),
        "",
        "![CPU of the node by the number of streams](streams.svg)",
        "",
        f"Of {longest.streams} streams:",
        "",
        *_delays(longest.delays),
    ]


if __name__ == "__main__":
    asyncio.run(main())
