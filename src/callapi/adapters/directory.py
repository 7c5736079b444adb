"""The store's registrations and trunks as the `Directory` of destinations."""

import random
from collections.abc import Callable, Sequence

from callapi.base.clock import steady_now
from callapi.base.ids import AccountSid
from callapi.base.values import SrtpPolicy
from callapi.store import (
    BindingRecord,
    Store,
    TrunkRecord,
)


class Directory:
    """The store's registrations and trunks as the `Directory` of destinations."""

    def __init__(
        self,
        store: Store,
        is_silent: Callable[[str, str], bool],
        choose: Callable[[], float] = random.random,
    ) -> None:
        """`is_silent(login, contact)`: whether the phone has stopped answering.

        `choose` gives numbers from 0 up to 1, to share calls out among trunks.
        """
        self._store = store
        self._is_silent = is_silent
        self._choose = choose

    async def bindings(self, account: AccountSid, login: str) -> Sequence[BindingRecord]:
        """As `Directory`."""
        client = await self._store.clients.by_login(login)
        if client is None or client.account_sid != account:
            return ()
        now = steady_now()
        live = [
            each
            for each in await self._store.bindings.of(login)
            if each.expires_at > now and not self._is_silent(login, each.contact)
        ]
        return sorted(live, key=lambda each: -each.q)

    async def srtp_of(self, login: str) -> SrtpPolicy | None:
        """As `Directory`."""
        client = await self._store.clients.by_login(login)
        return SrtpPolicy(client.srtp) if client is not None and client.srtp else None

    async def trunks(self, account: AccountSid, number: str) -> Sequence[TrunkRecord]:
        """As `Directory`."""
        return await self._store.trunks.serving(account, number, self._choose)
