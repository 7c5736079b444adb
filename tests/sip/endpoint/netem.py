"""A network in memory: it loses, repeats, delays and reorders datagrams as a seeded generator has it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from callapi.sip.endpoint import Endpoint, EndpointOptions
from callapi.sip.errors import ParseError, TransportError
from callapi.sip.messages.message import Message
from callapi.sip.messages.parser import parse_message
from callapi.sip.messages.uri import Transport
from callapi.sip.transport import Hop, Received, TlsFiles
from callapi.sip.transport.listen import ListenAddress


@dataclass
class Weather:
    """What happens to a datagram; seconds and probabilities."""

    loss: float = 0.0
    duplication: float = 0.0
    shortest: float = 0.01
    longest: float = 0.01


@dataclass
class Network:
    """All wires by their address; `seen` is what was sent, lost or not."""

    weather: Weather = field(default_factory=Weather)
    random: Random = field(default_factory=lambda: Random(1))
    wires: "dict[tuple[str, int], MemoryTransport]" = field(default_factory=dict)
    seen: list[tuple[float, str, str, bytes]] = field(default_factory=list)
    drop: Callable[[bytes], bool] = field(default=lambda _: False)
    """Beyond the weather: what a test wants lost."""

    def endpoint(self, host: str, **options: object) -> Endpoint:
        """An endpoint with this address, on port 5060."""
        given = EndpointOptions(listen=(f"udp://{host}:5060",), **options)  # type: ignore[arg-type]
        return Endpoint(given, open_transport=self.open)

    def open(
        self,
        listen: Sequence[str],
        *,
        receive: Callable[[Received], None],
        failed: Callable[[Hop, Exception], None],
        closed: Callable[[Hop], None],
        advertised_address: str,
        tls: TlsFiles | None,
        allowed_origins: Sequence[str],
    ) -> "MemoryTransport":
        address = ListenAddress.parse(listen[0])
        return MemoryTransport(self, address, receive, failed)

    def carry(self, data: bytes, source: "MemoryTransport", hop: Hop) -> None:
        loop = asyncio.get_running_loop()
        self.seen.append((loop.time(), source.address.host, hop.host, data))
        target = self.wires.get((hop.host, hop.port))
        if target is None:
            loop.call_soon(source.failed, hop, TransportError("unreachable"))
            return
        if self.drop(data):
            return
        copies = 1 + (self.random.random() < self.weather.duplication)
        for _ in range(copies):
            if self.random.random() >= self.weather.loss:
                delay = self.random.uniform(self.weather.shortest, self.weather.longest)
                loop.call_later(delay, target.take, data, source.address)

    def ladder(self) -> str:
        """What was sent, for a failing test."""
        return "\n".join(
            f"{at:8.3f} {source} -> {target} {_summary(data)}" for at, source, target, data in self.seen
        )


class MemoryTransport:
    """One endpoint's end of the network."""

    def __init__(
        self,
        network: Network,
        address: ListenAddress,
        receive: Callable[[Received], None],
        failed: Callable[[Hop, Exception], None],
    ) -> None:
        self.address = address
        self.failed = failed
        self.listening = [address]
        self._network = network
        self._receive = receive

    async def start(self) -> None:
        self._network.wires[(self.address.host, self.address.port)] = self

    async def stop(self) -> None:
        self._network.wires.pop((self.address.host, self.address.port), None)

    def send(self, data: bytes, hop: Hop) -> None:
        self._network.carry(data, self, hop)

    @property
    def backlog_s(self) -> float:
        return 0.0

    def give_up(self, hop: Hop) -> None:
        raise NotImplementedError("this network has no connections")

    def accept_upgrade(self, transport: asyncio.Transport, handshake: bytes) -> None:
        raise NotImplementedError("this network has no HTTP server")

    def is_connected(self, hop: Hop) -> bool:
        return False

    def local_address(self, transport: Transport, towards: str = "") -> tuple[str, int]:
        return self.address.host, self.address.port

    def take(self, data: bytes, source: ListenAddress) -> None:
        if (self.address.host, self.address.port) not in self._network.wires:
            return
        message: Message | ParseError
        try:
            message = parse_message(data)
        except ParseError as error:
            message = error
        hop = Hop(Transport.UDP, source.host, source.port)
        self._receive(Received(message, hop, (self.address.host, self.address.port), data))


def _summary(data: bytes) -> str:
    head = data.decode(errors="replace").split("\r\n")
    fields = [line for line in head if line.startswith(("CSeq", "To:"))]
    return " | ".join([head[0], *fields])
