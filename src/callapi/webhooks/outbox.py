"""The durable delivery of status callbacks."""

from collections.abc import Awaitable, Callable, Iterable
from types import TracebackType
from typing import Self

from callapi.webhooks.callback import Callback, OutboxStore
from callapi.webhooks.fetch import Fetcher


class Outbox:
    """Delivers callbacks, in order per stream, until answered 2xx or too old. Open it with `async with`.

    `token_of(account_sid)` gives the key for the signatures (empty: unsigned). Leaving the block stops at
    once: what is under way is tried again after the next start, under the same event id.
    """

    def __init__(
        self,
        store: OutboxStore,
        fetcher: Fetcher,
        token_of: Callable[[str], Awaitable[str]],
        *,
        max_retry_age_s: float = 86_400.0,
    ) -> None:
        self._store = store
        self._fetcher = fetcher
        self._token_of = token_of
        self._max_retry_age_s = max_retry_age_s

    async def __aenter__(self) -> Self:
        raise NotImplementedError

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        raise NotImplementedError

    def offer(self, callbacks: Iterable[Callback]) -> None:
        """These rows are now durable, in this order. Never blocks or fails; call it on the loop's thread."""
        raise NotImplementedError
