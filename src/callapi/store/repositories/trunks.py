"""Gateways through which numbers are called."""

import re
from collections.abc import Callable
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import groupby
from typing import Final, TypeAlias

from callapi.base.weights import drawn_by_weight
from callapi.store.changes import Put, Remove
from callapi.store.query import Equals, Query
from callapi.store.reading.cache import Cache
from callapi.store.reading.reader import Reader
from callapi.store.reading.repository import Repository
from callapi.store.records import TrunkRecord
from callapi.store.repositories.numbers import fits, specificity

ENABLED = "enabled"
_ALL: Final = "*"
_HOST: Final = re.compile(r"(?:sips?:)?(?:[^@]*@)?(?:\[([^\]]+)\]|([^:;?]+))", re.IGNORECASE)

Network: TypeAlias = IPv4Network | IPv6Network
Source: TypeAlias = tuple[tuple[Network, ...], TrunkRecord]


class TrunkRepository(Repository[TrunkRecord]):
    """Trunks of accounts."""

    kind = TrunkRecord

    def __init__(self, reader: Reader) -> None:
        super().__init__(reader)
        self._of_account = Cache(reader, self._load)
        self._sources: Cache[tuple[Source, ...]] = Cache(reader, self._load_sources)

    async def serving(
        self, account_sid: str, number: str, choose: Callable[[], float]
    ) -> tuple[TrunkRecord, ...]:
        """The account's enabled trunks whose pattern fits `number`, in the order of trial; from memory when warm.

        The lowest priority first; among equals the pattern that says more; among those each next one is drawn by
        weight (RFC 2782), with `choose` for numbers from 0 up to 1.
        """
        trunks = await self._of_account.get(account_sid)
        fitting = (each for each in trunks if each.status == ENABLED and fits(each.pattern, number))
        return tuple(
            trunk for _, peers in groupby(fitting, _rank) for trunk in drawn_by_weight(peers, choose)
        )

    async def at(self, host: str) -> tuple[TrunkRecord, ...]:
        """The enabled trunks, of all accounts, whose calls to us come from `host`; from memory when warm.

        Those whose gateway is written with this IP address, and those that have it in their networks.
        """
        sources = await self._sources.get(_ALL)
        if not sources:
            return ()
        address = ip_address(host)
        return tuple(trunk for networks, trunk in sources if any(address in each for each in networks))

    def update(self, change: Put | Remove) -> None:
        """Forget what a write has changed."""
        self._sources.drop()
        match change:
            case Put(TrunkRecord() as trunk):
                self._of_account.drop(trunk.account_sid)
            case _:
                self.forget()

    def forget(self) -> None:
        """Know nothing, and ask again."""
        self._of_account.drop()
        self._sources.drop()

    def _load(self, account_sid: str) -> tuple[TrunkRecord, ...]:
        found = self._reader.backend.select(Query(TrunkRecord, (Equals("account_sid", account_sid),)))
        return tuple(sorted(found, key=_order_of_trial))

    def _load_sources(self, _key: str) -> tuple[Source, ...]:
        found = self._reader.backend.select(Query(TrunkRecord, (Equals("status", ENABLED),)))
        return tuple((_networks(trunk), trunk) for trunk in found)


def _networks(trunk: TrunkRecord) -> tuple[Network, ...]:
    networks = []
    for text in (_host(trunk.uri), *trunk.networks):
        try:
            networks.append(ip_network(text, strict=False))
        except ValueError:
            continue  # the name of a host: where it calls from is not known
    return tuple(networks)


def _host(uri: str) -> str:
    """The host of a SIP URI, IPv6 without brackets; empty if there is none."""
    found = _HOST.match(uri)
    return (found[1] or found[2]) if found else ""


def _rank(trunk: TrunkRecord) -> tuple[int, int, int]:
    own, stars = specificity(trunk.pattern)
    return trunk.priority, -own, -stars


def _order_of_trial(trunk: TrunkRecord) -> tuple[tuple[int, int, int], datetime, str]:
    return _rank(trunk), trunk.date_created, trunk.sid
