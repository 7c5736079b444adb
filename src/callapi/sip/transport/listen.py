"""Listening addresses as they are configured: `udp://127.0.0.1:5060`, `tls://[::1]:5061`."""

from __future__ import annotations

import re
import socket
from ipaddress import ip_address

from msgspec import Struct

from callapi.sip.errors import LocalProtocolError
from callapi.sip.messages.uri import Transport, format_host_port

_LISTEN = re.compile(r"(udp|tcp|tls)://(\[[0-9A-Fa-f:.]+\]|[^\[\]:/\s]+):([0-9]{1,5})")


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
        match = _LISTEN.fullmatch(text)
        if match is None or int(match[3]) > 65535:
            raise LocalProtocolError(f"a listener must look like udp://127.0.0.1:5060, not {text!r}")
        return cls(Transport(match[1]), match[2].strip("[]"), int(match[3]))

    def __str__(self) -> str:
        return f"{self.transport}://{format_host_port(self.host, self.port)}"


def family_of(host: str) -> socket.AddressFamily:
    """The address family of an IP address, without looking anything up."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def is_unspecified(host: str) -> bool:
    """Whether the address is `0.0.0.0` or `::`, which nobody can be asked to answer to."""
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False


def outgoing_address(family: socket.AddressFamily) -> str:
    """The address of this machine that packets to the world would bear; loopback if there is no way out."""
    inet6 = family == socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            # RFC 5737, RFC 3849: documentation addresses; connecting a datagram socket sends nothing
            probe.connect(("2001:db8::1" if inet6 else "192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "::1" if inet6 else "127.0.0.1"
