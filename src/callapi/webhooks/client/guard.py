"""With `webhooks.allow_private_networks = false`, connections go to the public internet alone (SSRF guard).

The author of a document chooses URLs that this server requests from inside the operator's network. The guard
checks addresses, not names: when a name is resolved, so that the error can name it, and again on the address
that a socket is opened for. A name that resolves differently the second time, a redirect, or an address in an
unusual notation does not pass the second check.
"""

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from callapi.webhooks.client.resolver import AddressInfo, Resolver

# The IANA special-purpose registries (RFC 6890 and its updates), and what is not unicast. Written out because
# `ipaddress.is_global` differs between Python versions and lets multicast through.
_NOT_PUBLIC_V4: Final = tuple(
    IPv4Network(each)
    for each in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared address space of carriers (RFC 6598); also some clouds' metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's host agent, a public number that is never routed
        "169.254.0.0/16",  # link-local; the clouds' metadata services
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
# Only 2000::/3 is unicast that is routed today; these parts of it are not.
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
_NOT_PUBLIC_V6: Final = tuple(
    IPv6Network(each)
    for each in (
        "2001::/23",  # IETF protocol assignments, Teredo among them
        "2001:db8::/32",
        "3fff::/20",  # documentation (RFC 9637)
    )
)
_NAT64: Final = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR: Final = IPv6Network("2002::/16")


class NotPublicError(OSError):
    """The guard refused `address`; an OSError because it stands where connecting would have failed."""

    def __init__(self, address: str) -> None:
        super().__init__(f"{address} is not a public address")
        self.address = address


def is_public(address: str) -> bool:
    """Whether `address`, an IP literal (an IPv6 zone may follow), is unicast of the public internet."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address):
        carried = _carried_v4(parsed)
        if carried is None:
            return parsed in _GLOBAL_UNICAST and not any(parsed in each for each in _NOT_PUBLIC_V6)
        parsed = carried
    return not any(parsed in each for each in _NOT_PUBLIC_V4)


def _carried_v4(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that packets to `address` end up at: mapped, NAT64 (RFC 6052) and 6to4 (RFC 3056)."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in _SIX_TO_FOUR:
        return IPv4Address((int(address) >> 80) & 0xFFFF_FFFF)
    return None


class GuardedResolver:
    """Passes on the public addresses of `inner`; a name that has none raises `NotPublicError`."""

    def __init__(self, inner: Resolver) -> None:
        self._inner = inner

    async def resolve(
        self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> Sequence[AddressInfo]:
        """As Resolver."""
        found = await self._inner.resolve(host, port, family)
        allowed = [each for each in found if is_public(str(each[4][0]))]
        if found and not allowed:
            raise NotPublicError(str(found[0][4][0]))
        return allowed

    async def close(self) -> None:
        """Close `inner`."""
        await self._inner.close()


def open_public_socket(info: AddressInfo) -> socket.socket:
    """A socket for `info`: the second check, on the address that is about to be connected."""
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        raise NotPublicError(str(address[0]))
    return socket.socket(family, kind, protocol)
