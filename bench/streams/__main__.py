"""Streams in both directions: CPU and memory of the node for each, late frames, delays by capture, and conversations.

    .venv/bin/python -m bench.streams [--streams 50 100 200] [--seconds 60] [--output docs/benchmarks]

Callers send and receive RTP (G.711), an application sends back over its WebSocket what it hears, so that each stream
carries 50 messages a second each way. The node is the product as its CLI starts it; generator and application share
the machine with it. The last number of streams is held for `--seconds`, the others for ten. Beside that last number
run ten probes, whose packets are captured (dumpcap): from the capture come the delays.
"""

import argparse
import asyncio
import json
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.calls import machine
from bench.harness.processes import percentile
from bench.plot import Line, lines
from bench.streams.capture import CODES, FIRST_PROBE, Delays, delays
from bench.streams.conversation import SILENCE_MS, TURNS, conversation
from tests.scenarios.harness.application import Application, Webhook, response
from tests.scenarios.harness.node import Census, Node
from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.raw_phone import RawCall, RawPhone, sdp

HERE: Final = Path(__file__).parent
SETTLE_S: Final = 3.0
SHORT_S: Final = 10.0
PROBES: Final = 10
PHASES: Final = 20
"""Groups of callers who send at the same instant."""
Leg = tuple[str, int]


@dataclass
class Held:
    """One number of streams, held for a while."""

    streams: int
    cpu_percent: float
    memory_kb: float
    figures: dict[str, Any]
    delays: Delays = field(default_factory=Delays)


async def _send_rtp(sender: socket.socket, legs: Sequence[Leg], probes: Sequence[Leg]) -> None:
    """A packet to each leg every 20 ms, of silence or, to a probe, of the next code; until cancelled.

    Callers do not speak in step: a twentieth of the legs is sent to in each millisecond.
    """
    loop, number = asyncio.get_running_loop(), 0
    everyone = [(leg, None) for leg in legs] + [(leg, place) for place, leg in enumerate(probes)]
    parts = [list(enumerate(everyone))[start::PHASES] for start in range(PHASES)]
    due = loop.time()
    while True:
        number += 1
        head = b"\x80\x00" + (number & 0xFFFF).to_bytes(2) + (number * 160 & 0xFFFFFFFF).to_bytes(4)
        code = CODES[number % len(CODES) :][:1] * 159
        for part in parts:
            for source, (leg, place) in part:
                sound = b"\xd5" * 160 if place is None else code + bytes([FIRST_PROBE + place])
                sender.sendto(head + (source + 1).to_bytes(4) + sound, leg)
            due += 0.02 / PHASES
            await asyncio.sleep(max(0.0, due - loop.time()))


@asynccontextmanager
async def _program(name: str, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(HERE / name), str(port), stdin=pipe, stdout=pipe, cwd=HERE.parents[1]
    )
    try:
        assert process.stdout
        assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


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
        """So many calls more, whose streams go to `port`; where the node hears them."""
        self._webhook["voice"] = response(f'<Connect><Stream url="ws://127.0.0.1:{port}/"/></Connect>')
        legs = []
        for _ in range(count):
            body = sdp(self.sender.getsockname()[1])
            call = self._phone.invite(self.node.uri("1"), self.node.sip_address, body=body)
            answer = await call.gets("INVITE", 200)
            call.request("ACK")
            assert answer.audio
            legs.append(answer.audio)
            self._calls.append(call)
        return legs

    def hang_up(self) -> None:
        """All of them."""
        for call in self._calls:
            call.request("BYE")


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


async def measure(count: int, seconds: float, *, probes: bool) -> Held:
    """`count` streams, held for `seconds`; with `probes` ten of them are probes."""
    async with AsyncExitStack() as stack:
        bench = await stack.enter_async_context(_bench())
        port, probe_port = free_port(), free_port()
        load = await stack.enter_async_context(_program("application.py", port))
        await stack.enter_async_context(_program("probe.py", probe_port))
        idle = bench.node.census()
        legs = await bench.call(count - (PROBES if probes else 0), port)
        path = Path(tempfile.mkdtemp(prefix="callapi-streams-")) / "probes.pcap"
        stack.callback(shutil.rmtree, path.parent)
        probed: list[Leg] = []
        if probes:
            probed = await bench.call(PROBES, probe_port)
        async with asyncio.TaskGroup() as tasks:
            rtp = tasks.create_task(_send_rtp(bench.sender, legs, probed))
            await asyncio.sleep(SETTLE_S)
            async with _captured(path, probe_port, probed) if probes else nullcontext():
                before, figures, after = await _counted(bench.node, load, seconds)
            rtp.cancel()
        cpu = (after.cpu_s - before.cpu_s) / seconds / count * 100
        held = Held(count, cpu, (after.memory_kb - idle.memory_kb) / count, figures)
        if probes:
            held.delays = await asyncio.to_thread(delays, path, probe_port, [port for _, port in probed])
        return held


async def _counted(
    node: Node, load: asyncio.subprocess.Process, seconds: float
) -> tuple[Census, dict[str, Any], Census]:
    assert load.stdin
    assert load.stdout
    before = node.census()
    load.stdin.write(b"\n")
    await asyncio.sleep(seconds)
    after = node.census()
    load.stdin.write(b"\n")
    return before, json.loads(await load.stdout.readline()), after


def _scale(held: Sequence[Held]) -> list[str]:
    rows = [
        (
            "| streams | CPU of the node, % of a core | for each | memory for each, kB | frames | more than 20 ms late "
            "| gap p99, ms |"
        ),
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for each in held:
        figures = each.figures
        cells = (
            each.streams,
            f"{each.cpu_percent * each.streams:.1f}",
            f"{each.cpu_percent:.2f}",
            f"{each.memory_kb:.0f}",
            figures["frames"],
            figures["late"],
            figures["gap_p99_ms"],
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
    parser.add_argument("--streams", type=int, nargs="+", default=[50, 100, 150, 200])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    head = machine()
    held = []
    for count in arguments.streams:
        is_last = count == arguments.streams[-1]
        seconds = arguments.seconds if is_last else min(SHORT_S, arguments.seconds)
        held.append(await measure(count, seconds, probes=is_last))
        print(_scale(held)[-1], flush=True)
    text = [
        "# Streams",
        "",
        f"`make bench-streams`, {head}. Each stream: RTP and 50 messages a second, both ways;",
        f"the memory is that of the whole call. The last row was held for {arguments.seconds:g} s.",
        "",
        *_scale(held),
        "",
        "![CPU of the node by the number of streams](streams.svg)",
        "",
        f"By a capture of {PROBES} of the {held[-1].streams} streams of the last row:",
        "",
        *_delays(held[-1].delays),
        "",
        *_conversation(*await conversation()),
    ]
    print("\n".join(text[10:]), flush=True)
    if arguments.output:
        points = [(0.0, 0.0), *((float(each.streams), each.cpu_percent * each.streams) for each in held)]
        plot = lines("CPU of the node", ("streams", "% of a core"), [Line("streams both ways", points)])
        (arguments.output / "streams.md").write_text("\n".join(text) + "\n", encoding="utf-8")
        (arguments.output / "streams.svg").write_text(plot, encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
