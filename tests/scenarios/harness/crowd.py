"""The test's side of `rtp_crowd`: opens the two sockets, starts the process, reads its figures."""

import asyncio
import json
import re
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_SCRIPT = Path(__file__).with_name("rtp_crowd.py")
_NOTED = re.compile(r"audio \S+ (\d+)")


@dataclass(frozen=True, slots=True)
class Figures:
    """What a crowd counted; delays through the node are p50, p99 and the longest, in milliseconds."""

    sent: int
    received: int
    strangers: int
    doubles: int
    streams_heard: tuple[int, int]
    delay_ms: tuple[float, float, float]
    generator_late_ms: float

    @property
    def loss(self) -> float:
        """The share of packets that did not arrive, 0 to 1."""
        return 1 - self.received / self.sent


def noted_ports(log: Path) -> list[int]:
    """The audio ports of the node that a SIPp scenario with `note` wrote down."""
    return [int(each) for each in _NOTED.findall(log.read_text(encoding="utf-8"))] if log.exists() else []


class Crowd:
    """`async with Crowd() as crowd`; its two ports go into SDPs, then `talk`."""

    async def __aenter__(self) -> Self:
        self._sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for each in self._sockets:
            each.bind(("127.0.0.1", 0))
        self.caller_port, self.callee_port = (int(each.getsockname()[1]) for each in self._sockets)
        return self

    async def __aexit__(self, *_: object) -> None:
        for each in self._sockets:
            each.close()

    async def talk(self, caller_legs: list[int], callee_legs: list[int], seconds: float) -> Figures:
        """Everybody says 50 packets a second for so long."""
        descriptors = [each.fileno() for each in self._sockets]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(_SCRIPT),
            *map(str, descriptors),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=descriptors,
        )
        order = {"caller_legs": caller_legs, "callee_legs": callee_legs, "seconds": seconds}
        try:
            async with asyncio.timeout(seconds + 20):
                out, _ = await process.communicate(json.dumps(order).encode() + b"\n")
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        figures = json.loads(out)
        figures["streams_heard"], figures["delay_ms"] = (
            tuple(figures["streams_heard"]),
            tuple(figures["delay_ms"]),
        )
        return Figures(**figures)
