"""Identifies the client and its account: Basic authentication with an account's sid and token (RFC 7617).

A parent's credentials act on its subaccounts too. An unknown account and an account
of another family get the same answer: 404.
"""

import base64
import binascii
import hmac
import re
from typing import Final

from callapi.api.errors import ACCOUNT_NOT_ACTIVE, AUTHENTICATE, NOT_FOUND, ApiError
from callapi.base.ids import AccountSid
from callapi.store import AccountRecord, Store

_CHALLENGE: Final = (("WWW-Authenticate", 'Basic realm="CallAPI", charset="UTF-8"'),)
_SID: Final = re.compile("[A-Za-z0-9]{1,64}")  # the operator may have fixed one of another form
_ABSENT: Final = "0" * 32
_SAFE: Final = frozenset({"GET", "HEAD"})


async def authenticate(authorization: str | None, store: Store) -> AccountRecord:
    """The active account whose sid and token (or secondary token) `authorization` holds.

    Raises:
        ApiError: 401, or 403 for an account that is suspended or closed.
    """
    sid, token = _credentials(authorization or "")
    account = await store.accounts.by_sid(AccountSid(sid)) if _SID.fullmatch(sid) else None
    tokens = (account.auth_token, account.secondary_auth_token) if account else (_ABSENT, None)
    # Each comparison is made whatever the others gave: the time of the answer reveals nothing.
    matches = [
        hmac.compare_digest(token.encode(), (each or _ABSENT).encode()) and bool(each) for each in tokens
    ]
    if account is None or not any(matches):
        raise ApiError(AUTHENTICATE, headers=_CHALLENGE)
    if not account.is_active:
        raise ApiError(ACCOUNT_NOT_ACTIVE, f"The account is {account.status}")
    return account


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
