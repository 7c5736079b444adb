"""Applications that mean harm or are broken: each ends in time, in bounds, with its code."""

import asyncio
import gzip
import socket
import ssl
import time
import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from callapi.webhooks import (
    BadStatus,
    Fetcher,
    FetchOptions,
    HostNotFound,
    ProtocolViolation,
    TimedOut,
    TlsFailure,
    TooLarge,
    WebhookError,
    WebRequest,
)
from tests.webhooks.servers import Answer, Raw, Reply, Script, drip, silence

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n"


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    async with Fetcher(FetchOptions(timeout_s=0.4)) as fetcher:
        yield fetcher


async def _fails(fetcher: Fetcher, answer: Answer) -> WebhookError:
    async with Script(answer) as application:
        began = time.monotonic()
        with pytest.raises(WebhookError) as caught:
            await fetcher.fetch(WebRequest(application.url()))
        assert time.monotonic() - began < 2
        # Whatever it was, the next request works.
        application.answers[:] = [Reply(body=b"fine")]
        assert (await fetcher.fetch(WebRequest(application.url()))).body == b"fine"
    return caught.value


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage\r\n\r\n",
        b"\x00\x01\x02\xff" * 100,
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 5_000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\nabc\r\n",
        OK + b"Content-Encoding: br\r\nContent-Length: 3\r\n\r\nabc",
    ],
    ids=lambda answer: repr(answer[:40]),
)
async def test_what_is_no_http(fetcher: Fetcher, answer: bytes) -> None:
    error = await _fails(fetcher, answer)
    assert isinstance(error, ProtocolViolation)
    assert error.code == 11206
    assert len(str(error)) < 400


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: 10\r\n\r\n<Resp",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n<Resp\r\n",
        OK + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\n<Resp",
    ],
    ids=["length", "chunked", "gzip"],
)
async def test_a_body_that_breaks_off(fetcher: Fetcher, answer: bytes) -> None:
    error = await _fails(fetcher, answer)
    assert (type(error), error.code) == (ProtocolViolation, 11206)
    assert error.answer is not None
    assert error.answer.status == 200


@pytest.mark.parametrize(
    ("answer", "is_answered"),
    [
        (silence, False),
        (drip(b"HTTP/1.1 200 O", b"K", 0.05), False),
        (drip(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 0.05), False),
        (drip(OK + b"\r\n", b"x", 0.05), True),
        (drip(OK + b"Content-Length: 50000\r\n\r\n", b"x", 0.05), True),
        (drip(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", 0.05), True),
        (drip(b"HTTP/1.1 500 No\r\n\r\n", b"x", 0.05), True),
    ],
    ids=["silence", "status-line", "headers", "until-close", "length", "chunks", "of-a-500"],
)
async def test_what_never_ends_is_ended(fetcher: Fetcher, answer: Raw, is_answered: bool) -> None:
    error = await _fails(fetcher, answer)
    assert (type(error), error.code) == (TimedOut, 11200)
    assert "within 0.4 s" in str(error)
    assert (error.answer is not None) == is_answered
    if error.answer is not None:
        assert error.answer.body.startswith(b"x")


@pytest.mark.parametrize(
    "answer",
    [
        drip(OK + b"\r\n", b"x" * 10_000, 0),
        drip(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"2710\r\n" + b"x" * 10_000 + b"\r\n", 0),
        Reply(body=b"x" * 65_537),
    ],
    ids=["endless", "endless-chunks", "one-byte-too-many"],
)
async def test_what_is_too_large_is_not_read_to_its_end(fetcher: Fetcher, answer: Answer) -> None:
    error = await _fails(fetcher, answer)
    assert (type(error), error.code) == (TooLarge, 11750)
    assert error.answer is not None
    assert error.answer.body == b"x" * 4096


async def test_the_bound_itself_is_allowed(fetcher: Fetcher) -> None:
    async with Script(Reply(body=b"x" * 65_536)) as application:
        assert len((await fetcher.fetch(WebRequest(application.url()))).body) == 65_536


async def test_a_gzip_bomb_is_bounded_after_it_goes_off(fetcher: Fetcher) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000, 6)
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    tracemalloc.start()
    try:
        error = await _fails(fetcher, head + bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (type(error), error.code) == (TooLarge, 11750)
    assert peak < 8_000_000


async def test_gzip_in_bounds_is_read(fetcher: Fetcher) -> None:
    body = gzip.compress(b"<Response/>")
    async with Script(Reply(body=body, headers=(("Content-Encoding", "gzip"),))) as application:
        assert (await fetcher.fetch(WebRequest(application.url()))).body == b"<Response/>"
    assert application.requests[0].headers["accept-encoding"] == "gzip, deflate"


async def test_header_values_that_are_no_utf8(fetcher: Fetcher) -> None:
    async with Script(
        b"HTTP/1.1 200 OK\r\nX-Name: caf\xe9 \xc3\xa9\r\nContent-Length: 0\r\n\r\n"
    ) as application:
        answer = await fetcher.fetch(WebRequest(application.url()))
    assert answer.header("x-name") == "caf\N{REPLACEMENT CHARACTER} é"


@pytest.mark.parametrize("status", [100, 103])
async def test_interim_answers_are_skipped(fetcher: Fetcher, status: int) -> None:
    answer = b"HTTP/1.1 %d Wait\r\n\r\n" % status + OK + b"Content-Length: 2\r\n\r\nok"
    async with Script(answer) as application:
        assert (await fetcher.fetch(WebRequest(application.url()))).body == b"ok"


async def test_an_upgrade_is_a_failure(fetcher: Fetcher) -> None:
    error = await _fails(fetcher, b"HTTP/1.1 101 Sure\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
    assert isinstance(error, BadStatus)


async def test_a_half_closed_connection_still_answers(fetcher: Fetcher) -> None:
    """The application shuts down its side and only then reads on: the answer was whole."""

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"\r\nall of it")
        writer.write_eof()
        await asyncio.sleep(0.05)

    async with Script(answer) as application:
        assert (await fetcher.fetch(WebRequest(application.url()))).body == b"all of it"


async def test_an_answer_before_the_question(fetcher: Fetcher) -> None:
    """Bytes that were not asked for make the connection unusable, not the next answer wrong."""

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = OK + b"Content-Length: 5\r\n\r\nfirst"
        writer.write(first + OK + b"Content-Length: 6\r\n\r\nforged")
        await asyncio.sleep(0.2)

    async with Script(answer, Reply(body=b"second")) as application:
        assert (await fetcher.fetch(WebRequest(application.url()))).body == b"first"
        await asyncio.sleep(0.02)
        assert (await fetcher.fetch(WebRequest(application.url()))).body == b"second"


async def test_a_port_without_a_listener(fetcher: Fetcher) -> None:
    """A full backlog: SYNs go unanswered, as from a host behind a firewall that drops."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for each in fillers:
            each.setblocking(False)
            each.connect_ex(address)
        await asyncio.sleep(0.05)
        with pytest.raises(TimedOut) as caught:
            await fetcher.fetch(WebRequest(f"http://127.0.0.1:{address[1]}/"))
        for each in fillers:
            each.close()
    assert caught.value.code == 11205
    assert "no connection" in str(caught.value)


@pytest.mark.parametrize("host", ["does-not-exist.invalid", "a..b", "a" * 64 + ".example"])
async def test_a_host_without_an_address(host: str) -> None:
    async with Fetcher(FetchOptions(timeout_s=10)) as fetcher:
        with pytest.raises(HostNotFound) as caught:
            await fetcher.fetch(WebRequest(f"http://{host}/"))
    assert (caught.value.code, caught.value.answer) == (11210, None)


# TLS


def _certificate(directory: Path, name: x509.GeneralName, *, days: int = 1) -> ssl.SSLContext:
    """A server's context with a fresh self-signed certificate for `name`, also written to ca.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=10))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (directory / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "ca.pem", directory / "key.pem")
    return context


LOOPBACK = x509.IPAddress(IPv4Address("127.0.0.1"))


async def _over_tls(server: ssl.SSLContext, client: ssl.SSLContext | None) -> bytes:
    application = Script(Reply(body=b"private"), tls=server)
    async with application, Fetcher(FetchOptions(timeout_s=5, tls=client)) as fetcher:
        return (await fetcher.fetch(WebRequest(f"https://127.0.0.1:{application.port}/"))).body


async def test_tls_with_an_authority_of_the_operators(tmp_path: Path) -> None:
    server = _certificate(tmp_path, LOOPBACK)
    assert await _over_tls(server, ssl.create_default_context(cafile=tmp_path / "ca.pem")) == b"private"


async def test_a_certificate_of_an_unknown_authority(tmp_path: Path) -> None:
    with pytest.raises(TlsFailure) as caught:
        await _over_tls(_certificate(tmp_path, LOOPBACK), None)
    assert caught.value.code == 11237


async def test_a_certificate_for_somebody_else(tmp_path: Path) -> None:
    server = _certificate(tmp_path, x509.DNSName("other.example"))
    with pytest.raises(TlsFailure) as caught:
        await _over_tls(server, ssl.create_default_context(cafile=tmp_path / "ca.pem"))
    assert caught.value.code == 11235


async def test_a_certificate_that_has_expired(tmp_path: Path) -> None:
    server = _certificate(tmp_path, LOOPBACK, days=-1)
    with pytest.raises(TlsFailure) as caught:
        await _over_tls(server, ssl.create_default_context(cafile=tmp_path / "ca.pem"))
    assert caught.value.code == 11236


async def test_a_server_that_speaks_no_tls() -> None:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, Fetcher(FetchOptions(timeout_s=5)) as fetcher:
        with pytest.raises(TlsFailure) as caught:
            await fetcher.fetch(WebRequest(f"https://127.0.0.1:{port}/"))
    assert caught.value.code == 11220


async def test_a_handshake_that_hangs() -> None:
    async with Script(silence) as application, Fetcher(FetchOptions(timeout_s=0.3)) as fetcher:
        with pytest.raises(TimedOut) as caught:
            await fetcher.fetch(WebRequest(f"https://127.0.0.1:{application.port}/"))
    assert caught.value.code == 11205
