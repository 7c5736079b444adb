"""The queue of calls over REST where other nodes can take it over: the `QueueKeeper` of a node among others."""

import asyncio
import logging
from functools import partial
from typing import Final

from msgspec import MsgspecError
from msgspec.json import Decoder, Encoder

from callapi.base.ids import AccountSid, CallSid
from callapi.base.retrying import every, retried
from callapi.calls.commands import CreateCall
from callapi.calls.placing.queue import QueuedCall
from callapi.calls.placing.queue_runner import QueueRunner
from callapi.store import AccountUse, Nodes, QueueTable, Unavailable

log = logging.getLogger(__name__)

CLAIM_EVERY_S: Final = 1.0
_ENCODER: Final = Encoder()
_DECODER: Final = Decoder(CreateCall)


class SharedQueue:
    """Keeps what waits in the database, and claims what no node has any more."""

    def __init__(self, nodes: Nodes, *, max_waiting: int, calls_per_second: float) -> None:
        """An account has `max_waiting` places, and `calls_per_second` (0: no limit), over all nodes."""
        self._nodes = nodes
        self._table = QueueTable(nodes.engine, nodes.owner.name)
        self._use = AccountUse(nodes.engine, nodes.owner.name)
        self._max_waiting = max_waiting
        self._rate = calls_per_second
        self._ended: asyncio.Queue[CallSid] = asyncio.Queue()  # no more than there are places

    async def keep(self, waiting: QueuedCall) -> bool:
        """As `QueueKeeper`."""
        record, command = waiting.record, _ENCODER.encode(waiting.command).decode()
        return await self._nodes.run(
            self._table.keep, record.sid, record.account_sid, command, self._max_waiting
        )

    async def claim(self, sid: CallSid) -> bool:
        """As `QueueKeeper`."""
        return await self._nodes.run(self._table.remove, sid)

    async def turn(self, account: AccountSid) -> float:
        """As `QueueKeeper`."""
        return await self._nodes.run(self._use.turn, account, self._rate) if self._rate else 0.0

    def ended(self, sid: CallSid) -> None:
        """As `QueueKeeper`."""
        self._ended.put_nowait(sid)

    async def forget(self) -> None:
        """Remove what waits no more, until cancelled."""
        while True:
            sid = await self._ended.get()
            await retried(partial(self._nodes.run, self._table.remove, sid), Unavailable)

    async def take_over(self, runner: QueueRunner) -> None:
        """Place what other nodes have left, until cancelled."""
        await every(CLAIM_EVERY_S, partial(self._claim_for, runner))

    async def _claim_for(self, runner: QueueRunner) -> None:
        if runner.is_closed:
            return
        try:
            kept = await self._nodes.run(self._table.claim)
        except Unavailable:
            return  # the next round claims it
        now = asyncio.get_running_loop().time()
        for each in kept:
            log.info("call %s, which another node had queued, waits here", each.record.sid)
            try:
                command = _DECODER.decode(each.command)
            except MsgspecError:
                log.exception("call %s was queued by another version, and is not placed", each.record.sid)
            else:
                runner.adopt(QueuedCall(each.record, command, now))

    async def release(self, runner: QueueRunner) -> None:
        """Leave what waits here to other nodes. While the database is away it stays."""
        try:
            await self._nodes.run(self._table.release)
        except Unavailable as error:
            log.warning("what waits to be placed stays here: %s", error)
        else:
            runner.release()
