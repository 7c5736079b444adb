"""The durable delivery of status callbacks: the shell around `Schedule`, which decides everything.

Rows are written by the store in the same transaction as the record they report; the outbox is offered them
afterwards, and finds for itself those that an earlier run left. A callback may reach the application twice
(it answered, and we died before the store knew): under the same `X-CallAPI-Event-Id`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from random import SystemRandom
from types import TracebackType
from typing import Any, Final, Self, TypeVar, assert_never

from callapi.base.clock import steady_time
from callapi.base.errors import CallApiError
from callapi.webhooks.errors import WebhookError
from callapi.webhooks.exchange import WebRequest
from callapi.webhooks.fetch import Fetcher
from callapi.webhooks.outbox.callback import Callback, OutboxStore, Permit
from callapi.webhooks.outbox.messages import (
    Adopted,
    Deliver,
    Failed,
    HostsListed,
    Input,
    Limits,
    ListHosts,
    Load,
    Loaded,
    Offered,
    Output,
    RecordAttempted,
    RecordDelivered,
    RecordGivenUp,
    Succeeded,
    Ticked,
)
from callapi.webhooks.outbox.retry import Blame, Failure, judge
from callapi.webhooks.outbox.schedule import Schedule

logger = logging.getLogger(__name__)

T = TypeVar("T")

EVENT_ID: Final = "X-CallAPI-Event-Id"
_LIMITS: Final = Limits()


class Outbox:
    """Delivers callbacks, in order per stream, until answered 2xx or too old. Open it with `async with`.

    `permit` is waited for before each request. `token_of(account_sid)` gives the key for the signatures (empty:
    unsigned); `limits.max_age_s` is the settings' `webhooks.max_retry_age_s`. Leaving the block stops at once: what is
    under way is tried again after the next start, under the same event id.
    """

    def __init__(
        self,
        store: OutboxStore,
        fetcher: Fetcher,
        token_of: Callable[[str], Awaitable[str]],
        *,
        permit: Permit,
        limits: Limits = _LIMITS,
    ) -> None:
        self._store = store
        self._permit = permit
        self._fetcher = fetcher
        self._token_of = token_of
        self._schedule = Schedule(limits, SystemRandom().random)
        self._tasks = asyncio.TaskGroup()
        self._running: set[asyncio.Task[None]] = set()
        self._questions: asyncio.Queue[ListHosts | Load] = asyncio.Queue()  # at most one for each host
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: float | None = None
        self._drained: asyncio.Event | None = None
        self._is_open = False

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        await self._tasks.__aenter__()
        self._is_open = True
        self._run(self._answer_questions())
        self._perform(self._schedule.start())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_open = False
        if self._timer is not None:
            self._timer.cancel()
        for task in self._running:
            task.cancel()
        await self._tasks.__aexit__(kind, error, traceback)

    def offer(self, callbacks: Iterable[Callback]) -> None:
        """These rows are now durable, in this order. Never blocks or fails; call it on the loop's thread."""
        self._handle(Offered(tuple(callbacks)))

    def adopt(self) -> None:
        """The store has rows that another node has left. To be called before rows of their streams are written."""
        self._handle(Adopted())

    async def drain(self, timeout_s: float) -> bool:
        """Wait until nothing more can be delivered now; False if that took longer than `timeout_s`.

        Callbacks that wait for a retry are not waited for. To be called before leaving the block.
        """
        drained = self._drained = asyncio.Event()
        self._handle(Ticked())
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await drained.wait()
        return drained.is_set()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._tasks.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def _handle(self, event: Input) -> None:
        if not self._is_open:
            return
        self._perform(self._schedule.handle(event, steady_time()))
        self._set_timer()
        if self._drained is not None and self._schedule.is_at_rest(steady_time()):
            self._drained.set()

    def _set_timer(self) -> None:
        at = self._schedule.wakes_at
        if at == self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = None if at is None else self._loop.call_later(max(at - steady_time(), 0.0), self._tick)

    def _tick(self) -> None:
        self._timer = self._timer_at = None
        self._handle(Ticked())

    def _perform(self, outputs: list[Output]) -> None:
        for output in outputs:
            match output:
                case Deliver(callback):
                    self._run(self._deliver(callback))
                case RecordDelivered(callback):
                    self._store.delivered(callback.event_id)
                case RecordAttempted(callback):
                    self._store.attempted(callback.event_id, callback.attempts, callback.next_at)
                case RecordGivenUp(callback, error):
                    logger.warning(
                        "callback %s of %s given up: %s", callback.event_id, callback.stream, error
                    )
                    self._store.given_up(callback, error)
                case ListHosts() | Load():
                    self._questions.put_nowait(output)
                case _:
                    assert_never(output)

    async def _deliver(self, callback: Callback) -> None:
        failure = await self._send(callback)
        self._handle(Succeeded(callback) if failure is None else Failed(callback, failure))

    async def _send(self, callback: Callback) -> Failure | None:
        """Ask once; None: delivered."""
        await self._permit.held()
        try:
            token = await self._token_of(callback.account_sid)
            await self._fetcher.fetch(
                WebRequest(
                    callback.url,
                    callback.method,
                    callback.parameters,
                    token,
                    headers=((EVENT_ID, callback.event_id),),
                    call_sid=callback.stream,
                )
            )
        except WebhookError as error:
            return judge(error, steady_time())
        except CallApiError as error:
            return Failure(Blame.ANSWERED, f"the account's token is not to be had: {error}")
        except Exception as error:
            # A supervisor: one row that trips over a mistake of ours must not stop all the others, and would
            # after each restart. It waits its turn, and is given up like any other.
            logger.exception("callback %s of %s cannot be sent", callback.event_id, callback.stream)
            return Failure(Blame.ANSWERED, f"it cannot be sent: {error}")
        return None

    async def _answer_questions(self) -> None:
        """Ask the store, one question after another."""
        while True:
            question = await self._questions.get()
            match question:
                case ListHosts(limit):
                    self._handle(HostsListed(await self._asked(self._store.hosts(limit))))
                case Load(host, limit):
                    page = await self._asked(self._store.due(host, steady_time(), limit))
                    self._handle(Loaded(question, page))
                case _:
                    assert_never(question)

    async def _asked(self, answer: Awaitable[T]) -> T | None:
        try:
            return await answer
        except CallApiError as error:
            logger.warning("the outbox cannot read its store: %s", error)
            return None
