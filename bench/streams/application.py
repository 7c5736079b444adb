"""The application of the benchmark, a process of its own: sends back what it hears, and counts late frames.

Usage: `application.py PORT`; says `ready`; a line on stdin begins the count, another ends it and brings one
JSON line of figures.
"""

import asyncio
import json
import sys
import time
from typing import ClassVar

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

LATE_S = 0.040
"""20 ms after the frame was due."""
_PAYLOAD = b'"payload":"'


class Stream(WSListener):
    """One stream."""

    frames = 0
    late = 0
    streams = 0
    gaps: ClassVar[list[float]] = []

    def on_ws_connected(self, transport: WSTransport) -> None:  # noqa: ARG002 - the library's
        """A stream begins."""
        Stream.streams += 1
        self.last = 0.0

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """A message: media goes back."""
        if frame.msg_type is WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()
            return
        message = frame.get_payload_as_bytes()
        begin = message.find(_PAYLOAD)
        if begin < 0:
            return
        now = time.monotonic()
        if self.last:
            Stream.gaps.append(now - self.last)
            Stream.late += now - self.last > LATE_S
        self.last = now
        Stream.frames += 1
        begin += len(_PAYLOAD)
        payload = message[begin : message.index(b'"', begin)]
        transport.send(WSMsgType.TEXT, b'{"event":"media","media":{"payload":"' + payload + b'"}}')


def _accept(_: WSUpgradeRequest) -> Stream:
    return Stream()


async def main() -> None:
    """Serve until a line comes."""
    server = await ws_create_server(_accept, "127.0.0.1", int(sys.argv[1]))
    async with server:
        loop = asyncio.get_running_loop()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await loop.run_in_executor(None, sys.stdin.readline)
        Stream.frames = Stream.late = 0
        Stream.gaps.clear()
        await loop.run_in_executor(None, sys.stdin.readline)
        gaps = sorted(Stream.gaps)
        figures = {
            "streams": Stream.streams,
            "frames": Stream.frames,
            "late": Stream.late,
            "gap_p99_ms": round(gaps[int(len(gaps) * 0.99)] * 1000, 1) if gaps else None,
        }
        sys.stdout.write(json.dumps(figures) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(main())
