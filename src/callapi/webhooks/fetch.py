"""The door to applications: one signed request, its redirects, its retry, its answer or a `WebhookError`."""

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

from callapi.base.errors import CallApiError
from callapi.webhooks.exchange import Trace, WebAnswer, WebRequest

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WebFailure:
    """One failed step of `fetch_document`, for a notification: Twilio's code, what was asked, what came."""

    code: int
    error: CallApiError
    request: WebRequest
    answer: WebAnswer | None


@dataclass(frozen=True, slots=True)
class FetchOptions:
    """How a `Fetcher` behaves; `timeout_s` and `allow_private_networks` are the settings' of [webhooks]."""

    timeout_s: float = 15.0
    allow_private_networks: bool = True
    user_agent: str = "CallAPI"


class Fetcher:
    """Asks applications over HTTP. Open it with `async with`; it may be used by any number of tasks."""

    def __init__(self, options: FetchOptions = FetchOptions(), *, trace: Trace | None = None) -> None:
        self._options = options
        self.trace = trace

    async def __aenter__(self) -> Self:
        raise NotImplementedError

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        raise NotImplementedError

    async def fetch(
        self, request: WebRequest, *, max_bytes: int = 65_536, timeout_s: float | None = None
    ) -> WebAnswer:
        """Ask, follow, read; any 2xx is an answer. Safe to cancel.

        Raises:
            WebhookError: everything else; its `code` is Twilio's.
        """
        raise NotImplementedError

    async def fetch_document(
        self,
        request: WebRequest,
        fallback: WebRequest | None,
        read: Callable[[WebAnswer], T],
        failed: Callable[[WebFailure], None],
    ) -> T:
        """What `read` makes of the answer; if asking or reading fails, of the fallback's answer.

        `read` raises a `CallApiError` with an int attribute `code` when the body is of no use. The fallback
        is asked with `ErrorCode` and `ErrorUrl` added. Each failure goes to `failed`; the last is raised.
        """
        raise NotImplementedError
