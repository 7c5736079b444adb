"""A network between a browser and the node's one port of browser media, which can be cut."""

import asyncio
from typing import Self

Address = tuple[str, int]


class MediaRelay:
    """`async with MediaRelay(front, node) as relay`: what comes to `front` goes on to `node`, answers go back.

    The node sees each sender under a port of its own. `cut()`: nothing passes any more, without notice to either side.
    """

    def __init__(self, front: Address, node: Address) -> None:
        self._front_address, self._node = front, node
        self._backs: dict[Address, asyncio.DatagramTransport] = {}
        self._is_cut = False
        self.passed = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[tuple[bytes, Address]] = asyncio.Queue(1000)
        front, _ = await loop.create_datagram_endpoint(lambda: _Front(self), local_addr=self._front_address)
        self.front = front
        self._carrying = asyncio.create_task(self._carry())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._carrying.cancel()
        self.front.close()
        for back in self._backs.values():
            back.close()

    def cut(self) -> None:
        """From now on."""
        self._is_cut = True

    def take(self, data: bytes, source: Address) -> None:
        """A datagram for the node."""
        if not self._is_cut and not self._queue.full():
            self._queue.put_nowait((data, source))

    def give(self, data: bytes, to: Address) -> None:
        """A datagram of the node."""
        if not self._is_cut:
            self.passed += 1
            self.front.sendto(data, to)

    async def _carry(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            data, source = await self._queue.get()
            if source not in self._backs:

                def back(source: Address = source) -> "_Back":
                    return _Back(self, source)

                transport, _ = await loop.create_datagram_endpoint(back, remote_addr=self._node)
                self._backs[source] = transport
            self.passed += 1
            self._backs[source].sendto(data)


class _Front(asyncio.DatagramProtocol):
    def __init__(self, relay: MediaRelay) -> None:
        self._relay = relay

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._relay.take(data, addr)


class _Back(asyncio.DatagramProtocol):
    def __init__(self, relay: MediaRelay, source: Address) -> None:
        self._relay, self._source = relay, source

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._relay.give(data, self._source)
