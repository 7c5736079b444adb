"""Where to send a request (RFC 3263 §4): a URI becomes an ordered list of next hops.

The transport is the URI's: `sips` and `transport=tls` mean TLS, no transport means UDP. Names are looked up as SRV,
if the URI has no port, then as A and AAAA; a name in /etc/hosts needs no server. Not here: NAPTR, which would only
choose among transports, and the fall from UDP to TCP where no SRV record names UDP.
"""

from __future__ import annotations

import asyncio
import random
from ipaddress import ip_address
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from callapi.base.weights import drawn_by_weight
from callapi.sip.errors import ResolutionError
from callapi.sip.messages.uri import Transport
from callapi.sip.routing.dns import DnsLookup
from callapi.sip.transport.hop import Hop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from callapi.sip.messages.uri import SipUri
    from callapi.sip.routing.dns import Service

_MAX_TARGETS = 8
_MAX_HOPS = 16
_MAX_HOSTS_BYTES = 1024 * 1024
_SERVICE = {Transport.UDP: "_sip._udp", Transport.TCP: "_sip._tcp", Transport.TLS: "_sips._tcp"}
_LOCALHOST = ("127.0.0.1", "::1")  # RFC 6761 §6.3
_HOSTS_FILE = Path("/etc/hosts")


class Resolver:
    """Resolves URIs."""

    def __init__(
        self,
        *,
        nameservers: Sequence[str] = (),
        port: int = 53,
        hosts: Mapping[str, Sequence[str]] | None = None,
        choose: Callable[[], float] = random.random,
    ) -> None:
        """`nameservers` and `port` replace those of /etc/resolv.conf, `hosts` replaces /etc/hosts.

        `choose` gives numbers from 0 up to 1, to choose among SRV records by weight.
        """
        self._lookup = DnsLookup(nameservers, port)
        self._hosts = dict(hosts) if hosts is not None else read_hosts(_HOSTS_FILE)
        self._choose = choose

    async def resolve(self, uri: SipUri) -> list[Hop]:
        """The hops to try, in order; at least one. An IP address is answered without waiting for anything.

        Raises ResolutionError.
        """
        transport = transport_of(uri)
        if transport.is_websocket:
            raise ResolutionError(f"{uri}: the client of a WebSocket is reached by its own connection alone")
        host = uri.parameter("maddr") or uri.host
        # RFC 5922 §7.1: a certificate bears the name that was asked for, not what SRV or maddr made of it.
        is_named = transport.is_secure and _literal(uri.host) is None
        server_name = uri.host.rstrip(".").lower() if is_named else None
        address = _literal(host)
        if address is not None:
            port = uri.port or transport.default_port
            return [Hop(transport, address, port, server_name, may_use_tcp=chooses_transport(uri))]
        name = host.rstrip(".").lower()
        pairs = await self._locate(name, transport, uri.port)
        may_use_tcp = chooses_transport(uri)
        return [
            Hop(transport, address, port, server_name, may_use_tcp=may_use_tcp)
            for address, port in pairs[:_MAX_HOPS]
        ]

    async def _locate(self, name: str, transport: Transport, port: int | None) -> list[tuple[str, int]]:
        if port is None and self._known(name) is None:
            targets = await self._targets(f"{_SERVICE[transport]}.{name}")
            if targets:  # else the name itself (RFC 3263 §4.2)
                return await self._addresses_of(targets)
        return await self._addresses_of([(name, port or transport.default_port)])

    async def _targets(self, service: str) -> list[tuple[str, int]]:
        records = await self._lookup.services(service)
        if len(records) == 1 and not records[0].target:
            raise ResolutionError(f"{service}: the service is not offered")  # RFC 2782
        ordered = order_by_weight(records, self._choose)
        return [(record.target, record.port) for record in ordered[:_MAX_TARGETS]]

    async def _addresses_of(self, targets: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
        found = await asyncio.gather(*(self._addresses(name) for name, _ in targets))
        pairs = [(address, port) for (_, port), each in zip(targets, found, strict=True) for address in each]
        if not pairs:
            raise ResolutionError(f"{targets[0][0]}: no address found")
        return pairs

    async def _addresses(self, name: str) -> Sequence[str]:
        return self._known(name) or await self._lookup.addresses(name)

    def _known(self, name: str) -> Sequence[str] | None:
        if name in self._hosts:
            return self._hosts[name]
        return _LOCALHOST if name == "localhost" or name.endswith(".localhost") else None


def transport_of(uri: SipUri) -> Transport:
    """The transport that a URI asks for. Raises ResolutionError for one that we do not speak."""
    named = (uri.parameter("transport") or "").lower()
    if uri.is_secure:
        # RFC 3261 §26.2.2: TLS; `transport=tcp` says what TLS runs on
        if named in {"ws", "wss"}:
            return Transport.WSS
        if named not in {"", "tcp", "tls"}:
            raise ResolutionError(f"sips over {named} does not exist")
        return Transport.TLS
    if not named:
        return Transport.UDP
    try:
        return Transport(named)
    except ValueError:
        raise ResolutionError(f"transport {named!r} is not spoken here") from None


def chooses_transport(uri: SipUri) -> bool:
    """Whether a URI leaves the transport to us: neither `sips` nor `transport=`."""
    return not uri.is_secure and not uri.parameter("transport")


def order_by_weight(records: Iterable[Service], choose: Callable[[], float]) -> list[Service]:
    """RFC 2782: lower priorities first; within one, each next record is drawn by weight."""
    # The rest of the key gives every run of the same draws the same result, whatever order the server chose.
    known = sorted(records, key=lambda each: (each.priority, each.target, each.port))
    return [
        record
        for _, peers in groupby(known, key=lambda each: each.priority)
        for record in drawn_by_weight(peers, choose)
    ]


def read_hosts(path: Path) -> dict[str, list[str]]:
    """The names of a hosts(5) file with their addresses, IPv4 first; empty if the file cannot be read."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            lines = file.read(_MAX_HOSTS_BYTES).splitlines()
    except OSError:
        return {}
    hosts: dict[str, list[str]] = {}
    for line in lines:
        words = line.partition("#")[0].split()
        address = _literal(words[0]) if words else None
        if address is None:
            continue
        for name in words[1:]:
            hosts.setdefault(name.lower(), []).append(address)
    for addresses in hosts.values():
        addresses.sort(key=lambda each: ":" in each)
    return hosts


def _literal(host: str) -> str | None:
    if not (host[-1:].isdigit() or ":" in host):
        return None
    try:
        return str(ip_address(host))
    except ValueError:
        return None
