"""A status callback on its way, and what the outbox needs of the store that keeps it durable."""

from functools import lru_cache
from typing import Protocol
from urllib.parse import urlsplit

from msgspec import Struct

from callapi.webhooks.encoding import MEMO_TEXT
from callapi.webhooks.exchange import Method, Parameters


class Callback(Struct, frozen=True):
    """One row of the outbox. Instants are seconds since the epoch, UTC."""

    event_id: str
    """Sent as `X-CallAPI-Event-Id`, the same on every try."""
    stream: str
    """What must stay in order, usually the call sid: within a stream, the callbacks to one host are
    delivered one after another, in the order in which they were written."""
    url: str
    method: Method
    parameters: Parameters
    account_sid: str
    """Whose auth token signs it; the token itself is never stored with the row."""
    created_at: float
    attempts: int = 0
    next_at: float = 0.0
    """Not to be tried before; 0: at once."""

    @property
    def host(self) -> str:
        """`scheme://host:port` of the URL in lower case, without credentials: what `due` selects by."""
        return host_of(self.url)


def host_of(url: str) -> str:
    """The value of `Callback.host` for `url`; any text is accepted."""
    return _host_once(url) if len(url) <= MEMO_TEXT else _host_of(url)


def _host_of(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()


_host_once = lru_cache(1024)(_host_of)


class DuePage(Struct, frozen=True):
    """What `OutboxStore.due` found: callbacks to try now, and when it will find more."""

    callbacks: tuple[Callback, ...]
    next_at: float | None
    """The earliest instant after `now` in any pending row of the host; None: there is none. A page that is
    not full and has no `next_at` is everything that is pending for the host."""


class Permit(Protocol):
    """Whether this process may deliver: where several share a store, one that was suspended may not own its rows."""

    async def held(self) -> None:
        """Return once it may."""
        ...


class Unconditional:
    """The `Permit` of a process that has its store to itself."""

    async def held(self) -> None:
        """At once."""


class OutboxStore(Protocol):
    """The durable side, kept by the store; `MemoryOutboxStore` is the twin for tests.

    Rows are written in the same transaction as the record they report, not through this door. The three
    verdicts return at once and are made durable soon after, in order; if the process dies before, the
    callback is tried again under the same event id. `hosts` and `due` see every verdict given before them,
    and every row that `Outbox.offer` was given.
    """

    async def hosts(self, limit: int) -> list[str]:
        """Hosts (`Callback.host`) with pending callbacks, at most `limit`, the longest waiting first."""
        ...

    async def due(self, host: str, now: float, limit: int) -> DuePage:
        """At most `limit` pending callbacks to `host`, in the order in which they were written.

        Left out are those that must still wait: whose `next_at`, or that of an earlier pending callback of
        the same stream to the same host, is after `now`.
        """
        ...

    def delivered(self, event_id: str) -> None:
        """Answered 2xx: the row is done."""
        ...

    def given_up(self, callback: Callback, error: str) -> None:
        """Never to be tried again; `error` says why in a sentence."""
        ...

    def attempted(self, event_id: str, attempts: int, next_at: float) -> None:
        """Failed for the `attempts`-th time; to be tried again at `next_at`, also after a restart."""
        ...
