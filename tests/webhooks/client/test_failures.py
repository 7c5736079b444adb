"""What the system, TLS and the parser report becomes an error with Twilio's number and a sentence."""

import inspect
import socket
import ssl

import pytest

from callapi.base.errors import CallApiError
from callapi.webhooks import (
    AddressRefused,
    HostNotFound,
    InvalidUrl,
    ProtocolViolation,
    TlsFailure,
    Unreachable,
    WebAnswer,
    WebhookError,
    WebRequest,
)
from callapi.webhooks import errors as our_errors
from callapi.webhooks.client.failures import Try, connection_lost, not_connected, unreadable
from callapi.webhooks.client.guard import NotPublicError
from callapi.webhooks.encoding import parse_url

URL = "http://example.com/"


def _one(head: WebAnswer | None = None) -> Try:
    return Try(WebRequest(URL), parse_url(URL), head=head)


def _untrusted(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError("no")
    error.verify_code, error.verify_message = code, "self-signed certificate"
    return error


@pytest.mark.parametrize(
    ("error", "expected", "code"),
    [
        (ConnectionRefusedError(111, "x"), Unreachable, 11205),
        (TimeoutError(110, "x"), Unreachable, 11205),
        (OSError("several causes"), Unreachable, 11205),
        (NotPublicError("10.0.0.1"), AddressRefused, 11210),
        (socket.gaierror(-2, "x"), HostNotFound, 11210),
        (ssl.SSLError(1, "x"), TlsFailure, 11220),
        (_untrusted(18), TlsFailure, 11237),
        (_untrusted(10), TlsFailure, 11236),
        (_untrusted(62), TlsFailure, 11235),
        (ValueError("no such thing"), InvalidUrl, 11100),
    ],
    ids=repr,
)
def test_no_connection(error: OSError | ValueError, expected: type[WebhookError], code: int) -> None:
    one = _one()
    failure = not_connected(error, one)
    assert (type(failure), failure.code, failure.request, failure.answer) == (
        expected,
        code,
        one.request,
        None,
    )
    assert URL in str(failure)


def test_a_connection_that_is_lost() -> None:
    head = WebAnswer(200, "", b"", URL, 0.0)
    reset = ConnectionResetError(104, "x")
    assert type(connection_lost(None, _one(), has_begun=False)) is Unreachable
    assert "Connection reset by peer" in str(connection_lost(reset, _one(), has_begun=False))
    assert type(connection_lost(reset, _one(), has_begun=True)) is ProtocolViolation
    failure = connection_lost(None, _one(head), has_begun=True)
    assert (type(failure), failure.answer) == (ProtocolViolation, head)


def test_what_is_not_http_is_quoted_in_bounds() -> None:
    failure = unreadable("first line\n" + "x" * 1000, _one())
    assert str(failure) == f"{URL} did not answer in HTTP: first line"
    assert len(str(unreadable("x" * 1000, _one()))) < 300


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
