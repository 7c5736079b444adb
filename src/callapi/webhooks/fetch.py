"""Requests to applications: one signed request with its redirects and its retry; an answer or a `WebhookError`.

The time limit covers everything together: name, connection, redirects, retry and the last byte of the body.
A request whose connection fails before a byte was answered is sent once more on a new connection, POST included:
an application that receives it twice sees the same `CallSid` twice; without the retry the call would be lost.
"""

import asyncio
import ssl
from collections.abc import Callable
from time import time
from types import TracebackType
from typing import Final, Self, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from callapi import __version__
from callapi.base.clock import utc_now
from callapi.base.errors import CallApiError
from callapi.webhooks.client.client import HttpClient
from callapi.webhooks.client.failures import Try
from callapi.webhooks.client.resolver import Resolver
from callapi.webhooks.encoding import RedirectStep, first_step, without_credentials, write_request
from callapi.webhooks.errors import (
    BadStatus,
    InvalidUrl,
    TimedOut,
    TooManyRedirects,
    Unreachable,
    WebhookError,
)
from callapi.webhooks.exchange import Headers, HttpExchange, Trace, WebAnswer, WebRequest
from callapi.webhooks.redirects import MAX_REDIRECTS, next_step

T = TypeVar("T")

MAX_DOCUMENT: Final = 65_536
_NOT_CONNECTED: Final = 11205
_DOCUMENT_PARSE_FAILURE: Final = 12100


class WebFailure(Struct, frozen=True):
    """One failed request of `fetch_document`, for a notification: Twilio's code, the request, the answer."""

    code: int
    error: CallApiError
    request: WebRequest
    answer: WebAnswer | None


class FetchOptions(Struct, frozen=True):
    """How a `Fetcher` behaves; `timeout_s` and `allow_private_networks` are the settings' of [webhooks].

    `resolver` None: the operating system's resolver; `tls` None: the system's certificate authorities.
    """

    timeout_s: float = 15.0
    allow_private_networks: bool = True
    user_agent: str = f"CallAPI/{__version__}"
    resolver: Resolver | None = None
    tls: ssl.SSLContext | None = None


_OPTIONS: Final = FetchOptions()


class Fetcher:
    """Sends requests to applications. Open it with `async with`; any number of tasks may use it.

    `trace` is called with each HTTP exchange when it ends; it must not raise and must return quickly.
    """

    def __init__(
        self,
        options: FetchOptions = _OPTIONS,
        *,
        trace: Trace | None = None,
        headers_of: Callable[[str], Headers] | None = None,
    ) -> None:
        """`headers_of` gives more headers for the requests of a call, by its sid."""
        self._trace = trace
        self._headers_of = headers_of
        self._timeout_s = options.timeout_s
        self._client = HttpClient(
            options.user_agent,
            allow_private_networks=options.allow_private_networks,
            resolver=options.resolver,
            tls=options.tls,
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, traceback)

    async def fetch(
        self, request: WebRequest, *, max_bytes: int = MAX_DOCUMENT, timeout_s: float | None = None
    ) -> WebAnswer:
        """Send `request`, follow redirects, read the body; any 2xx is an answer. Safe to cancel.

        Raises:
            WebhookError: everything else; its `code` is Twilio's.
        """
        limit_s = timeout_s or self._timeout_s
        if self._headers_of is not None and (more := self._headers_of(request.call_sid)):
            request = replace(request, headers=(*request.headers, *more))
        one = _Fetch(self._client, self._trace, request, max_bytes)
        try:
            async with asyncio.timeout(limit_s):
                return await one.follow()
        except TimeoutError as error:
            raise one.timed_out(limit_s) from error

    async def fetch_document(
        self,
        request: WebRequest,
        fallback: WebRequest | None,
        read: Callable[[WebAnswer], T],
        failed: Callable[[WebFailure], None],
    ) -> T:
        """What `read` makes of the answer; if asking or reading fails, of the fallback's answer.

        `read` raises a `CallApiError` with an int attribute `code` when the body is of no use. The fallback
        is asked with `ErrorCode` and `ErrorUrl` added. Each failure goes to `failed`; the last is raised.
        Safe to cancel.
        """
        try:
            return await self._read_document(request, read, failed)
        except CallApiError as error:
            if fallback is None:
                raise
            failure = (("ErrorCode", str(_code_of(error))), ("ErrorUrl", without_credentials(request.url)))
        again = replace(fallback, parameters=fallback.parameters + failure)
        return await self._read_document(again, read, failed)

    async def _read_document(
        self, request: WebRequest, read: Callable[[WebAnswer], T], failed: Callable[[WebFailure], None]
    ) -> T:
        answer = None
        try:
            answer = await self.fetch(request)
            return read(answer)
        except CallApiError as error:
            seen = error.answer if isinstance(error, WebhookError) and error.answer else answer
            failed(WebFailure(_code_of(error), error, request, seen))
            raise


def _code_of(error: CallApiError) -> int:
    code = getattr(error, "code", None)
    return code if isinstance(code, int) else _DOCUMENT_PARSE_FAILURE


class _Fetch:
    """One call of `Fetcher.fetch`, from its first step to its answer."""

    def __init__(self, client: HttpClient, trace: Trace | None, request: WebRequest, max_bytes: int) -> None:
        self._client = client
        self._trace = trace
        self._request = request
        self._max_bytes = max_bytes
        self._current: Try | None = None
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()

    async def follow(self) -> WebAnswer:
        """The answer at the end of the redirects."""
        step = self._first()
        for _ in range(MAX_REDIRECTS + 1):
            try:
                answer = await self._try(step, 1)
            except Unreachable:
                answer = await self._try(step, 2)
            if 200 <= answer.status < 300:
                return answer
            following = self._next(step, answer)
            if following is None:
                raise BadStatus(f"{step.target.text} answered {answer.status}", self._request, answer)
            step = following
        message = f"more than {MAX_REDIRECTS} redirects, the last to {step.target.text}"
        raise TooManyRedirects(message, self._request, answer)

    def timed_out(self, limit_s: float) -> TimedOut:
        """What to raise when `limit_s` is over."""
        one, within = self._current, f"within {limit_s:g} s"
        if one is not None and one.connected:
            return TimedOut(f"no whole answer from {one.target.text} {within}", self._request, one.shown())
        url = without_credentials(self._request.url) if one is None else one.target.text
        return TimedOut(f"no connection to {url} {within}", self._request, code=_NOT_CONNECTED)

    def _first(self) -> RedirectStep:
        try:
            return first_step(self._request)
        except ValueError as error:
            url = without_credentials(self._request.url)
            raise InvalidUrl(f"{url} cannot be asked: {error}", self._request) from error

    def _next(self, step: RedirectStep, answer: WebAnswer) -> RedirectStep | None:
        location = answer.header("Location")
        try:
            return next_step(step, answer.status, location)
        except ValueError as error:
            message = f"{step.target.text} redirects to {without_credentials(location or '')!r}: {error}"
            raise InvalidUrl(message, self._request, answer) from error

    async def _try(self, step: RedirectStep, attempt: int) -> WebAnswer:
        one = self._current = Try(self._request, step.target, self._began)
        outgoing = write_request(step, self._request, int(time()))
        started_at, began = utc_now(), self._clock()
        problem: str | None = "cancelled before the whole answer had come"
        try:
            answer = await self._client.ask(step, outgoing, one, max_bytes=self._max_bytes, fresh=attempt > 1)
            problem = None
            if self._request.cookies is not None:
                self._request.cookies.store(answer.headers, step.target.text)
        except WebhookError as error:
            problem = str(error)
            raise
        finally:
            if self._trace is not None:
                status = None if one.head is None else one.head.status
                exchange = HttpExchange(
                    started_at=started_at,
                    duration_s=self._clock() - began,
                    method=step.method,
                    url=step.target.text,
                    parameters=step.parameters,
                    status=status,
                    error=problem,
                    attempt=attempt,
                    call_sid=self._request.call_sid,
                )
                self._trace(exchange)
        return answer
