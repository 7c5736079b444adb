"""Streams in both directions: CPU and memory of the node for each, and frames that come late.

    .venv/bin/python -m bench.streams [--streams 50 100 200] [--seconds 20] [--output docs/benchmarks/streams.md]

Callers send and receive RTP (G.711), an application sends back over its WebSocket what it hears, so that each stream
carries 50 messages a second each way. The node is the product as its CLI starts it.
"""

import argparse
import asyncio
import json
import socket
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from bench.calls import machine
from tests.scenarios.harness.application import Application, response
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.raw_phone import RawPhone, sdp

APPLICATION: Final = Path(__file__).with_name("application.py")
SETTLE_S: Final = 3.0


async def _send_rtp(sender: socket.socket, legs: list[tuple[str, int]]) -> None:
    """A packet of silence to each leg every 20 ms, until cancelled."""
    loop, number = asyncio.get_running_loop(), 0
    due = loop.time()
    while True:
        number += 1
        head = b"\x80\x00" + (number & 0xFFFF).to_bytes(2) + (number * 160 & 0xFFFFFFFF).to_bytes(4)
        for place, leg in enumerate(legs):
            sender.sendto(head + (place + 1).to_bytes(4) + b"\xd5" * 160, leg)
        due += 0.02
        await asyncio.sleep(max(0.0, due - loop.time()))


async def measure(count: int, seconds: float) -> dict[str, Any]:
    """`count` streams, held for `seconds`."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        application = await stack.enter_async_context(Application())
        port = free_port()
        webhook = application.webhook("bench")
        webhook["voice"] = response(f'<Connect><Stream url="ws://127.0.0.1:{port}/"/></Connect>')
        numbers = [{"number": "*", "voice_url": webhook.url("voice")}]
        node = await stack.enter_async_context(Node(folder, numbers=numbers))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(APPLICATION),
            str(port),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdin
        assert process.stdout
        assert await process.stdout.readline() == b"ready\n"
        sender = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sender.bind(("127.0.0.1", 0))
        phone = await stack.enter_async_context(RawPhone("bench"))
        idle, calls, legs = node.census(), [], []
        try:
            for _ in range(count):
                call = phone.invite(node.uri("1"), node.sip_address, body=sdp(sender.getsockname()[1]))
                answer = await call.gets("INVITE", 200)
                call.request("ACK")
                assert answer.audio
                legs.append(answer.audio)
                calls.append(call)
            rtp = asyncio.create_task(_send_rtp(sender, legs))
            await asyncio.sleep(SETTLE_S)
            before = node.census()
            process.stdin.write(b"\n")
            await asyncio.sleep(seconds)
            after = node.census()
            process.stdin.write(b"\n")
            out = await process.stdout.readline()
            rtp.cancel()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            for call in calls:
                call.request("BYE")
        figures: dict[str, Any] = json.loads(out)
        figures["cpu_percent"] = (after.cpu_s - before.cpu_s) / seconds / count * 100
        figures["memory_kb"] = (after.memory_kb - idle.memory_kb) / count
        return figures


async def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, nargs="+", default=[50, 100, 200])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    lines = [
        "# Streams",
        "",
        f"`make bench-streams`, {machine()}. Each stream: RTP and 50 messages a second,",
        "both ways; the memory is that of the whole call.",
        "",
        (
            "| streams | CPU of the node for each, % of a core | memory for each, kB | frames "
            "| late by more than 20 ms | gap p99, ms |"
        ),
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for count in arguments.streams:
        each = await measure(count, arguments.seconds)
        row = (
            count,
            f"{each['cpu_percent']:.2f}",
            f"{each['memory_kb']:.0f}",
            each["frames"],
            each["late"],
            each["gap_p99_ms"],
        )
        lines.append("| " + " | ".join(map(str, row)) + " |")
        print(lines[-1], flush=True)
    if arguments.output:
        arguments.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
