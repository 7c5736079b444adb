"""What REST may see and do of live queues: their sizes, their members, and taking a member out."""

from datetime import datetime
from functools import partial

from msgspec import Struct

from callapi.base.errors import CallApiError
from callapi.base.ids import AccountSid, CallSid, QueueSid
from callapi.calls.documents.document import DocumentRequest, Script
from callapi.calls.queues.directory import Queues
from callapi.calls.queues.queue import LiveQueue, Ticket
from callapi.store import QueueRecord

FRONT = "Front"


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
    """Commands for the queues of this node."""

    def __init__(self, queues: Queues, script: Script) -> None:
        self._queues = queues
        self._script = script

    def figures(self, record: QueueRecord) -> QueueFigures:
        """How the queue stands."""
        live = self._queues.live(record.sid)
        if live is None:
            return QueueFigures(record, 0, 0)
        return QueueFigures(record, len(live.line), live.line.average_wait_s(live.now()))

    def members(self, record: QueueRecord) -> tuple[MemberView, ...]:
        """Those who wait, the first first."""
        live = self._queues.live(record.sid)
        if live is None:
            return ()
        return tuple(
            _view(live, live.tickets[each.call_sid], at) for at, each in enumerate(live.line.order(), 1)
        )

    def member(self, record: QueueRecord, key: str) -> MemberView:
        """One member, by the sid of its call, or the first (`Front`). Raises MemberUnknown."""
        for each in self.members(record):
            if key in {FRONT, each.call_sid}:
                return each
        raise MemberUnknown(f"{key} is not in the queue {record.friendly_name}")

    def dequeue(self, record: QueueRecord, key: str, request: DocumentRequest) -> MemberView:
        """Take a member out: its call runs the document of `request`. Raises MemberUnknown."""
        member = self.member(record, key)
        live = self._queues.live(record.sid)
        if live is not None:
            call = live.tickets[member.call_sid].call
            call.redirect(partial(self._script, call, request))
        return member

    def changed(self, record: QueueRecord) -> None:
        """The queue has another name or size."""
        self._queues.changed(record)

    def removed(self, record: QueueRecord) -> None:
        """The queue is deleted."""
        self._queues.removed(record)


def _view(live: LiveQueue, ticket: Ticket, position: int) -> MemberView:
    return MemberView(
        account_sid=live.record.account_sid,
        queue_sid=live.record.sid,
        call_sid=ticket.call.sid,
        date_enqueued=ticket.arrived_at,
        position=position,
        wait_time=ticket.wait_s(),
    )
