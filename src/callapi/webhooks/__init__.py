"""HTTP to applications: requests signed and fetched with fallback, status callbacks delivered durably.

What lives here: how a request is encoded and signed, which answers count, which hosts may be connected to, and
the outbox. What must not: parameters of calls, documents, SQL, SIP.
"""

from callapi.webhooks.cookies import Cookies
from callapi.webhooks.encoding import without_credentials
from callapi.webhooks.errors import (
    AddressRefused,
    BadStatus,
    HostNotFound,
    InvalidUrl,
    ProtocolViolation,
    TimedOut,
    TlsFailure,
    TooLarge,
    TooManyRedirects,
    Unreachable,
    WebhookError,
    WrongContentType,
)
from callapi.webhooks.exchange import Headers, HttpExchange, Method, Trace, WebAnswer, WebRequest
from callapi.webhooks.fetch import Fetcher, FetchOptions, WebFailure
from callapi.webhooks.outbox.callback import Callback, DuePage, OutboxStore, Permit, Unconditional, host_of
from callapi.webhooks.outbox.memory import MemoryOutboxStore
from callapi.webhooks.outbox.messages import Limits
from callapi.webhooks.outbox.outbox import Outbox

__all__ = [
    "AddressRefused",
    "BadStatus",
    "Callback",
    "Cookies",
    "DuePage",
    "FetchOptions",
    "Fetcher",
    "Headers",
    "HostNotFound",
    "HttpExchange",
    "InvalidUrl",
    "Limits",
    "MemoryOutboxStore",
    "Method",
    "Outbox",
    "OutboxStore",
    "Permit",
    "ProtocolViolation",
    "TimedOut",
    "TlsFailure",
    "TooLarge",
    "TooManyRedirects",
    "Trace",
    "Unconditional",
    "Unreachable",
    "WebAnswer",
    "WebFailure",
    "WebRequest",
    "WebhookError",
    "WrongContentType",
    "host_of",
    "without_credentials",
]
