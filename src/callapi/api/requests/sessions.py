"""Sessions of browsers: a signed cookie in place of the credentials, for as long as these are valid.

The signature's key is derived from the account's token or from the digest of the API key, so that a session ends with
what opened it (a key that is revoked, a token that is changed), is good on every node of a cluster, and needs no table.
A request that changes something must also carry `X-CSRF-Token`, which a page of another site cannot know.
"""

import base64
import binascii
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct

from callapi.base.entropy import random_hex
from callapi.base.ids import AccountSid, KeySid
from callapi.store import AccountRecord, Store

COOKIE: Final = "callapi_session"
CSRF_HEADER: Final = "x-csrf-token"
LIFETIME_S: Final = 12 * 3600
MAX_ENDED: Final = 10_000
MAX_COOKIE: Final = 1024
_PURPOSE: Final = b"callapi console session "


class Identity(Struct, frozen=True):
    """The account that a client acts for, and the API key that it signed in with (None: the account's token)."""

    account: AccountRecord
    key_sid: KeySid | None = None


class _Claims(Struct, frozen=True):
    account: str
    key: str | None
    expires_at: int
    nonce: str


class Session(Struct, frozen=True):
    """A valid session: who it acts for, and the token that its unsafe requests must carry."""

    identity: Identity
    csrf_token: str
    nonce: str
    expires_at: int


class Sessions:
    """Opens, verifies and ends sessions; `clock` gives seconds since the epoch that never jump."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._ended: OrderedDict[str, int] = OrderedDict()

    async def open(self, identity: Identity) -> str:
        """The value of the cookie for a client that has signed in. Raises Unavailable."""
        expires_at = int(self._clock()) + LIFETIME_S
        claims = _Claims(identity.account.sid, identity.key_sid, expires_at, random_hex())
        payload = base64.urlsafe_b64encode(msgspec.json.encode(claims)).decode()
        secret = await self._secret(identity.account, identity.key_sid)
        return f"{payload}.{_mac(secret or '', payload)}"

    async def verify(self, cookie: str) -> Session | None:
        """The session of a cookie; None if it is forged, over, or what opened it is not valid any more.

        Raises:
            Unavailable: the credentials cannot be looked up.
        """
        claims, payload, signature = _read(cookie)
        if claims is None or claims.expires_at <= self._clock() or claims.nonce in self._ended:
            return None
        account = await self._store.accounts.by_sid(AccountSid(claims.account))
        if account is None or not account.is_active:
            return None
        key_sid = KeySid(claims.key) if claims.key else None
        secret = await self._secret(account, key_sid)
        if secret is None or not hmac.compare_digest(_mac(secret, payload), signature):
            return None
        identity = Identity(account, key_sid)
        return Session(identity, _mac(secret, f"csrf {payload}"), claims.nonce, claims.expires_at)

    def end(self, session: Session) -> None:
        """Refuse this session from now on, on this node (its cookie is taken from the browser as well)."""
        self._ended[session.nonce] = session.expires_at
        now = self._clock()
        while self._ended and (len(self._ended) > MAX_ENDED or next(iter(self._ended.values())) <= now):
            self._ended.popitem(last=False)

    async def _secret(self, account: AccountRecord, key_sid: KeySid | None) -> str | None:
        if key_sid is None:
            return account.auth_token
        key = await self._store.keys.fetch(key_sid)
        return key.secret_sha256 if key is not None and key.account_sid == account.sid else None


def _mac(secret: str, text: str) -> str:
    key = hashlib.sha256(_PURPOSE + secret.encode()).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _read(cookie: str) -> tuple[_Claims | None, str, str]:
    payload, _, signature = cookie.partition(".")
    if len(cookie) > MAX_COOKIE or not cookie.isascii():
        return None, "", ""
    try:
        claims = msgspec.json.decode(base64.urlsafe_b64decode(payload), type=_Claims)
    except (binascii.Error, ValueError):
        return None, "", ""
    return claims, payload, signature
