"""The queue of calls over REST where other nodes can take it over: the `QueueKeeper` of a node among others."""

import asyncio
import logging
from functools import partial
from typing import Final

from msgspec import MsgspecError
from msgspec.json import Decoder, Encoder

from callapi.base.ids import AccountSid, CallSid
from callapi.base.retrying import retried
from callapi.calls.commands import CreateCall
from callapi.calls.placing.queue import QueuedCall
from callapi.calls.placing.queue_runner import QueueRunner
from callapi.cluster import Member
from callapi.store import AccountUse, Nodes, QueueTable, Unavailable

log = logging.getLogger(__name__)

_ENCODER: Final = Encoder()
_DECODER: Final = Decoder(CreateCall)


class SharedQueue:
    """Keeps what waits in the database, and claims what no node has any more."""

    def __init__(self, nodes: Nodes, member: Member, *, max_waiting: int, calls_per_second: float) -> None:
        """An account has `max_waiting` places, and `calls_per_second` (0: no limit), over all nodes."""
        self._nodes = nodes
        self._member = member
        self._table = QueueTable(nodes.engine, nodes.owner.name)
        self._use = AccountUse(nodes.engine, nodes.owner.name)
        self._max_waiting = max_waiting
        self._rate = calls_per_second
        self._ended: asyncio.Queue[CallSid] = asyncio.Queue()  # no more than there are places
        self._own: set[CallSid] = set()
        """What this node has in the table as far as it knows."""
        self._has_lost = False
        """The answer to a claim was lost: rows may be this node's that it does not know of."""
        self._is_taken: set[CallSid] = set()
        """Calls of which it is not known whether they were taken out: the answer was lost."""

    async def keep(self, waiting: QueuedCall) -> bool:
        """As `QueueKeeper`."""
        record, command = waiting.record, _ENCODER.encode(waiting.command).decode()
        self._own.add(record.sid)
        is_kept = await self._nodes.run(
            self._table.keep, record.sid, record.account_sid, command, self._max_waiting
        )
        if not is_kept:
            self._own.discard(record.sid)
        return is_kept

    async def claim(self, sid: CallSid) -> bool:
        """As `QueueKeeper`."""
        try:
            is_own = await self._nodes.run(self._table.remove, sid)
        except Unavailable:
            self._is_taken.add(sid)
            raise
        # No other node takes what is this one's: if its row is gone now, it was taken out before, and the answer lost.
        is_own = is_own or sid in self._is_taken
        self._forget(sid)
        return is_own

    def _forget(self, sid: CallSid) -> None:
        self._own.discard(sid)
        self._is_taken.discard(sid)

    async def turn(self, account: AccountSid) -> float:
        """As `QueueKeeper`."""
        return await self._nodes.run(self._use.turn, account, self._rate) if self._rate else 0.0

    def ended(self, sid: CallSid) -> None:
        """As `QueueKeeper`."""
        self._forget(sid)
        self._ended.put_nowait(sid)

    async def forget(self) -> None:
        """Remove what waits no more, until cancelled."""
        while True:
            sid = await self._ended.get()
            await retried(partial(self._nodes.run, self._table.remove, sid), Unavailable)

    async def take_over(self, runner: QueueRunner) -> None:
        """Place what other nodes have left, until cancelled; each heartbeat says whether there is some."""
        while True:
            await self._member.readings.wait()
            if self._member.has_free_calls or self._has_lost:
                await self.claim_for(runner)

    async def claim_for(self, runner: QueueRunner) -> None:
        """One round of it."""
        if runner.is_closed:
            return
        known = tuple(self._own) if self._has_lost else None
        try:
            kept = await self._nodes.run(self._table.claim, known)
        except Unavailable:
            self._has_lost = True  # perhaps; the next round sees
            return
        self._has_lost = False
        self._own.update(each.record.sid for each in kept)
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
            for each in runner.release():
                self._forget(each.record.sid)
