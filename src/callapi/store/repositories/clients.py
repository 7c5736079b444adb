"""SIP users who may register, and what is kept of their passwords."""

import hashlib

from msgspec import Struct

from callapi.store.changes import Put, Remove
from callapi.store.query import Equals, Query
from callapi.store.reading.cache import Cache
from callapi.store.reading.reader import Reader
from callapi.store.reading.repository import Repository
from callapi.store.records import ClientRecord


class DigestSecrets(Struct, frozen=True):
    """H(login:realm:password) for each algorithm of RFC 7616 and RFC 8760, as lower-case hex."""

    md5: str
    sha256: str
    sha512_256: str


def digest_secrets(login: str, realm: str, password: str) -> DigestSecrets:
    """What is kept instead of a password: enough to verify a digest within `realm`, of no use elsewhere."""

    def digest(algorithm: str) -> str:
        text = f"{login}:{realm}:{password}".encode()
        return hashlib.new(algorithm, text, usedforsecurity=False).hexdigest()

    return DigestSecrets(digest("md5"), digest("sha256"), digest("sha512_256"))


class ClientRepository(Repository[ClientRecord]):
    """Clients. A login exists once on the whole node."""

    kind = ClientRecord

    def __init__(self, reader: Reader) -> None:
        super().__init__(reader)
        self._by_login = Cache(reader, self._load)

    async def by_login(self, login: str) -> ClientRecord | None:
        """The client, from memory when warm."""
        return await self._by_login.get(login)

    def update(self, change: Put | Remove) -> None:
        """Know what was just written; a login may have changed, so others are asked for again."""
        self._by_login.drop()
        if isinstance(change, Put) and isinstance(change.record, ClientRecord):
            self._by_login.put(change.record.login, change.record)

    def forget(self) -> None:
        """Know nothing, and ask again."""
        self._by_login.drop()

    def _load(self, login: str) -> ClientRecord | None:
        found = self._reader.backend.select(Query(ClientRecord, (Equals("login", login),)))
        return found[0] if found else None
