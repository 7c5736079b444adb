"""The application under test, and the client that asks it: encoded, signed and redirected as a node does."""

import asyncio
import http.client
import inspect
import io
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, TypeVar
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from callapi.base.errors import CallApiError
from callapi.testing.clock import VirtualTimeLoop
from callapi.webhooks import BadStatus, Unreachable, WebAnswer, WebFailure, WebRequest
from callapi.webhooks.encoding import Outgoing, RedirectStep, first_step
from callapi.webhooks.encoding import write_request as outgoing_of
from callapi.webhooks.redirects import MAX_REDIRECTS, next_step

T = TypeVar("T")
Headers: TypeAlias = tuple[tuple[str, str], ...]
Handler: TypeAlias = Callable[["AskedRequest"], str]
Target: TypeAlias = str | Handler | Any
"""A base URL, a WSGI or ASGI application, or a function from request to document."""

TIMEOUT_S: Final = 15.0
IN_PROCESS: Final = "http://application"


class AskedRequest(Struct, frozen=True):
    """A request that the application got."""

    method: str
    url: str
    path: str
    parameters: Mapping[str, str]
    headers: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        """A parameter."""
        return self.parameters[name]


class Answered(Struct, frozen=True):
    """What came back."""

    status: int
    headers: Headers
    body: bytes


class SimulatedFetcher:
    """Asks `application`; keeps each request in `requests`."""

    def __init__(self, application: Target, loop: VirtualTimeLoop) -> None:
        self._application = application
        self._loop = loop
        self.base = application.rstrip("/") if isinstance(application, str) else IN_PROCESS
        self.requests: list[AskedRequest] = []

    async def fetch(self, request: WebRequest, **_: object) -> WebAnswer:
        """As `Fetcher.fetch`. Raises WebhookError."""
        step = first_step(request)
        for _attempt in range(MAX_REDIRECTS + 1):
            answered = await self._ask(step, request)
            answer = WebAnswer(
                answered.status,
                next((value for name, value in answered.headers if name.lower() == "content-type"), ""),
                answered.body,
                step.target.text,
                0.0,
                answered.headers,
            )
            following = next_step(step, answer.status, answer.header("Location"))
            if 200 <= answer.status < 300:
                return answer
            if following is None:
                break
            step = following
        raise BadStatus(f"{step.target.text} answered {answer.status}", request, answer)

    async def fetch_document(
        self,
        request: WebRequest,
        fallback: WebRequest | None,
        read: Callable[[WebAnswer], T],
        failed: Callable[[WebFailure], None],
    ) -> T:
        """As `Fetcher.fetch_document`."""
        answer = None
        try:
            answer = await self.fetch(request)
            return read(answer)
        except CallApiError as error:
            code = getattr(error, "code", 12100)
            failed(WebFailure(code, error, request, getattr(error, "answer", None) or answer))
            if fallback is None:
                raise
            more = (("ErrorCode", str(code)), ("ErrorUrl", request.url))
            return await self.fetch_document(
                replace(fallback, parameters=fallback.parameters + more), None, read, failed
            )

    async def _ask(self, step: RedirectStep, request: WebRequest) -> Answered:
        outgoing = outgoing_of(step, request, int(time.time()))
        url = str(outgoing.url)
        form = (outgoing.body or b"").decode() or urlsplit(url).query
        asked = AskedRequest(
            step.method,
            url,
            urlsplit(url).path,
            dict(parse_qsl(form, keep_blank_values=True)),
            outgoing.headers,
        )
        self.requests.append(asked)
        with self._loop.real_time():
            try:
                return await self._answer(asked, outgoing)
            except OSError as error:
                raise Unreachable(f"{url} does not answer: {error}", request) from error

    async def _answer(self, asked: AskedRequest, outgoing: Outgoing) -> Answered:
        application = self._application
        if isinstance(application, str):
            return await asyncio.to_thread(_by_http, asked, outgoing)
        if _is_asgi(application):
            return await _by_asgi(application, asked, outgoing)
        if _is_wsgi(application):
            return await asyncio.to_thread(_by_wsgi, application, asked, outgoing)
        return Answered(200, (("Content-Type", "text/xml"),), application(asked).encode())


def _by_http(asked: AskedRequest, outgoing: Outgoing) -> Answered:
    parts = urlsplit(asked.url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(asked.method, target or "/", outgoing.body, outgoing.headers)
        answer = connection.getresponse()
        return Answered(answer.status, tuple(answer.getheaders()), answer.read())
    finally:
        connection.close()


def sockets_of(application: Target) -> Any:
    """Where WebSockets lead if nothing else is said: as for `SimulatedSockets`."""
    if isinstance(application, str):
        return "real"
    return application if _is_asgi(application) else None


def _is_asgi(application: Any) -> bool:
    """An ASGI application is a coroutine function, or an object whose call is one."""
    return inspect.iscoroutinefunction(application) or inspect.iscoroutinefunction(type(application).__call__)


def _is_wsgi(application: Any) -> bool:
    """A WSGI application takes two arguments: environ and start_response (PEP 3333); a handler takes one."""
    try:
        parameters = inspect.signature(application).parameters.values()
    except (TypeError, ValueError):
        return True
    needed = [each for each in parameters if each.default is each.empty]
    return len(needed) == 2


def _by_wsgi(application: Any, asked: AskedRequest, outgoing: Outgoing) -> Answered:
    parts = urlsplit(asked.url)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": asked.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": parts.path,
        "QUERY_STRING": parts.query,
        "SERVER_NAME": parts.hostname,
        "SERVER_PORT": str(parts.port or 80),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": parts.netloc,
        "CONTENT_LENGTH": str(len(outgoing.body or b"")),
        "CONTENT_TYPE": outgoing.headers.get("Content-Type", ""),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": io.BytesIO(outgoing.body or b""),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in outgoing.headers.items()},
    }
    began: list[tuple[str, Headers]] = []

    def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> None:
        began.append((status, tuple(headers)))

    body = b"".join(application(environ, start_response))
    status, headers = began[-1]
    return Answered(int(status.split(" ", 1)[0]), headers, body)


async def _by_asgi(application: Any, asked: AskedRequest, outgoing: Outgoing) -> Answered:
    parts = urlsplit(asked.url)
    headers = {"host": parts.netloc, **{name.lower(): value for name, value in outgoing.headers.items()}}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": asked.method,
        "scheme": parts.scheme,
        "path": parts.path,
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
        "server": (parts.hostname, parts.port or 80),
    }
    messages: list[Any] = []
    requests = [{"type": "http.request", "body": outgoing.body or b"", "more_body": False}]

    async def receive() -> Any:
        return requests.pop() if requests else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        messages.append(message)

    await application(scope, receive, send)
    start = next(each for each in messages if each["type"] == "http.response.start")
    found = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"])
    body = b"".join(each.get("body", b"") for each in messages if each["type"] == "http.response.body")
    return Answered(start["status"], found, body)
