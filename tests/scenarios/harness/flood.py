"""A hostile neighbour: many datagrams from one socket, in even steps, and what came back for them."""

import asyncio
import contextlib
import secrets
import socket
from collections import Counter
from collections.abc import Callable
from typing import Self

from tests.scenarios.harness.raw_phone import sdp
from tests.scenarios.harness.wire import SipMessage

Address = tuple[str, int]
_STEP_S = 0.01


class Flood:
    """`async with Flood(node.sip_address, source="127.0.0.66") as flood`; then `await flood.run(...)`."""

    def __init__(self, node: Address, *, source: str = "127.0.0.1", acknowledges: bool = False) -> None:
        self.node = node
        self._acknowledges = acknowledges
        self.source = source
        self.statuses: Counter[int] = Counter()
        self.requests = 0
        self.without_retry_after = 0

    async def __aenter__(self) -> Self:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.bind((self.source, 0))
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._read)
        return self

    async def __aexit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()

    @property
    def port(self) -> int:
        """Where it sends from."""
        return int(self._socket.getsockname()[1])

    def _read(self) -> None:
        for _ in range(64):
            try:
                data = self._socket.recv(65536)
            except BlockingIOError:
                return
            except OSError:
                continue
            if not data.startswith(b"SIP/2.0 "):
                self.requests += 1
                continue
            status = int(data[8:11])
            self.statuses[status] += 1
            self.without_retry_after += status == 503 and b"\r\nRetry-After: " not in data
            if self._acknowledges and status >= 300:
                self._acknowledge(SipMessage.read(data.decode()))

    def _acknowledge(self, refusal: SipMessage) -> None:
        """ACK of a refusal (RFC 3261 §17.1.1.3)."""
        lines = [f"ACK {refusal.uri('To')} SIP/2.0", "Max-Forwards: 70", "CSeq: 1 ACK", "Content-Length: 0"]
        lines += [f"{name}: {refusal[name]}" for name in ("Via", "From", "To", "Call-ID")]
        self._socket.sendto("\r\n".join([*lines, "", ""]).encode(), self.node)

    async def run(self, make: Callable[[], bytes], *, per_second: int, seconds: float) -> int:
        """Send what `make` makes; how many it were."""
        loop = asyncio.get_running_loop()
        began, sent = loop.time(), 0
        while (elapsed := loop.time() - began) < seconds:
            while sent < elapsed * per_second:
                with contextlib.suppress(OSError):
                    self._socket.sendto(make(), self.node)
                sent += 1
            await asyncio.sleep(_STEP_S)
        return sent

    def request(self, method: str, uri: str, *, user: str = "eve", body: str = "") -> bytes:
        """One request of a new transaction and a new dialog."""
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.source}:{self.port};rport;branch=z9hG4bK{secrets.token_hex(8)}",
            f"From: <sip:{user}@{self.source}>;tag={secrets.token_hex(4)}",
            f"To: <{uri}>",
            f"Call-ID: {secrets.token_hex(8)}",
            f"CSeq: 1 {method}",
            "Max-Forwards: 70",
            f"Contact: <sip:{user}@{self.source}:{self.port}>",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join([*lines, "", body]).encode()

    def invite(self, uri: str) -> bytes:
        """An INVITE with an offer."""
        return self.request("INVITE", uri, body=sdp())
