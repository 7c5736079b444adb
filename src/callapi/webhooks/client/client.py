"""Requests to applications over HTTP/1.1: persistent connections, one request, one bounded answer.

No cookies, proxy, redirect, retry or time limit here: those are the fetcher's, which cancels a slow request.
"""

import asyncio
import secrets
import ssl
from base64 import b64decode
from types import TracebackType
from typing import Final, Self

from msgspec.structs import replace

from callapi.webhooks.client.connection import Connection
from callapi.webhooks.client.connector import Connector
from callapi.webhooks.client.content import ACCEPTED
from callapi.webhooks.client.digest import Digest
from callapi.webhooks.client.failures import Try, not_connected
from callapi.webhooks.client.guard import GuardedResolver
from callapi.webhooks.client.pool import Pool
from callapi.webhooks.client.resolver import Resolver, ThreadResolver
from callapi.webhooks.encoding import Origin, Outgoing, RedirectStep, rendered
from callapi.webhooks.errors import InvalidUrl
from callapi.webhooks.exchange import WebAnswer

_MAX_DIGESTS: Final = 256
_UNAUTHORIZED: Final = 401


class HttpClient:
    """Open it with `async with`. `resolver` None: the operating system's; `tls` None: the system's trust."""

    def __init__(
        self,
        user_agent: str,
        *,
        allow_private_networks: bool,
        resolver: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._fixed = f"User-Agent: {user_agent}\r\nAccept: */*\r\nAccept-Encoding: {ACCEPTED}\r\n"
        self._is_guarded = not allow_private_networks
        self._given_resolver = resolver
        self._tls = tls
        self._digests: dict[tuple[Origin, str], Digest] = {}

    async def __aenter__(self) -> Self:
        self._resolver = self._given_resolver or ThreadResolver()
        looked_up = GuardedResolver(self._resolver) if self._is_guarded else self._resolver
        self._connector = Connector(looked_up, self._tls, is_guarded=self._is_guarded)
        self._pool = Pool(self._connector)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pool.close()
        self._connector.close()
        await self._resolver.close()

    async def ask(
        self, step: RedirectStep, outgoing: Outgoing, one: Try, *, max_bytes: int, fresh: bool
    ) -> WebAnswer:
        """Send `outgoing` and read the answer; any status is an answer. Safe to cancel.

        The body of a 3xx is not read, that of a failure only as far as it is shown. `fresh`: over a new connection,
        since after a restart of the server every one that is kept may be dead.

        Raises:
            WebhookError: no usable answer. `one` holds what was received.
        """
        login = step.target.authorization
        if login is None:
            return await self._exchange(step, outgoing, one, max_bytes, is_new=fresh)
        key = step.target.origin, login
        digest = self._digests.get(key)
        if digest is not None:
            outgoing = _with_digest(step, outgoing, digest, login)
        answer = await self._exchange(step, outgoing, one, max_bytes, is_new=fresh)
        challenge = Digest.strongest(answer.headers) if answer.status == _UNAUTHORIZED else None
        if challenge is None:
            return answer
        if len(self._digests) >= _MAX_DIGESTS:
            self._digests.clear()
        self._digests[key] = challenge
        one.head = None
        one.body.clear()
        outgoing = _with_digest(step, outgoing, challenge, login)
        return await self._exchange(step, outgoing, one, max_bytes, is_new=False)

    async def _exchange(
        self, step: RedirectStep, outgoing: Outgoing, one: Try, max_bytes: int, *, is_new: bool
    ) -> WebAnswer:
        try:
            request = rendered(step.target, step.method, outgoing, self._fixed)
        except ValueError as error:
            raise InvalidUrl(f"{one.target.text} cannot be asked: {error}", one.request) from error
        connection = await self._connection(step.target.origin, one, is_new=is_new)
        one.connected = True
        try:
            head = await connection.exchange(request, one, max_bytes)
        finally:
            self._pool.release(connection)
        duration_s = asyncio.get_running_loop().time() - one.since
        return WebAnswer(head.status, head.content_type, bytes(one.body), head.url, duration_s, head.headers)

    async def _connection(self, origin: Origin, one: Try, *, is_new: bool) -> Connection:
        try:
            return await self._pool.acquire(origin, is_new=is_new)
        except (OSError, ValueError) as error:
            raise not_connected(error, one) from error


def _with_digest(step: RedirectStep, outgoing: Outgoing, digest: Digest, login: str) -> Outgoing:
    user, _, password = b64decode(login.partition(" ")[2]).decode().partition(":")
    target = outgoing.url[len(step.target.origin.scheme) + 3 + len(step.target.authority) :]
    value = digest.answer(step.method, target, user, password, secrets.token_hex(8))
    return replace(outgoing, headers=outgoing.headers | {"Authorization": value})
