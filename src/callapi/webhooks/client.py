"""The shell around aiohttp: persistent connections, one request, one bounded answer.

No cookies, proxy, redirect, retry or time limit here: those are the fetcher's, which cancels a slow request.
"""

import asyncio
import ssl
from base64 import b64decode
from contextvars import ContextVar
from types import TracebackType
from typing import Final, Self

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from callapi.webhooks.encoding import Outgoing, RedirectStep
from callapi.webhooks.errors import TooLarge
from callapi.webhooks.exchange import WebAnswer
from callapi.webhooks.failures import FOREIGN, SHOWN_BODY, ConnectionFailed, Try, translation
from callapi.webhooks.guard import GuardedResolver, open_public_socket
from callapi.webhooks.resolver import ThreadResolver

# Connections to one host, and in all; waiting for a free one counts as time to connect.
_CONNECTIONS_PER_HOST: Final = 256
_CONNECTIONS: Final = 1024
# Shorter than the idle timeout of most servers, so that a request seldom meets a connection that is closing.
_KEPT_ALIVE_S: Final = 15.0

_REMEMBERED_DIGESTS: Final = 256

_ASKING: ContextVar[Try] = ContextVar("_ASKING")


class HttpClient:
    """Open it with `async with`. `resolver` None: the operating system's; `tls` None: the system's trust."""

    def __init__(
        self,
        user_agent: str,
        *,
        allow_private_networks: bool,
        resolver: AbstractResolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._headers = {"User-Agent": user_agent, "Accept": "*/*", "Accept-Encoding": "gzip, deflate"}
        self._guarded = not allow_private_networks
        self._given_resolver = resolver
        self._tls = tls
        self._digests: dict[tuple[str, str], aiohttp.DigestAuthMiddleware] = {}

    async def __aenter__(self) -> Self:
        self._resolver = self._given_resolver or ThreadResolver()
        self._pooled = self._open(fresh=False)
        # A retry opens a new connection: after a restart of the server every pooled one may be dead.
        self._fresh = self._open(fresh=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._pooled.close()
        await self._fresh.close()
        await self._resolver.close()

    def _open(self, *, fresh: bool) -> aiohttp.ClientSession:
        connector = _Connector(
            ssl=self._tls or True,
            resolver=GuardedResolver(self._resolver) if self._guarded else self._resolver,
            socket_factory=open_public_socket if self._guarded else None,
            limit=_CONNECTIONS,
            limit_per_host=_CONNECTIONS_PER_HOST,
            force_close=fresh,
            keepalive_timeout=None if fresh else _KEPT_ALIVE_S,
        )
        return aiohttp.ClientSession(
            connector=connector,
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        )

    async def ask(
        self, step: RedirectStep, outgoing: Outgoing, one: Try, *, max_bytes: int, fresh: bool
    ) -> WebAnswer:
        """Send `outgoing` and read the answer; any status is an answer. Safe to cancel.

        The body of a 3xx is not read, that of a failure only as far as it is shown.

        Raises:
            WebhookError: no usable answer. `one` holds what was received.
        """
        session = self._fresh if fresh else self._pooled
        _ASKING.set(one)
        try:
            response = await session.request(
                step.method,
                outgoing.url,
                data=outgoing.body,
                headers=outgoing.headers,
                allow_redirects=False,
                middlewares=self._middlewares(step),
            )
            try:
                head = one.head = _head_of(response, one)
                if not 300 <= response.status < 400:
                    await _read(response, one, max_bytes)
            finally:
                if not response.closed:  # read to its end, it has given its connection back
                    response.close()
        except FOREIGN as error:
            raise translation(error, one) from error
        duration_s = asyncio.get_running_loop().time() - one.since
        return WebAnswer(head.status, head.content_type, bytes(one.body), head.url, duration_s, head.headers)

    def _middlewares(self, step: RedirectStep) -> tuple[aiohttp.ClientMiddlewareType, ...]:
        once = () if step.method == "POST" else (_once,)
        if step.target.authorization is None:
            return once
        # The Basic credentials are sent at once; a server that wants Digest (RFC 7616) says so, and is remembered.
        key = str(step.target.url.origin()), step.target.authorization
        digest = self._digests.get(key)
        if digest is None:
            if len(self._digests) >= _REMEMBERED_DIGESTS:
                self._digests.clear()
            user, _, password = b64decode(step.target.authorization.partition(" ")[2]).decode().partition(":")
            digest = self._digests[key] = aiohttp.DigestAuthMiddleware(user, password)
        return (digest, *once)


def _head_of(response: aiohttp.ClientResponse, one: Try) -> WebAnswer:
    headers = tuple(
        [(name, value if value.isascii() else _text(value)) for name, value in response.headers.items()]
    )
    content_type = _text(response.headers.get("Content-Type", ""))
    return WebAnswer(response.status, content_type, b"", one.target.text, 0.0, headers)


async def _read(response: aiohttp.ClientResponse, one: Try, max_bytes: int) -> None:
    is_success = 200 <= response.status < 300
    while chunk := await response.content.readany():
        one.body += chunk
        if is_success and len(one.body) > max_bytes:
            message = f"{one.target.text} answered with more than {max_bytes} bytes"
            raise TooLarge(message, one.request, one.shown())
        if not is_success and len(one.body) > SHOWN_BODY:
            del one.body[SHOWN_BODY:]
            return


def _text(value: str) -> str:
    """A header value without the surrogates with which aiohttp represents bytes that are not UTF-8."""
    if value.isascii():
        return value
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class _Connector(aiohttp.TCPConnector):
    """Records when a try has its connection; aiohttp's own tracing would cost a fifth of the request."""

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        connection = await super().connect(req, traces, timeout)
        _ASKING.get().connected = True
        return connection


async def _once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Disable aiohttp's own retry, which it does for GET alone: the fetcher retries."""
    try:
        return await send(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise ConnectionFailed(error) from error
