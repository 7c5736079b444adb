"""API keys, and what is kept of their secrets."""

import hashlib
import hmac
import secrets

from callapi.store.reading.repository import Repository
from callapi.store.records import KeyRecord


def new_key_secret() -> str:
    """A fresh secret: 64 lower-case hex digits."""
    return secrets.token_hex(32)


def key_digest(secret: str) -> str:
    """The form of `secret` that is kept. A secret has 256 random bits, so one round of SHA-256 is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


class KeyRepository(Repository[KeyRecord]):
    """API keys of accounts. They are read from the database each time: a revoked key ends at once on every node."""

    kind = KeyRecord

    async def with_secret(self, sid: str, secret: str) -> KeyRecord | None:
        """The key `sid` if `secret` is its own. Raises Unavailable."""
        digest = key_digest(secret)
        key = await self.fetch(sid)
        if key is None or not hmac.compare_digest(digest, key.secret_sha256):
            return None
        return key
