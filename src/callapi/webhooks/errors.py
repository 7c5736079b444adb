"""What can go wrong between CallAPI and an application, each with Twilio's number for it.

::

    WebhookError           code, request, answer, and a sentence that says what to look at
    ├── InvalidUrl         11100  not an http or https URL
    ├── BadStatus          11200  an answer outside 2xx
    ├── TimedOut           11200  connected, but no whole answer in time;  11205 if not even connected
    ├── Unreachable        11205  connection refused, reset, or closed before the answer
    ├── ProtocolViolation  11206  what came is not HTTP, or broke off
    ├── HostNotFound       11210  the name does not resolve
    ├── AddressRefused     11210  the guard refuses connections to that address
    ├── TooManyRedirects   11215  more than 5
    ├── TlsFailure         11220  handshake;  11237 when the certificate is not trusted
    ├── TooLarge           11750  the body is over its bound
    └── WrongContentType   12300  the caller cannot use such a body

`answer` is what was received: status, headers and the beginning of the body, or None.
"""

from typing import ClassVar

from callapi.base.errors import CallApiError
from callapi.webhooks.exchange import WebAnswer, WebRequest


class WebhookError(CallApiError):
    """A request to an application failed. `code` is Twilio's number, the text a sentence for the log."""

    default_code: ClassVar[int] = 11200

    def __init__(
        self, message: str, request: WebRequest, answer: WebAnswer | None = None, *, code: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = self.default_code if code is None else code
        self.request = request
        self.answer = answer


class InvalidUrl(WebhookError):
    """The URL is not absolute, not http or https, or names no host."""

    default_code = 11100


class BadStatus(WebhookError):
    """The answer's status is outside 2xx; `answer` is always set."""


class TimedOut(WebhookError):
    """The time limit of the whole request (connect, redirects, retry, body) has passed."""


class Unreachable(WebhookError):
    """No connection, or the connection was lost before the answer, on the retry as well."""

    default_code = 11205


class ProtocolViolation(WebhookError):
    """The peer does not speak HTTP, or its answer broke off."""

    default_code = 11206


class HostNotFound(WebhookError):
    """The host name does not resolve."""

    default_code = 11210


class AddressRefused(WebhookError):
    """`webhooks.allow_private_networks` is false and the host leads to a network that is not public."""

    default_code = 11210


class TooManyRedirects(WebhookError):
    """More redirects than are followed."""

    default_code = 11215


class TlsFailure(WebhookError):
    """The TLS handshake failed (11220) or the certificate is not trusted (11237)."""

    default_code = 11220


class TooLarge(WebhookError):
    """The body, decompressed, is over the caller's limit."""

    default_code = 11750


class WrongContentType(WebhookError):
    """The caller of the fetcher cannot use the answer's content type; raised by that caller."""

    default_code = 12300
