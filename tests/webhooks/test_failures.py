"""The map from foreign exceptions to ours is total."""

import inspect
import socket
import ssl
from collections.abc import Iterator

import aiohttp
import pytest
from aiohttp import client_exceptions
from aiohttp.client_reqrep import ConnectionKey
from yarl import URL

from callapi.base.errors import CallApiError
from callapi.webhooks import AddressRefused, TimedOut, TlsFailure, Unreachable, WebhookError, WebRequest
from callapi.webhooks import errors as our_errors
from callapi.webhooks.encoding import parse_url
from callapi.webhooks.failures import FOREIGN, ConnectionFailed, Try, translation
from callapi.webhooks.guard import NotPublicError

KEY = ConnectionKey("example.com", 80, False, True, None, None, None)
INFO = aiohttp.RequestInfo(URL("http://example.com/"), "GET", None, URL("http://example.com/"))  # type: ignore[arg-type]


def _instance(kind: type[Exception]) -> Exception:
    """Some exception of `kind`, however it wants to be made."""
    wants = list(inspect.signature(kind.__init__).parameters)[1:]
    if "connection_key" in wants:
        untrusted = ssl.SSLCertVerificationError("no")
        untrusted.verify_code, untrusted.verify_message = 18, "self-signed certificate"
        cause = untrusted if "certificate_error" in wants else OSError(111, "no")
        return kind("/socket", KEY, cause) if wants[0] == "path" else kind(KEY, cause)
    if "request_info" in wants:
        return kind(INFO, ())
    if issubclass(kind, aiohttp.ServerFingerprintMismatch):
        return kind(b"1", b"2", "example.com", 80)
    return kind("http://example.com/")


def _client_errors() -> Iterator[type[Exception]]:
    for _, kind in inspect.getmembers(client_exceptions, inspect.isclass):
        if issubclass(kind, aiohttp.ClientError):
            yield kind


def _translated(error: Exception) -> WebhookError:
    one = Try(WebRequest("http://example.com/"), parse_url("http://example.com/"))
    assert isinstance(error, FOREIGN)
    translated = translation(error, one)
    assert translated.request is one.request
    return translated


@pytest.mark.parametrize("kind", list(_client_errors()), ids=lambda kind: kind.__name__)
def test_no_error_of_aiohttp_gets_through(kind: type[Exception]) -> None:
    error = _instance(kind)
    assert _translated(error).code in range(11100, 12301)
    assert _translated(ConnectionFailed(error)).code in range(11100, 12301)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (aiohttp.ClientConnectorError(KEY, ConnectionRefusedError(111, "x")), Unreachable),
        (aiohttp.ClientConnectorError(KEY, NotPublicError("10.0.0.1")), AddressRefused),
        (aiohttp.ClientConnectorDNSError(KEY, NotPublicError("10.0.0.1")), AddressRefused),
        (aiohttp.ServerDisconnectedError(), Unreachable),
        (aiohttp.SocketTimeoutError(), TimedOut),
        (TimeoutError(), TimedOut),
        (ConnectionResetError(104, "x"), Unreachable),
        (socket.gaierror(-2, "x"), Unreachable),
        (aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError(1, "x")), TlsFailure),
    ],
    ids=repr,
)
def test_what_means_what(error: Exception, expected: type[WebhookError]) -> None:
    assert type(_translated(error)) is expected


def test_the_tree_in_the_docstring_is_true() -> None:
    leaves = [
        kind
        for _, kind in inspect.getmembers(our_errors, inspect.isclass)
        if issubclass(kind, WebhookError) and kind is not WebhookError
    ]
    assert issubclass(WebhookError, CallApiError)
    drawn = [line.split() for line in (our_errors.__doc__ or "").splitlines() if "──" in line]
    assert {(words[1], int(words[2])) for words in drawn} == {
        (kind.__name__, kind.default_code) for kind in leaves
    }
