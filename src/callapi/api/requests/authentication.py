"""Identifies the client and its account, by Basic authentication (RFC 7617) or by the cookie of a console session.

Basic takes an account's sid and token, or the sid and secret of an API key. A parent's credentials act on its
subaccounts too. An unknown account and an account of another family get the same answer: 404.
"""

import base64
import binascii
import hmac
import re
from typing import Final

from starlette.requests import Request

from callapi.api.errors import ACCESS_DENIED, ACCOUNT_NOT_ACTIVE, AUTHENTICATE, NOT_FOUND, ApiError
from callapi.api.requests.sessions import COOKIE, CSRF_HEADER, Identity, Session, Sessions
from callapi.base.ids import AccountSid
from callapi.store import AccountRecord, Store

_KEY_PREFIX: Final = "SK"
_CHALLENGE: Final = (("WWW-Authenticate", 'Basic realm="CallAPI", charset="UTF-8"'),)
_SID: Final = re.compile("[A-Za-z0-9]{1,64}")  # the operator may have fixed one of another form
_ABSENT: Final = "0" * 32
_SAFE: Final = frozenset({"GET", "HEAD"})


async def authenticate(request: Request, store: Store, sessions: Sessions) -> Identity:
    """Who `request` acts for: its `Authorization`, else its session cookie.

    Raises:
        ApiError: 401; 403 for an account that is suspended or closed, or a cookie without `X-CSRF-Token`.
        Unavailable: an API key cannot be looked up because the database is away.
    """
    authorization = request.headers.get("authorization")
    if authorization is not None:
        return await identify(*_credentials(authorization), store)
    session = await session_of(request, sessions)
    if session is None:
        raise ApiError(AUTHENTICATE, headers=() if _is_script(request) else _CHALLENGE)
    require_csrf_token(request, session)
    return session.identity


async def session_of(request: Request, sessions: Sessions) -> Session | None:
    """The session of the request's cookie, None if it has none that is valid. Raises Unavailable."""
    cookie = request.cookies.get(COOKIE)
    return await sessions.verify(cookie) if cookie else None


def require_csrf_token(request: Request, session: Session) -> None:
    """Refuse a request that changes something and may come from a page of another site. Raises ApiError."""
    if request.method in _SAFE:
        return
    given = request.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(given.encode(), session.csrf_token.encode()):
        raise ApiError(ACCESS_DENIED, "X-CSRF-Token must be the csrf_token of GET /console/session")


async def identify(sid: str, secret: str, store: Store) -> Identity:
    """The active account, by its sid and token or by an API key and its secret. Raises ApiError, Unavailable."""
    if sid.startswith(_KEY_PREFIX):
        identity = await _by_key(sid, secret, store)
    else:
        identity = await _by_token(sid, secret, store)
    if identity is None:
        raise ApiError(AUTHENTICATE, headers=_CHALLENGE)
    if not identity.account.is_active:
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


def _is_script(request: Request) -> bool:
    """Whether a page's script asks: a challenge would make the browser ask for a password in a window of its own."""
    return request.headers.get("sec-fetch-dest") == "empty"


def _credentials(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        sid, _, token = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return sid, token
