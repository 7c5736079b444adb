"""The application of the probes, a process of its own: speaks, has a mark come back, interrupts itself; in turn.

Usage: `probe.py PORT`; says `ready`, ends with its stdin.
"""

import asyncio
import base64
import sys

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

LOUD = b"\x20"
"""A µ-law sample far from silence."""


def _media(seconds: float) -> bytes:
    payload = base64.b64encode(LOUD * int(seconds * 8000))
    return b'{"event":"media","media":{"payload":"' + payload + b'"}}'


SAYS = (
    (_media(0.4), 0.0),
    (b'{"event":"mark","mark":{"name":"said"}}', 0.8),
    (_media(1.0), 0.2),
    (b'{"event":"clear"}', 0.4),
)
"""Messages, and the pause after each, in seconds."""


class Probe(WSListener):
    """One stream."""

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Begin to talk."""
        self._talking = asyncio.get_running_loop().create_task(self._talk(transport))

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002 - the library's
        """Over."""
        self._talking.cancel()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """What comes is seen in the capture."""
        if frame.msg_type is WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()

    async def _talk(self, transport: WSTransport) -> None:
        await asyncio.sleep(1.0)
        while True:
            for message, pause_s in SAYS:
                transport.send(WSMsgType.TEXT, message)
                await asyncio.sleep(pause_s)


def _accept(_: WSUpgradeRequest) -> Probe:
    return Probe()


async def main() -> None:
    """Serve until stdin ends."""
    async with await ws_create_server(_accept, "127.0.0.1", int(sys.argv[1])):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(main())
