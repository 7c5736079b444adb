"""A bad network for signalling: between one phone and the node, loses, doubles and reorders UDP datagrams, from a seed.

The phone calls `front`, the node calls `back`; Contact headers are rewritten on the way, so that requests inside a
dialog come through here too.
"""

import asyncio
import random
from dataclasses import dataclass
from typing import Self, cast

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Weather:
    """Shares of datagrams, 0 to 1; a reordered one is `late_s` late."""

    loss: float = 0.1
    duplicates: float = 0.05
    reordering: float = 0.05
    late_s: float = 0.03


class _Side(asyncio.DatagramProtocol):
    def __init__(self, relay: "LossyRelay") -> None:
        self.relay = relay
        self.other: _Side
        self.peer: Address | None = None
        self.transport: asyncio.DatagramTransport
        self.rename: tuple[bytes, bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    @property
    def address(self) -> Address:
        host, port = self.transport.get_extra_info("sockname")[:2]
        return host, port

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if self.peer is None:
            self.peer = addr
        if addr == self.peer:
            self.relay.pass_on(data, self.other)

    def send(self, data: bytes) -> None:
        if self.peer is not None and not self.transport.is_closing():
            self.transport.sendto(data, self.peer)


class LossyRelay:
    """`async with LossyRelay(node, weather, seed=1)`; without `phone` the first datagram shows where that is."""

    def __init__(self, node: Address, weather: Weather, *, seed: int, phone: Address | None = None) -> None:
        self._node = node
        self._phone = phone
        self._weather = weather
        self._random = random.Random(seed)
        self.passed = self.lost = self.doubled = self.delayed = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        _, self._front = await loop.create_datagram_endpoint(lambda: _Side(self), local_addr=("127.0.0.1", 0))
        _, self._back = await loop.create_datagram_endpoint(lambda: _Side(self), local_addr=("127.0.0.1", 0))
        self._front.other, self._back.other = self._back, self._front
        self._front.peer, self._back.peer = self._phone, self._node
        return self

    async def __aexit__(self, *_: object) -> None:
        self._front.transport.close()
        self._back.transport.close()

    @property
    def front(self) -> Address:
        """Where the phone finds the node."""
        return self._front.address

    @property
    def back(self) -> Address:
        """Where the node finds the phone."""
        return self._back.address

    def pass_on(self, data: bytes, side: _Side) -> None:
        """Roll the dice for one datagram."""
        self.passed += 1
        data = self._with_our_contact(data, side)
        if self._random.random() < self._weather.loss:
            self.lost += 1
            return
        copies = 1
        if self._random.random() < self._weather.duplicates:
            self.doubled += 1
            copies = 2
        for _ in range(copies):
            if self._random.random() < self._weather.reordering:
                self.delayed += 1
                delay = self._weather.late_s * (0.5 + self._random.random())
                asyncio.get_running_loop().call_later(delay, side.send, data)
            else:
                side.send(data)

    def _with_our_contact(self, data: bytes, side: _Side) -> bytes:
        """The sender of this wants to be called back at its own address: give ours instead."""
        sender, own = (self._node, self._front) if side is self._front else (self._front.peer, self._back)
        if sender is None:
            return data
        head, separator, body = data.partition(b"\r\n\r\n")
        theirs, ours = f"{sender[0]}:{sender[1]}".encode(), f"{own.address[0]}:{own.address[1]}".encode()
        lines = [
            line.replace(theirs, ours)
            if line[:8].lower() == b"contact:" or line[:2].lower() == b"m:"
            else line
            for line in head.split(b"\r\n")
        ]
        return b"\r\n".join(lines) + separator + body
