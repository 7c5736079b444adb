"""Accounts and subaccounts."""

import secrets
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from callapi.base.clock import utc_now
from callapi.base.ids import AccountSid, new_account_sid
from callapi.store.changes import Change, Put, Remove
from callapi.store.pages import Page, PageRequest
from callapi.store.query import Condition, Equals, Missing, Query
from callapi.store.reading.cache import Cache
from callapi.store.reading.reader import Reader
from callapi.store.reading.repository import Repository
from callapi.store.records import AccountRecord


class Commit(Protocol):
    """`Store.commit`."""

    async def __call__(self, *changes: Change) -> None:
        """Write durably. Raises Conflict, Unavailable."""
        ...


class FirstAccount(Struct, frozen=True):
    """The account that a node starts with; if `is_new`, its token is shown to the operator, once."""

    account: AccountRecord
    is_new: bool


def new_auth_token() -> str:
    """A fresh token: 32 lower-case hex digits."""
    return secrets.token_hex(16)


class AccountRepository(Repository[AccountRecord]):
    """Who may use the node."""

    kind = AccountRecord

    def __init__(self, reader: Reader, commit: Commit) -> None:
        super().__init__(reader)
        self._commit = commit
        self._by_sid = Cache(reader, self._load)

    async def by_sid(self, sid: str) -> AccountRecord | None:
        """The account, from memory when warm."""
        return await self._by_sid.get(sid)

    async def page(self, account_sid: str, request: PageRequest, *where: Condition) -> Page[AccountRecord]:
        """The account itself and its subaccounts, the newest first."""
        return await self._page((Equals("family", account_sid), *where), request, self.newest_by)

    async def count(self, account_sid: str, *where: Condition) -> int:
        """How many accounts `page` would list in all."""
        query = Query(AccountRecord, (Equals("family", account_sid), *where))
        return await self._reader.run(self._reader.backend.count, query)

    async def ensure_first(self, sid: str | None, auth_token: str | None) -> FirstAccount:
        """The account with this sid (None: the oldest), made if there is none, with this token (None: as it is)."""
        account = await self.fetch(sid) if sid else await self._oldest()
        if account is None:
            now = utc_now()
            account = AccountRecord(
                sid=AccountSid(sid) if sid else new_account_sid(),
                friendly_name="Main account",
                auth_token=auth_token or new_auth_token(),
                date_created=now,
                date_updated=now,
            )
            await self._commit(Put(account))
            return FirstAccount(account, is_new=True)
        if auth_token and auth_token != account.auth_token:
            account = replace(account, auth_token=auth_token, date_updated=utc_now())
            await self._commit(Put(account))
        return FirstAccount(account, is_new=False)

    def update(self, change: Put | Remove) -> None:
        """Know what was just written."""
        match change:
            case Put(AccountRecord() as account):
                self._by_sid.put(account.sid, account)
            case _:
                self.forget()

    def forget(self) -> None:
        """Know nothing, and ask again."""
        self._by_sid.drop()

    def _load(self, sid: str) -> AccountRecord | None:
        found = self._reader.backend.select(Query(AccountRecord, (Equals("sid", sid),)))
        return found[0] if found else None

    async def _oldest(self) -> AccountRecord | None:
        parents = await self._select(Query(AccountRecord, (Missing("parent_sid"),)))
        return min(parents, key=lambda each: (each.date_created, each.sid), default=None)
