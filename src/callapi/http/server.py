"""The HTTP server of the node: one ASGI application on one address, started and stopped from inside."""

import asyncio
import contextlib
from collections.abc import Iterator
from types import TracebackType
from typing import Final, Self

import uvicorn
from starlette.types import ASGIApp

from callapi.base.errors import CallApiError
from callapi.base.listen_address import parse_listen_address
from callapi.http.connections import BoundedConfig, Bounds

START_S: Final = 10
STOP_S: Final = 2


class AddressInUse(CallApiError):
    """The listening address is in use or not local."""


class _ServerWithoutSignals(uvicorn.Server):
    """Signals belong to the node, not to its HTTP server."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """Serves `application` on `listen` (`host:port`), within `bounds`, for as long as the block lasts."""

    def __init__(self, application: ASGIApp, listen: str, bounds: Bounds) -> None:
        address = parse_listen_address(listen)
        self._listen = listen
        self._server = _ServerWithoutSignals(
            BoundedConfig(
                application,
                bounds,
                host=address.host,
                port=address.port,
                lifespan="off",
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=STOP_S,
            )
        )
        self._serving = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        """Listen. Raises AddressInUse."""
        await self._serving.__aenter__()
        serving = self._serving.create_task(self._serve())
        async with asyncio.timeout(START_S):
            while not self._server.started:
                if serving.done():
                    break
                await asyncio.wait([serving], timeout=0.01)
        if not self._server.started:
            raise AddressInUse(
                f"http.listen: {self._listen} cannot be had; is another program listening there?"
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        await self._serving.__aexit__(kind, error, traceback)

    async def _serve(self) -> None:
        with contextlib.suppress(SystemExit):  # how uvicorn says that it cannot bind
            await self._server.serve()
