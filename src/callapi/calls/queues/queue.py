"""One live queue: callers who wait, agents who wait for callers, and which of them belong together."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from enum import Enum, StrEnum

from callapi.base.clock import utc_now
from callapi.base.errors import CallApiError
from callapi.base.ids import CallSid
from callapi.base.notifier import Notifier
from callapi.calls.bridges.joined import InQueue
from callapi.calls.call import Call
from callapi.calls.one_shot import OneShot
from callapi.calls.parameters import Parameters, present
from callapi.calls.queues.line import Line, Place
from callapi.store import QueueRecord


class QueueResult(StrEnum):
    """`QueueResult`: how a caller left a queue."""

    BRIDGED = "bridged"
    BRIDGING = "bridging-in-process"
    ERROR = "error"
    HANGUP = "hangup"
    LEAVE = "leave"
    REDIRECTED = "redirected"
    REDIRECTED_FROM_BRIDGED = "redirected-from-bridged"
    FULL = "queue-full"
    SYSTEM_ERROR = "system-error"


class QueueFull(CallApiError):
    """The queue has as many members as it may."""


class TicketState(Enum):
    """Where a caller stands."""

    WAITING = "waiting"
    TAKEN = "taken"
    BRIDGED = "bridged"


class Ticket:
    """A caller in a queue, from its arrival until it has left, served or not."""

    __slots__ = ("arrived_at", "call", "changed", "entered_at", "gone", "place", "queue", "released", "state")

    def __init__(self, queue: "LiveQueue", call: Call) -> None:
        self.queue = queue
        self.call = call
        self.arrived_at: datetime = utc_now()
        self.entered_at = queue.now()
        self.state = TicketState.WAITING
        self.place: Place | None = None
        """Its place in line, while an agent has taken it: it may be given back."""
        self.changed = Notifier()
        self.released: OneShot[None] = OneShot()
        """The agent has parted from it: its document goes on."""
        self.gone: OneShot[None] = OneShot()
        """The caller itself left: its agent parts from it."""

    def wait_s(self) -> int:
        """How long it has been in the queue, in whole seconds."""
        return int(self.queue.now() - self.entered_at)

    def bridged(self) -> None:
        """An agent and the caller hear each other."""
        self.state = TicketState.BRIDGED
        self.changed.ring()

    def leave(self) -> None:
        """The caller is out of the queue, however it stands. Idempotent."""
        self.queue.remove(self)
        self.gone.set(None)

    def parameters(self) -> Parameters:
        """What requests for `waitUrl` carry."""
        queue = self.queue
        return present(
            (
                ("QueuePosition", queue.line.position(self.call.sid)),
                ("QueueSid", queue.record.sid),
                ("QueueTime", self.wait_s()),
                ("AvgQueueTime", queue.line.average_wait_s(queue.now())),
                ("CurrentQueueSize", len(queue.line)),
                ("MaxQueueSize", queue.record.max_size),
            )
        )


class LiveQueue:
    """A queue of this node. `now` is monotonic seconds."""

    def __init__(self, record: QueueRecord, now: Callable[[], float]) -> None:
        self.record = record
        self.now = now
        self.line = Line()
        self.tickets: dict[CallSid, Ticket] = {}
        self._agents: list[asyncio.Future[Ticket]] = []

    def enter(self, call: Call, priority: int, max_size: int) -> Ticket:
        """A place for `call`; an agent who waits takes it at once. Raises QueueFull."""
        if len(self.line) >= min(max_size, self.record.max_size):
            raise QueueFull(f"the queue {self.record.friendly_name!r} is full")
        ticket = Ticket(self, call)
        self.tickets[call.sid] = ticket
        self.line.enter(call.sid, priority, ticket.entered_at)
        call.join(InQueue(self.record.sid, self.record.friendly_name))
        self._serve()
        return ticket

    def remove(self, ticket: Ticket) -> None:
        """The caller is gone."""
        self.line.leave(ticket.call.sid)
        if self.tickets.get(ticket.call.sid) is ticket:
            del self.tickets[ticket.call.sid]
        if isinstance(ticket.call.joined, InQueue):
            ticket.call.part()

    async def next(self) -> Ticket:
        """The first in line, waiting for one; agents are served in the order in which they came. Safe to cancel."""
        agent: asyncio.Future[Ticket] = asyncio.get_running_loop().create_future()
        self._agents.append(agent)
        self._serve()
        try:
            return await agent
        except asyncio.CancelledError:
            if agent.done() and not agent.cancelled():
                self.give_back(agent.result())
            raise
        finally:
            if agent in self._agents:
                self._agents.remove(agent)

    def give_back(self, ticket: Ticket) -> None:
        """The agent is gone before the two were joined: the caller has its old place again."""
        if ticket.gone.is_set or ticket.place is None:
            return
        self.line.put_back(ticket.place)
        ticket.place = None
        ticket.state = TicketState.WAITING
        ticket.call.join(InQueue(self.record.sid, self.record.friendly_name))
        ticket.changed.ring()
        self._serve()

    def _serve(self) -> None:
        while self._agents and len(self.line):
            agent = self._agents.pop(0)
            if agent.done():
                continue
            place = self.line.take_front()
            if place is None:
                return
            ticket = self.tickets[place.call_sid]
            ticket.place = place
            ticket.state = TicketState.TAKEN
            if isinstance(ticket.call.joined, InQueue):
                ticket.call.part()
            ticket.changed.ring()
            agent.set_result(ticket)
