"""Identifies the client and its account: Basic authentication (RFC 7617) by account sid and token, or by API key.

A parent's credentials act on its subaccounts too. An unknown account and an account of another family get the same
answer: 404.
"""

import base64
import binascii
import hmac
import re
from typing import Final

from msgspec import Struct

from callapi.api.errors import ACCOUNT_NOT_ACTIVE, AUTHENTICATE, NOT_FOUND, ApiError
from callapi.base.ids import AccountSid, KeySid
from callapi.store import AccountRecord, Store

ACTIVE: Final = "active"
_KEY_PREFIX: Final = "SK"
_CHALLENGE: Final = (("WWW-Authenticate", 'Basic realm="CallAPI", charset="UTF-8"'),)
_SID: Final = re.compile("[A-Za-z0-9]{1,64}")  # the operator may have fixed one of another form
_ABSENT: Final = "0" * 32
_SAFE: Final = frozenset({"GET", "HEAD"})


class Identity(Struct, frozen=True):
    """The account that a client acts for, and the API key that it signed in with (None: the account's token)."""

    account: AccountRecord
    key_sid: KeySid | None = None


async def authenticate(authorization: str | None, store: Store) -> AccountRecord:
    """The active account whose credentials `authorization` holds: its sid and token, or an API key and its secret.

    Raises:
        ApiError: 401, or 403 for an account that is suspended or closed.
        Unavailable: an API key cannot be looked up because the database is away.
    """
    identity = await identify(*_credentials(authorization or ""), store)
    return identity.account


async def identify(sid: str, secret: str, store: Store) -> Identity:
    """The same for a sid and a token or secret that came by another way. Raises ApiError, Unavailable."""
    if sid.startswith(_KEY_PREFIX):
        identity = await _by_key(sid, secret, store)
    else:
        identity = await _by_token(sid, secret, store)
    if identity is None:
        raise ApiError(AUTHENTICATE, headers=_CHALLENGE)
    if identity.account.status != ACTIVE:
        raise ApiError(ACCOUNT_NOT_ACTIVE, f"The account is {identity.account.status}")
    return identity


async def _by_token(sid: str, token: str, store: Store) -> Identity | None:
    account = await store.accounts.by_sid(AccountSid(sid)) if _SID.fullmatch(sid) else None
    tokens = (account.auth_token, account.secondary_auth_token) if account else (_ABSENT, None)
    # Each comparison is made whatever the others gave: the time of the answer reveals nothing.
    matches = [
        hmac.compare_digest(token.encode(), (each or _ABSENT).encode()) and bool(each) for each in tokens
    ]
    return Identity(account) if account is not None and any(matches) else None


async def _by_key(sid: str, secret: str, store: Store) -> Identity | None:
    key = await store.keys.with_secret(sid, secret) if _SID.fullmatch(sid) else None
    account = await store.accounts.by_sid(key.account_sid) if key is not None else None
    return Identity(account, key.sid) if key is not None and account is not None else None


async def account_in_path(sid: str, principal: AccountRecord, store: Store) -> AccountRecord:
    """The account that the path of a request names: the principal itself or a subaccount of it.

    Raises:
        ApiError: 404.
    """
    if sid == principal.sid:
        return principal
    account = await store.accounts.by_sid(AccountSid(sid)) if _SID.fullmatch(sid) else None
    if account is None or account.parent_sid != principal.sid:
        raise ApiError(NOT_FOUND)
    return account


def require_active(account: AccountRecord, method: str) -> None:
    """What a suspended or closed subaccount has can be read, and nothing else. Raises ApiError."""
    if not account.is_active and method not in _SAFE:
        raise ApiError(ACCOUNT_NOT_ACTIVE, f"The account {account.sid} is {account.status}")


def _credentials(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        sid, _, token = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return sid, token
