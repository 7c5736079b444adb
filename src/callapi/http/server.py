"""The HTTP server of the node: one ASGI application on one address, started and stopped from inside."""

import asyncio
import contextlib
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import uvicorn
from starlette.types import ASGIApp

from callapi.base.errors import CallApiError
from callapi.base.listen_address import parse_listen_address
from callapi.http.connections import BoundedConfig, Bounds, Upgrade

START_S: Final = 10
STOP_S: Final = 2


class BadCertificate(CallApiError):
    """The certificate or the private key of HTTPS cannot be used."""


class AddressInUse(CallApiError):
    """The listening address is in use or not local."""


class _ServerWithoutSignals(uvicorn.Server):
    """Signals belong to the node, not to its HTTP server."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """Serves `application` on `listen` (`host:port`), within `bounds`, for as long as the block lasts.

    With `tls` (certificate and key, PEM files) it speaks HTTPS. `upgrades`: by path, what takes over the connections
    that ask for a WebSocket there.
    """

    def __init__(
        self,
        application: ASGIApp,
        listen: str,
        bounds: Bounds,
        *,
        tls: tuple[Path, Path] | None = None,
        upgrades: Mapping[str, Upgrade] | None = None,
    ) -> None:
        """Raises BadCertificate."""
        address = parse_listen_address(listen)
        self._listen = listen
        self._server = _ServerWithoutSignals(
            BoundedConfig(
                application,
                bounds,
                upgrades or {},
                host=address.host,
                port=address.port,
                lifespan="off",
                log_config=None,
                access_log=False,
                **_tls_options(tls),
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


def _tls_options(files: tuple[Path, Path] | None) -> dict[str, Any]:
    """uvicorn's options for HTTPS; the files are read here first, so that a bad one is reported as such."""
    if files is None:
        return {}
    certificate, key = files
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except OSError as error:
        raise BadCertificate(
            f"http.tls_certificate, http.tls_private_key: {certificate} and {key} are not a certificate and its key"
            f" in PEM: {error.strerror or error}"
        ) from error
    return {"ssl_certfile": str(certificate), "ssl_keyfile": str(key)}
