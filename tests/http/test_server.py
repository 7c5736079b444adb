"""HTTPS, and connections that are handed over to what takes WebSockets."""

import asyncio
import ssl
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from callapi.http.connections import Bounds
from callapi.http.server import BadCertificate, HttpServer
from tests.scenarios.harness.ports import free_port
from tests.sip.transport.certificates import Authority

UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\nHost: a\r\n\r\n"


async def _application(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(f"{scope['scheme']} {scope['path']}")(scope, receive, send)


async def _ask(port: int, request: bytes, context: ssl.SSLContext | None = None) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    writer.write(request)
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    return answer


async def test_a_certificate_makes_it_https(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    files = authority.issue("127.0.0.1")
    assert files.certificate is not None
    assert files.private_key is not None
    port = free_port()
    context = ssl.create_default_context(cafile=str(authority.path))
    tls = (files.certificate, files.private_key)
    async with HttpServer(_application, f"127.0.0.1:{port}", Bounds(8, 5), tls=tls):
        request = b"GET /here HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        assert (await _ask(port, request, context)).endswith(b"https /here")


def test_files_that_are_no_certificate(tmp_path: Path) -> None:
    certificate = tmp_path / "cert.pem"
    certificate.write_text("nothing")
    for path in (certificate, tmp_path / "missing.pem"):
        with pytest.raises(BadCertificate, match=r"http\.tls_certificate"):
            HttpServer(_application, "127.0.0.1:0", Bounds(8, 5), tls=(path, path))


async def test_a_websocket_at_its_path_is_handed_over_with_its_request() -> None:
    taken: list[bytes] = []

    def take(transport: asyncio.Transport, request: bytes) -> None:
        taken.append(request)
        transport.write(b"taken")
        transport.close()

    port = free_port()
    async with HttpServer(_application, f"127.0.0.1:{port}", Bounds(8, 5), upgrades={"/sip": take}):
        assert await _ask(port, b"GET /sip?x=1 HTTP/1.1\r\nX-A: 1\r\n" + UPGRADE) == b"taken"
        [request] = taken
        assert request.startswith(b"GET /sip?x=1 HTTP/1.1\r\n")
        assert b"x-a: 1\r\n" in request
        assert request.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /other HTTP/1.1\r\n" + UPGRADE,
        b"GET /sip HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nHost: a\r\n\r\n",
        b"GET /sip HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    ],
    ids=["another path", "another protocol", "no upgrade"],
)
async def test_all_else_is_ordinary_http(request_: bytes) -> None:
    port = free_port()
    async with HttpServer(_application, f"127.0.0.1:{port}", Bounds(8, 1), upgrades={"/sip": _refuse}):
        answer = await _ask(port, request_)
        assert answer.startswith(b"HTTP/1.1 200")


def _refuse(transport: asyncio.Transport, request: bytes) -> None:
    raise AssertionError(f"{request!r} was handed over from {transport!r}")
