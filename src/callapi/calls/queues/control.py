"""What REST may see and do of live queues: their sizes, their members, and taking a member out."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

from msgspec import Struct

from callapi.base.clock import steady_time
from callapi.base.errors import CallApiError
from callapi.base.ids import AccountSid, CallSid, QueueSid
from callapi.calls.documents.document import DocumentRequest, Script
from callapi.calls.queues.directory import Queues
from callapi.calls.queues.line import Line, Place
from callapi.calls.queues.queue import MICROSECONDS, place_of
from callapi.store import QueueRecord

FRONT: Final = "Front"
MAX_FRONTS: Final = 10
"""How often a first caller that is served meanwhile makes way for the next before a request for it fails."""


class MemberUnknown(CallApiError):
    """The queue has no such member."""


class MemberView(Struct, frozen=True):
    """A member as REST shows it. `wait_time` is in seconds, `position` counts from 1."""

    account_sid: AccountSid
    queue_sid: QueueSid
    call_sid: CallSid
    date_enqueued: datetime
    position: int
    wait_time: int
    node: str = ""
    """The other node that has its call; empty for this one."""

    @property
    def sid(self) -> CallSid:
        """What lists are read by."""
        return self.call_sid


class QueueFigures(Struct, frozen=True):
    """A queue's record and how it stands."""

    record: QueueRecord
    current_size: int
    average_wait_time: int


class QueueControl:
    """Commands for queues, over all nodes where there are others."""

    def __init__(self, queues: Queues, script: Script) -> None:
        self._queues = queues
        self._script = script

    async def figures(self, records: Sequence[QueueRecord]) -> tuple[QueueFigures, ...]:
        """How these queues stand. Raises Unavailable."""
        lines = await self._lines(records)
        return tuple(_figures(each, lines[each.sid], self._queues.now()) for each in records)

    async def members(self, record: QueueRecord) -> tuple[MemberView, ...]:
        """Those who wait, the first first. Raises Unavailable."""
        line = (await self._lines((record,)))[record.sid]
        return tuple(_view(record, place, at, self._queues.now()) for at, place in enumerate(line.order(), 1))

    async def member(self, record: QueueRecord, key: str) -> MemberView:
        """One member, by the sid of its call, or the first (`Front`). Raises MemberUnknown, Unavailable."""
        for each in await self.members(record):
            if key in {FRONT, each.call_sid}:
                return each
        raise MemberUnknown(f"{key} is not in the queue {record.friendly_name}")

    async def dequeue(self, record: QueueRecord, key: str, request: DocumentRequest) -> MemberView:
        """Take a member out: its call runs the document of `request`.

        Raises:
            MemberUnknown: it is not in the queue.
            NodeGone: the node that has its call does not answer.
            Unavailable: the database is away.
        """
        for _ in range(MAX_FRONTS):
            member = await self.member(record, key)
            if await self._take_out(record, member, request):
                return member
        raise MemberUnknown(f"{key} is not in the queue {record.friendly_name}")

    async def _take_out(self, record: QueueRecord, member: MemberView, request: DocumentRequest) -> bool:
        if not member.node:
            return self.redirect(record.sid, member.call_sid, request)
        elsewhere = self._queues.elsewhere
        assert elsewhere is not None  # noqa: S101 - it has shown the member
        return await elsewhere.redirect(member.node, member.call_sid, record.sid, request)

    def redirect(self, queue: QueueSid, caller: CallSid, request: DocumentRequest) -> bool:
        """Take a caller of this node out; whether it was still there."""
        live = self._queues.live(queue)
        if live is None or caller not in live.line or (ticket := live.tickets.get(caller)) is None:
            return False
        ticket.call.redirect(partial(self._script, ticket.call, request))
        return True

    async def changed(self, before: QueueRecord, record: QueueRecord) -> None:
        """The queue has another name or size. Raises Unavailable."""
        self._queues.changed(record)
        if self._queues.elsewhere is not None:
            await self._queues.elsewhere.forget(before.account_sid, before.friendly_name, before.sid)

    async def removed(self, record: QueueRecord) -> None:
        """The queue is deleted. Raises Unavailable."""
        self._queues.removed(record)
        if self._queues.elsewhere is not None:
            await self._queues.elsewhere.forget(record.account_sid, record.friendly_name, record.sid)

    async def _lines(self, records: Sequence[QueueRecord]) -> dict[QueueSid, Line]:
        """Who waits in each: the callers of this node as they are now, and those of others as they are known."""
        lines: dict[QueueSid, Line] = {}
        elsewhere = self._queues.elsewhere
        others = await elsewhere.look([each.sid for each in records]) if elsewhere is not None else {}
        now, instant = self._queues.now(), steady_time()
        for record in records:
            line = lines[record.sid] = Line()
            line.show_others(
                place_of(each, now, instant) for each in others.get(record.sid, ()) if not each.is_agent
            )
            live = self._queues.live(record.sid)
            for each in live.line.order() if live is not None else ():
                if not each.node:
                    line.put_back(each)
        return lines


def _figures(record: QueueRecord, line: Line, now: float) -> QueueFigures:
    return QueueFigures(record, len(line), line.average_wait_s(now))


def _view(record: QueueRecord, place: Place, position: int, now: float) -> MemberView:
    return MemberView(
        account_sid=record.account_sid,
        queue_sid=record.sid,
        call_sid=place.call_sid,
        date_enqueued=datetime.fromtimestamp(place.number / MICROSECONDS, UTC),
        position=position,
        wait_time=int(now - place.since),
        node=place.node,
    )
