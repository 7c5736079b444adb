"""A real DNS server on loopback, for as many names as a test needs."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import cast

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

Zone = Mapping[tuple[str, str], Sequence[str]]
"""(name, record type) -> records as text. An empty sequence: the server fails."""


class NameServer(asyncio.DatagramProtocol):
    """Answers from a zone and counts what it was asked."""

    def __init__(self, zone: Zone, ttl_s: int) -> None:
        self.zone = dict(zone)
        self.ttl_s = ttl_s
        self.asked: Counter[tuple[str, str]] = Counter()
        self.port = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        [question] = query.question
        name, kind = str(question.name).rstrip("."), dns.rdatatype.to_text(question.rdtype)
        self.asked[name, kind] += 1
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA | dns.flags.RA
        records = self.zone.get((name, kind))
        if records:
            response.answer.append(dns.rrset.from_text(question.name, self.ttl_s, "IN", kind, *records))
        elif records is not None:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif not any(known == name for known, _ in self.zone):
            response.set_rcode(dns.rcode.NXDOMAIN)
        if response.rcode() != dns.rcode.SERVFAIL and not records:
            soa = f"ns.{name}. admin.{name}. 1 60 60 60 {self.ttl_s}"
            response.authority.append(dns.rrset.from_text(question.name, self.ttl_s, "IN", "SOA", soa))
        self.transport.sendto(response.to_wire(), addr)


@asynccontextmanager
async def name_server(zone: Zone, *, ttl_s: int = 60) -> AsyncIterator[NameServer]:
    """Run a server for this zone."""
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: NameServer(zone, ttl_s), local_addr=("127.0.0.1", 0)
    )
    try:
        yield server
    finally:
        transport.close()
