"""Listening addresses as they are configured: `udp://127.0.0.1:5060`, `tls://[::1]:5061`."""

from __future__ import annotations

import socket
from ipaddress import ip_address

from msgspec import Struct

from callapi.base.listen_address import parse_listen_address
from callapi.sip.errors import LocalProtocolError
from callapi.sip.messages.uri import Transport, format_host_port


class ListenAddress(Struct, frozen=True):
    """Where one listener is bound."""

    transport: Transport
    host: str
    """An IP address or a name of this machine."""
    port: int
    """0: one that the system chooses."""

    @classmethod
    def parse(cls, text: str) -> ListenAddress:
        """Read `transport://host:port`. Raises LocalProtocolError."""
        try:
            address = parse_listen_address(text)
            return cls(Transport(address.scheme), address.host, address.port)
        except ValueError as error:
            raise LocalProtocolError(
                f"a listener must look like udp://127.0.0.1:5060, not {text!r}"
            ) from error

    def __str__(self) -> str:
        return f"{self.transport}://{format_host_port(self.host, self.port)}"


def family_of(host: str) -> socket.AddressFamily:
    """The address family of an IP address, without looking anything up."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def is_unspecified(host: str) -> bool:
    """Whether the address is `0.0.0.0` or `::`, to which no peer can answer."""
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False


def outgoing_address(family: socket.AddressFamily) -> str:
    """The source address of packets that leave this machine; loopback if it has no route."""
    inet6 = family == socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            # RFC 5737, RFC 3849: documentation addresses; connecting a datagram socket sends nothing
            probe.connect(("2001:db8::1" if inet6 else "192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "::1" if inet6 else "127.0.0.1"
