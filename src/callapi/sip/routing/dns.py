"""Names in the DNS: SRV records and addresses, kept for as long as their TTL says.

The cache is ours because it is on the way of every call to a name: what dnspython keeps costs some 50 µs a question.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, TypeVar

import dns.asyncresolver
import dns.exception
from dns.rdatatype import RdataType
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from dns.resolver import Answer

_log = logging.getLogger(__name__)
T = TypeVar("T")

QUESTION_S = 4.0
"""For one question, with its repetitions."""
_MAX_ANSWERS = 4096
_MAX_S = 3600.0
_NOTHING_S = 5.0
"""How long it is believed that there is nothing, or that no server answers."""


class Service(Struct, frozen=True):
    """An SRV record (RFC 2782)."""

    priority: int
    weight: int
    target: str
    """A name in lower case without the final dot; empty: the service is not offered."""
    port: int


class DnsLookup:
    """Asks name servers; an empty answer and a missing one give the same result: nothing."""

    def __init__(self, nameservers: Sequence[str] = (), port: int = 53) -> None:
        """`nameservers` and `port` replace those of /etc/resolv.conf."""
        self._nameservers = nameservers
        self._port = port
        self._resolver: dns.asyncresolver.Resolver | None = None
        self._services: dict[str, tuple[float, Sequence[Service]]] = {}
        self._addresses: dict[str, tuple[float, Sequence[str]]] = {}

    async def services(self, name: str) -> Sequence[Service]:
        """The SRV records of a name such as `_sip._udp.example.com`."""
        return await _cached(self._services, name, self._ask_services)

    async def addresses(self, name: str) -> Sequence[str]:
        """The addresses of a name, IPv4 before IPv6."""
        return await _cached(self._addresses, name, self._ask_addresses)

    async def _ask_services(self, name: str) -> tuple[float, Sequence[Service]]:
        answer = await self._ask(name, RdataType.SRV)
        if answer is None:
            return _NOTHING_S, ()
        return _ttl(answer), [
            Service(record.priority, record.weight, str(record.target).rstrip(".").lower(), record.port)
            for record in answer
        ]

    async def _ask_addresses(self, name: str) -> tuple[float, Sequence[str]]:
        asked = await asyncio.gather(self._ask(name, RdataType.A), self._ask(name, RdataType.AAAA))
        answers = [answer for answer in asked if answer is not None]
        if not answers:
            return _NOTHING_S, ()
        return min(map(_ttl, answers)), [str(record) for answer in answers for record in answer]

    async def _ask(self, name: str, kind: RdataType) -> Answer | None:
        try:
            # a name without a dot may be one of our own domain (resolv.conf(5), `search`)
            return await self._ready().resolve(name, kind, lifetime=QUESTION_S, search="." not in name)
        except dns.exception.DNSException as error:
            _log.debug("%s %s: %s", kind.name, name, error)
            return None

    def _ready(self) -> dns.asyncresolver.Resolver:
        if self._resolver is None:
            self._resolver = dns.asyncresolver.Resolver(configure=not self._nameservers)
            if self._nameservers:
                self._resolver.nameservers = list(self._nameservers)
                self._resolver.port = self._port
        return self._resolver


def _ttl(answer: Answer) -> float:
    return min(float(answer.rrset.ttl), _MAX_S) if answer.rrset is not None else 0.0


async def _cached(
    cache: dict[str, tuple[float, Sequence[T]]],
    name: str,
    ask: Callable[[str], Awaitable[tuple[float, Sequence[T]]]],
) -> Sequence[T]:
    loop = asyncio.get_running_loop()
    known = cache.get(name)
    if known is not None and known[0] > loop.time():
        return known[1]
    ttl_s, found = await ask(name)
    cache.pop(name, None)
    if len(cache) >= _MAX_ANSWERS:
        del cache[next(iter(cache))]
    cache[name] = (loop.time() + ttl_s, found)
    return found
