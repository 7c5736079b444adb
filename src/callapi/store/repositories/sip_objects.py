"""Domains, lists of credentials and addresses, and what maps them: Twilio's faces of numbers, clients and trunks."""

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

from callapi.base.ids import AccountSid
from callapi.store.changes import Put, Remove
from callapi.store.query import Equals, Query
from callapi.store.reading.cache import Cache
from callapi.store.reading.reader import Reader
from callapi.store.reading.repository import Repository
from callapi.store.records import SipObjectRecord

DOMAIN: Final = "domain"
ADDRESS: Final = "address"
MAPPINGS: Final = ("mapping", "registration-mapping")
"""Of a domain to a list: for its calls, for its registrations."""
_ALL: Final = "*"
Source: TypeAlias = tuple[IPv4Network | IPv6Network, AccountSid]


class SipObjectRepository(Repository[SipObjectRecord]):
    """All objects, of every kind."""

    kind = SipObjectRecord

    def __init__(self, reader: Reader) -> None:
        super().__init__(reader)
        self._domains: Cache[dict[str, SipObjectRecord]] = Cache(reader, self._load_domains)
        self._sources: Cache[tuple[Source, ...]] = Cache(reader, self._load_sources)

    async def children(self, parent_sid: str) -> list[SipObjectRecord]:
        """What belongs to a list or domain."""
        return await self._select(Query(SipObjectRecord, (Equals("parent_sid", parent_sid),)))

    async def mappings_of(self, list_sid: str) -> list[SipObjectRecord]:
        """The mappings that name a list."""
        return await self._select(Query(SipObjectRecord, (Equals("name", list_sid),)))

    async def domain(self, host: str) -> SipObjectRecord | None:
        """The domain of that name; from memory when warm."""
        return (await self._domains.get(_ALL)).get(host.lower())

    async def accounts_at(self, host: str) -> frozenset[AccountSid]:
        """The accounts whose mapped lists hold the IP address `host`; from memory when warm."""
        sources = await self._sources.get(_ALL)
        if not sources:
            return frozenset()
        address = ip_address(host)
        return frozenset(account for network, account in sources if address in network)

    def update(self, change: Put | Remove) -> None:  # noqa: ARG002 - any change may concern any caller
        """Forget what a write has changed."""
        self.forget()

    def forget(self) -> None:
        """Know nothing, and ask again."""
        self._domains.drop()
        self._sources.drop()

    def _load_domains(self, _key: str) -> dict[str, SipObjectRecord]:
        found = self._reader.backend.select(Query(SipObjectRecord, (Equals("kind", DOMAIN),)))
        return {each.name.lower(): each for each in found}

    def _load_sources(self, _key: str) -> tuple[Source, ...]:
        select = self._reader.backend.select
        mapped = {
            each.name for kind in MAPPINGS for each in select(Query(SipObjectRecord, (Equals("kind", kind),)))
        }
        found = select(Query(SipObjectRecord, (Equals("kind", ADDRESS),)))
        return tuple(
            (ip_network(each.name, strict=False), each.account_sid)
            for each in found
            if each.parent_sid in mapped
        )
