"""The one place where aiohttp's exceptions become ours.

Network code raises `translation` of each exception in `FOREIGN`; a test walks aiohttp's tree of client errors
and proves that the mapping is total.
"""

import os
import ssl
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from msgspec.structs import replace

from callapi.webhooks.encoding import ParsedUrl
from callapi.webhooks.errors import (
    AddressRefused,
    HostNotFound,
    InvalidUrl,
    ProtocolViolation,
    TimedOut,
    TlsFailure,
    Unreachable,
    WebhookError,
)
from callapi.webhooks.exchange import WebAnswer, WebRequest
from callapi.webhooks.guard import NotPublicError

SHOWN_BODY: Final = 4096
"""How much of a body an error keeps, for the notification."""

# X509_V_ERR_… of OpenSSL; any other code means that no trusted authority signed the chain.
_CERTIFICATE_CODES: Final = {10: 11236, 62: 11235, 64: 11235}
_UNTRUSTED: Final = 11237


@dataclass(slots=True)
class Try:
    """The state of one try, kept for the error that is raised if it fails or is cancelled."""

    request: WebRequest
    target: ParsedUrl
    since: float = 0.0
    """When the fetch that it belongs to began, on the clock of the loop."""
    connected: bool = False
    head: WebAnswer | None = None
    """Status and header, once they have come; its body stays empty."""
    body: bytearray = field(default_factory=bytearray)

    def shown(self) -> WebAnswer | None:
        """The answer received so far, with the beginning of its body, as an error keeps it."""
        return self.head and replace(self.head, body=bytes(self.body[:SHOWN_BODY]))


class ConnectionFailed(Exception):
    """Wraps `lost` so that aiohttp does not see it and repeat the request on its own."""

    def __init__(self, lost: Exception) -> None:
        super().__init__(str(lost))
        self.lost = lost


FOREIGN: Final = (ConnectionFailed, aiohttp.ClientError, OSError, ValueError)
"""What aiohttp, ssl and the resolver raise."""


def translation(error: Exception, one: Try) -> WebhookError:
    """What to raise in place of `error`, which is one of `FOREIGN`."""
    url, request, answer = one.target.text, one.request, one.shown()
    if isinstance(error, ConnectionFailed):
        error = error.lost
    match error:
        case aiohttp.ClientConnectorError():
            return _connect_failure(error, one)
        case aiohttp.ServerTimeoutError() | TimeoutError():
            return TimedOut(f"{url} took too long", request, answer)
        case aiohttp.ServerDisconnectedError(message=str()) if answer is None:
            return Unreachable(f"{url} closed the connection without an answer", request)
        case OSError() if answer is None:
            return Unreachable(f"the connection to {url} was lost: {_reason(error)}", request)
        case aiohttp.InvalidURL() | ValueError():
            return InvalidUrl(f"{url} cannot be asked: {_short(error)}", request)
        case aiohttp.ClientResponseError():
            return ProtocolViolation(
                f"{url} did not answer in HTTP: {_short(error.message)}", request, answer
            )
        case aiohttp.ClientPayloadError():
            return ProtocolViolation(
                f"{url} broke off its answer, or sent what cannot be read", request, answer
            )
        case _:
            return ProtocolViolation(f"{url} broke off in the header of its answer", request, answer)


def _connect_failure(error: aiohttp.ClientConnectorError, one: Try) -> WebhookError:
    url, request = one.target.text, one.request
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return _tls_failure(error.certificate_error, one)
        case aiohttp.ClientSSLError():
            return _tls_failure(error.os_error, one)
        case aiohttp.ClientConnectorError(os_error=NotPublicError() as refused):
            rule = "which webhooks.allow_private_networks keeps us from"
            return AddressRefused(f"{url} leads to {refused.address}, {rule}", request)
        case aiohttp.ClientConnectorDNSError():
            return HostNotFound(f"the host of {url} cannot be resolved: {_reason(error.os_error)}", request)
        case _:
            return Unreachable(f"no connection to {url}: {_reason(error.os_error)}", request)


def _tls_failure(cause: Exception, one: Try) -> TlsFailure:
    if isinstance(cause, ssl.SSLCertVerificationError):
        code = _CERTIFICATE_CODES.get(cause.verify_code, _UNTRUSTED)
        text = f"the certificate of {one.target.text} is not trusted: {cause.verify_message}"
        return TlsFailure(text, one.request, code=code)
    return TlsFailure(f"the TLS handshake with {one.target.text} failed: {_reason(cause)}", one.request)


def _reason(error: Exception) -> str:
    """The operating system's description of `error`."""
    if isinstance(error, ssl.SSLError):
        return getattr(error, "reason", None) or _short(error)
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno) if error.errno > 0 else error.strerror or _short(error)
    return _short(error)


def _short(error: Exception | str) -> str:
    """The first line, bounded: further lines quote the peer at any length."""
    return str(error).strip().partition("\n")[0].rstrip(":")[:200]
