"""The web application of the demo: some forty lines of what a user would write, and a hook to show it working."""

import asyncio
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from aiohttp import web

Shown = Callable[[str, Mapping[str, str]], None]
"""Called with a request (`POST /voice`) or an answer (`200 <Response>…`), with the parameters of a request."""


class DemoApplication:
    """Answers /voice with a `<Dial><Sip>`, /after with a `<Hangup>`, and takes the status callbacks."""

    def __init__(self, port: int, callee: str, shown: Shown) -> None:
        self.base_url = f"http://127.0.0.1:{port}"
        self.finished: asyncio.Queue[Mapping[str, str]] = asyncio.Queue()
        self.statuses: list[str] = []
        self.completed = asyncio.Event()
        self._port = port
        self._callee = callee
        self._shown = shown

    @property
    def document(self) -> str:
        """The document that it answers the voice request with."""
        return (
            "<Response>\n"
            '  <Dial action="/after">\n'
            '    <Sip statusCallback="/status" statusCallbackEvent="initiated ringing answered completed">'
            f"{self._callee}</Sip>\n"
            "  </Dial>\n"
            "</Response>"
        )

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_post("/voice", self._voice)
        application.router.add_post("/after", self._after)
        application.router.add_post("/status", self._status)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _parameters(self, request: web.Request) -> dict[str, str]:
        form = await request.post()
        parameters = {name: str(value) for name, value in form.items()}
        self._shown(f"POST {request.path}", parameters)
        return parameters

    async def _voice(self, request: web.Request) -> web.Response:
        await self._parameters(request)
        self._shown("200 <Dial><Sip>", {})
        return web.Response(text=self.document, content_type="text/xml")

    async def _after(self, request: web.Request) -> web.Response:
        self.finished.put_nowait(await self._parameters(request))
        self._shown("200 <Hangup/>", {})
        return web.Response(text="<Response><Hangup/></Response>", content_type="text/xml")

    async def _status(self, request: web.Request) -> web.Response:
        parameters = await self._parameters(request)
        self.statuses.append(parameters.get("CallStatus", ""))
        if "CallDuration" in parameters:
            self.completed.set()
        return web.Response(status=204)
