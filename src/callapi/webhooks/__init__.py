"""HTTP to applications: requests signed and fetched with fallback, status callbacks delivered durably.

What lives here: how a request is written and signed, which answers count, whom we may connect to, and the
outbox. What must not: parameters of calls, documents, SQL, SIP.
"""

from callapi.webhooks.audio import Audio, Freshness, NotModified, Validators, fetch_audio
from callapi.webhooks.callback import Callback, DuePage, OutboxStore, host_of
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
from callapi.webhooks.exchange import HttpExchange, Method, Trace, WebAnswer, WebRequest
from callapi.webhooks.fetch import Fetcher, FetchOptions, WebFailure
from callapi.webhooks.memory import MemoryOutboxStore
from callapi.webhooks.outbox import Outbox
from callapi.webhooks.steps import Limits
from callapi.webhooks.wire import without_credentials

__all__ = [
    "AddressRefused",
    "Audio",
    "BadStatus",
    "Callback",
    "DuePage",
    "FetchOptions",
    "Fetcher",
    "Freshness",
    "HostNotFound",
    "HttpExchange",
    "InvalidUrl",
    "Limits",
    "MemoryOutboxStore",
    "Method",
    "NotModified",
    "Outbox",
    "OutboxStore",
    "ProtocolViolation",
    "TimedOut",
    "TlsFailure",
    "TooLarge",
    "TooManyRedirects",
    "Trace",
    "Unreachable",
    "Validators",
    "WebAnswer",
    "WebFailure",
    "WebRequest",
    "WebhookError",
    "WrongContentType",
    "fetch_audio",
    "host_of",
    "without_credentials",
]
