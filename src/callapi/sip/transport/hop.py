"""Where a message goes to or came from."""

from __future__ import annotations

from ipaddress import ip_address

from msgspec import Struct

from callapi.sip.errors import ParseError
from callapi.sip.messages.message import Message
from callapi.sip.messages.uri import Transport, format_host_port


class Hop(Struct, frozen=True, gc=False, eq=False):
    """One next hop: what RFC 3263 resolves to, and the source of what was received. `local` does not take part in
    equality."""

    transport: Transport
    host: str
    """An IP address, IPv6 without brackets."""
    port: int
    server_name: str | None = None
    """The name that a TLS certificate must bear (RFC 5922 §7.1); None: the address itself."""
    local: tuple[str, int] | None = None
    """The socket that it came to: answers leave from there (RFC 3581 §4). Unset: any that fits."""
    may_use_tcp: bool = False
    """UDP was not asked for but is the default, so that a large request may go by TCP (RFC 3261 §18.1.1). Takes no part
    in equality either."""

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Hop)
            and self.port == other.port
            and self.host == other.host
            and self.transport is other.transport
            and self.server_name == other.server_name
        )

    def __hash__(self) -> int:
        return hash((self.transport, self.host, self.port, self.server_name))

    def __str__(self) -> str:
        return f"{self.transport}:{format_host_port(self.host, self.port)}"

    @classmethod
    def parse(cls, text: str) -> Hop:
        """What `str` of a hop wrote: `udp:192.0.2.1:5060`, `tcp:[2001:db8::1]:5060`. Raises ParseError."""
        transport, _, address = text.partition(":")
        host, _, port = address.rpartition(":")
        try:
            return cls(Transport(transport), str(ip_address(host.strip("[]"))), int(port))
        except ValueError as error:
            raise ParseError(f"not a hop: {text[:80]!r}") from error


class Received(Struct, frozen=True, gc=False):
    """What one datagram, or one stretch of a connection, held."""

    message: Message | ParseError
    source: Hop
    local: tuple[str, int]
    """The address and port that it came to."""
    data: bytes
    """The bytes as they came, for tracing."""
