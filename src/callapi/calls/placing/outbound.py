"""Calls that an application asks for over REST: accepted here, placed by the queue runner when their turn comes."""

import asyncio
from collections.abc import Awaitable, Callable

from callapi.base.errors import CallApiError
from callapi.base.ids import AccountSid
from callapi.calls.arriving.admission import AdmissionControl
from callapi.calls.commands import CreateCall
from callapi.calls.live import LiveCalls
from callapi.calls.placing.queue import QUEUED, QueuedCall
from callapi.calls.placing.queue_runner import QueueRunner
from callapi.calls.quotas import CALLS
from callapi.store import CallRecord


class Overloaded(CallApiError):
    """No new call can be accepted now; `reason` names the limit."""


class Outbound:
    """Carries out `CreateCall`. `commit` makes a record durable, or raises Unavailable."""

    def __init__(
        self,
        live: LiveCalls,
        runner: QueueRunner,
        admission: AdmissionControl,
        commit: Callable[[CallRecord], Awaitable[None]],
    ) -> None:
        self._live = live
        self._runner = runner
        self._admission = admission
        self._commit = commit

    async def create_call(self, account: AccountSid, command: CreateCall) -> CallRecord:
        """Queue a call; its record, which is durable. It is placed when its turn comes.

        Raises:
            NotPlaceable: no INVITE can be sent to `command.to`.
            Overloaded: a limit of this node or of the account is reached, or the node is draining.
            Unavailable: the database is away.
        """
        if (reason := self._admission.closed) is not None:
            raise Overloaded(reason)
        if self._live.quotas.is_full(account):
            raise Overloaded(CALLS)
        record = self._live.draft(await self._runner.placement(account, command))
        if not self._runner.queue.reserve(account):
            raise Overloaded(QUEUED)
        waiting = QueuedCall(record, command, asyncio.get_running_loop().time())
        try:
            is_kept = await self._runner.keeper.keep(waiting)
            if is_kept:
                await self._commit(record)
        except BaseException:
            self._runner.queue.return_place(account)
            self._runner.keeper.ended(record.sid)
            raise
        if not is_kept:
            self._runner.queue.return_place(account)
            raise Overloaded(QUEUED)
        self._runner.put(waiting)
        return record
