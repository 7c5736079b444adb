"""Foreign exceptions become ours here: what the system, TLS and the HTTP parser report, in words for a developer."""

import os
import socket
import ssl
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from callapi.webhooks.client.guard import NotPublicError
from callapi.webhooks.encoding import ParsedUrl
from callapi.webhooks.errors import (
    AddressRefused,
    HostNotFound,
    InvalidUrl,
    ProtocolViolation,
    TlsFailure,
    Unreachable,
    WebhookError,
)
from callapi.webhooks.exchange import WebAnswer, WebRequest

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


def not_connected(error: OSError | ValueError, one: Try) -> WebhookError:
    """What to raise where no connection came about because of `error`."""
    url, request = one.target.text, one.request
    match error:
        case ssl.SSLCertVerificationError():
            code = _CERTIFICATE_CODES.get(error.verify_code, _UNTRUSTED)
            text = f"the certificate of {url} is not trusted: {error.verify_message}"
            return TlsFailure(text, request, code=code)
        case ssl.SSLError():
            return TlsFailure(f"the TLS handshake with {url} failed: {_reason(error)}", request)
        case NotPublicError():
            rule = "which webhooks.allow_private_networks keeps us from"
            return AddressRefused(f"{url} leads to {error.address}, {rule}", request)
        case socket.gaierror():
            return HostNotFound(f"the host of {url} cannot be resolved: {_reason(error)}", request)
        case OSError():
            return Unreachable(f"no connection to {url}: {_reason(error)}", request)
        case _:
            return InvalidUrl(f"{url} cannot be asked: {_short(error)}", request)


def connection_lost(error: Exception | None, one: Try, *, has_begun: bool) -> WebhookError:
    """What to raise where the connection ended; `has_begun`: a part of the answer had come before."""
    url, request = one.target.text, one.request
    if one.head is not None:
        return broken_off(one)
    if has_begun:
        return ProtocolViolation(f"{url} broke off in the header of its answer", request)
    if error is None:
        return Unreachable(f"{url} closed the connection without an answer", request)
    return Unreachable(f"the connection to {url} was lost: {_reason(error)}", request)


def unreadable(error: Exception | str, one: Try) -> WebhookError:
    """What to raise where the answer is not HTTP."""
    if one.head is not None:
        return broken_off(one)
    return ProtocolViolation(f"{one.target.text} did not answer in HTTP: {_short(error)}", one.request)


def broken_off(one: Try) -> WebhookError:
    """What to raise where a body ends too early or cannot be read."""
    text = f"{one.target.text} broke off its answer, or sent what cannot be read"
    return ProtocolViolation(text, one.request, one.shown())


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
