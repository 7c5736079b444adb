"""The web application that a node asks what to do: a real HTTP server that keeps every request it gets.

One server lives for the whole session; each test has its own `Webhook`, a folder of that server, so that a late
callback of one test is never taken for one of the next.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

from aiohttp import web

from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.waiting import WAIT_S


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it arrived."""

    path: str
    method: str
    parameters: Mapping[str, str]
    headers: Mapping[str, str]
    url: str
    body: str
    at: float
    target: str = ""
    """Path and query, octet for octet."""

    def __getitem__(self, name: str) -> str:
        assert name in self.parameters, f"{self.path} has no {name}; it has {dict(self.parameters)}"
        return self.parameters[name]

    def __contains__(self, name: str) -> bool:
        return name in self.parameters


@dataclass(frozen=True, slots=True)
class Answer:
    """What to answer; `delay` in seconds."""

    body: str | bytes = ""
    status: int = 200
    content_type: str = "text/xml"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0


Reply = str | Answer | Callable[[Request], "str | Answer | Awaitable[str | Answer]"]


def response(*verbs: str) -> str:
    """A document of these verbs."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Response>{"".join(verbs)}</Response>'


class Webhook:
    """One test's folder of the application."""

    def __init__(self, name: str, base_url: str) -> None:
        self.name = name
        self.base_url = base_url
        self.requests: list[Request] = []
        self._replies: dict[str, list[Reply]] = {}
        self._taken: dict[str, int] = {}
        self._arrived = asyncio.Event()

    def url(self, path: str) -> str:
        """The absolute URL of `path`."""
        return f"{self.base_url}/{self.name}/{path}"

    def __setitem__(self, path: str, reply: Reply | list[Reply]) -> None:
        """Answer `path` with `reply`; a list is used up one by one, its last one again and again."""
        self._replies[path] = list(reply) if isinstance(reply, list) else [reply]

    async def answer(self, request: Request) -> Answer:
        """Keep the request and find its answer; 404 where the test said nothing."""
        self.requests.append(request)
        self._arrived.set()
        replies = self._replies.get(request.path)
        if not replies:
            return Answer(status=404, body="no such page", content_type="text/plain")
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if callable(reply):
            outcome = reply(request)
            reply = await outcome if isinstance(outcome, Awaitable) else outcome
        return Answer(reply) if isinstance(reply, str) else reply

    def all(self, path: str) -> list[Request]:
        """Every request for `path` so far."""
        return [each for each in self.requests if each.path == path]

    async def next(self, path: str, timeout: float = WAIT_S) -> Request:
        """The next request for `path` that was not returned before."""
        place = self._taken.get(path, 0)
        deadline = time.monotonic() + timeout
        while len(self.all(path)) <= place:
            self._arrived.clear()
            left = deadline - time.monotonic()
            if left <= 0:
                seen = [each.path for each in self.requests]
                raise AssertionError(f"no request for {path!r} within {timeout:g}s; requests so far: {seen}")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._arrived.wait()
        self._taken[path] = place + 1
        return self.all(path)[place]

    async def never(self, path: str, *, within: float) -> None:
        """That nothing more is asked of `path` for a while."""
        before = len(self.all(path))
        await asyncio.sleep(within)
        assert len(self.all(path)) == before, f"{path!r} was requested {len(self.all(path))} times"


class Application:
    """The server: `async with Application() as application`."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.port = free_port()
        self._host = host
        self.base_url = f"http://{host}:{self.port}"
        self._webhooks: dict[str, Webhook] = {}

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_route("*", "/{name}/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self.port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def webhook(self, name: str) -> Webhook:
        """A fresh folder of that name."""
        self._webhooks[name] = Webhook(name, self.base_url)
        return self._webhooks[name]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        webhook = self._webhooks.get(request.match_info["name"])
        if webhook is None:
            return web.Response(status=404)
        body = await request.text()
        form = await request.post() if request.method == "POST" else {}
        parameters = {**request.query, **{name: str(value) for name, value in form.items()}}
        answer = await webhook.answer(
            Request(
                request.match_info["path"],
                request.method,
                parameters,
                dict(request.headers),
                str(request.url),
                body,
                time.time(),
                request.raw_path,
            )
        )
        if answer.delay:
            await asyncio.sleep(answer.delay)
        data = answer.body.encode() if isinstance(answer.body, str) else answer.body
        headers = {"Content-Type": answer.content_type, **answer.headers}
        return web.Response(status=answer.status, body=data, headers=headers)
