"""One live queue: callers who wait, agents who wait for callers, and which of them belong together."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import Enum, StrEnum
from typing import Final

from callapi.base.clock import steady_time, utc_now
from callapi.base.errors import CallApiError
from callapi.base.ids import CallSid
from callapi.base.notifier import Notifier
from callapi.calls.bridges.joined import InQueue
from callapi.calls.call import Call
from callapi.calls.one_shot import OneShot
from callapi.calls.parameters import Parameters, present
from callapi.calls.queues.elsewhere import QueuesElsewhere
from callapi.calls.queues.line import Line, Place
from callapi.store import QueuePlace, QueueRecord, QueueState

MICROSECONDS: Final = 1_000_000
"""In a second: arrivals are numbered by their instants."""


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

    __slots__ = (
        "admitted",
        "arrived_at",
        "call",
        "changed",
        "entered_at",
        "gone",
        "limit",
        "place",
        "queue",
        "released",
        "state",
    )

    def __init__(self, queue: "LiveQueue", call: Call, limit: int) -> None:
        self.queue = queue
        self.call = call
        self.limit = limit
        """The number of callers at which it is refused."""
        self.arrived_at: datetime = utc_now()
        self.entered_at = queue.now()
        self.state = TicketState.WAITING
        self.place: Place | None = None
        """Its place in line, while an agent has taken it: it may be given back."""
        self.changed = Notifier()
        self.admitted: OneShot[bool] = OneShot()
        """Whether there is room for it, as far as other nodes' callers fill the queue too."""
        self.released: OneShot[None] = OneShot()
        """The agent has parted from it: its document goes on."""
        self.gone: OneShot[None] = OneShot()
        """The caller itself left: its agent parts from it."""

    def wait_s(self) -> int:
        """How long it has been in the queue, in whole seconds."""
        return int(self.queue.now() - self.entered_at)

    async def admission(self) -> None:
        """Until its place in line is known. Raises QueueFull."""
        if not await self.admitted.wait():
            raise QueueFull(f"the queue {self.queue.record.friendly_name!r} is full")

    def bridged(self) -> None:
        """An agent and the caller hear each other."""
        self.state = TicketState.BRIDGED
        self.changed.ring()

    def release(self) -> None:
        """The agent parts from the caller, whose document goes on."""
        self.released.set(None)
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


class Agent:
    """An agent at a queue, from its arrival until it is joined or gives up: it keeps its turn."""

    __slots__ = ("call_sid", "found", "number")

    def __init__(self, call_sid: CallSid, number: int) -> None:
        self.call_sid = call_sid
        self.number = number
        self.found: asyncio.Future[Ticket | Place] | None = None


class LiveQueue:
    """A queue that calls of this node use. `now` is monotonic seconds."""

    def __init__(
        self,
        record: QueueRecord,
        now: Callable[[], float],
        elsewhere: QueuesElsewhere | None = None,
        on_idle: Callable[["LiveQueue"], None] | None = None,
    ) -> None:
        """`elsewhere`: its callers and agents on other nodes; `on_idle`: no call of this node uses it any more."""
        self.record = record
        self.now = now
        self.line = Line()
        self.tickets: dict[CallSid, Ticket] = {}
        self._agents: list[Agent] = []
        self._agents_elsewhere: list[int] = []
        self._present = 0
        self._elsewhere = elsewhere
        self._on_idle = on_idle
        self._last_number = 0

    def enter(self, call: Call, priority: int, max_size: int) -> Ticket:
        """A place for `call`; an agent who waits takes it at once. Raises QueueFull."""
        limit = min(max_size, self.record.max_size)
        if len(self.line) >= limit:
            self._leave_if_idle()
            raise QueueFull(f"the queue {self.record.friendly_name!r} is full")
        ticket = Ticket(self, call, limit)
        if self._elsewhere is None:
            ticket.admitted.set(True)
        self.tickets[call.sid] = ticket
        self.line.enter(call.sid, priority, ticket.entered_at, self._number())
        call.join(InQueue(self.record.sid, self.record.friendly_name))
        self._changed()
        return ticket

    def remove(self, ticket: Ticket) -> None:
        """The caller is gone."""
        self.line.leave(ticket.call.sid)
        if self.tickets.get(ticket.call.sid) is ticket:
            del self.tickets[ticket.call.sid]
        if isinstance(ticket.call.joined, InQueue):
            ticket.call.part()
        self._changed()
        self._leave_if_idle()

    @contextmanager
    def agent(self, call_sid: CallSid) -> Iterator[Agent]:
        """An agent, who may ask for one caller after another without a loss of its turn."""
        self._present += 1
        try:
            yield Agent(call_sid, self._number())
        finally:
            self._present -= 1
            self._leave_if_idle()

    async def next(self, agent: Agent) -> Ticket | Place:
        """The first in line, waiting for one; agents are served in the order in which they came. Safe to cancel.

        A place is that of a caller on another node, which decides whether the caller is still free.
        """
        found: asyncio.Future[Ticket | Place] = asyncio.get_running_loop().create_future()
        agent.found = found
        self._agents.append(agent)
        self._changed()
        try:
            return await found
        except asyncio.CancelledError:
            if found.done() and not found.cancelled() and isinstance(taken := found.result(), Ticket):
                self.give_back(taken)
            raise
        finally:
            if agent in self._agents:
                self._agents.remove(agent)
            self._changed()

    def take(self, caller: CallSid) -> Ticket | None:
        """Take a caller for an agent of another node; None: it does not wait any more."""
        ticket = self.tickets.get(caller)
        if ticket is None or ticket.state is not TicketState.WAITING or caller not in self.line:
            return None
        self._take(ticket)
        self._changed()
        return ticket

    def give_back(self, ticket: Ticket) -> None:
        """The agent is gone before the two were joined: the caller has its old place again."""
        if ticket.gone.is_set or ticket.released.is_set or ticket.place is None:
            return
        self.line.put_back(ticket.place)
        ticket.place = None
        ticket.state = TicketState.WAITING
        ticket.call.join(InQueue(self.record.sid, self.record.friendly_name))
        ticket.changed.ring()
        self._changed()

    # --- over all nodes ---------------------------------------------------------------------------------------------

    def own_places(self) -> list[QueuePlace]:
        """The calls of this node that wait, as other nodes are to see them."""
        callers = [
            QueuePlace(each.call_sid, "", is_agent=False, priority=each.priority, number=each.number)
            for each in self.line.order()
            if not each.node
        ]
        agents = [
            QueuePlace(each.call_sid, "", is_agent=True, priority=0, number=each.number)
            for each in self._agents
        ]
        return callers + agents

    def arriving(self) -> dict[CallSid, int]:
        """Callers whose place is not certain yet, each with the number of callers at which it is refused."""
        return {
            sid: each.limit
            for sid, each in self.tickets.items()
            if not each.admitted.is_set and each.state is TicketState.WAITING
        }

    def stands(self, state: QueueState, node: str, pushed: frozenset[CallSid]) -> None:
        """The queue over all nodes; `pushed` are the calls of this one (`node`) that the others know now."""
        others = [each for each in state.places if each.node not in {node, ""}]
        now, instant = self.now(), steady_time()
        self.line.show_others(place_of(each, now, instant) for each in others if not each.is_agent)
        self._agents_elsewhere = [each.number for each in others if each.is_agent]
        for sid in pushed:
            if (ticket := self.tickets.get(sid)) is not None:
                ticket.admitted.set(sid not in state.refused)
        self._serve()

    def stands_alone(self) -> None:
        """Nothing is known of other nodes: the database is away. This node serves its own callers meanwhile."""
        self.line.show_others(())
        self._agents_elsewhere = []
        for ticket in self.tickets.values():
            ticket.admitted.set(True)
        self._serve()

    def _changed(self) -> None:
        self._serve()
        if self._elsewhere is not None:
            self._elsewhere.changed(self.record.sid)

    def _leave_if_idle(self) -> None:
        if self._on_idle is not None and not self.tickets and not self._present:
            self._on_idle(self)

    # --- who belongs to whom ----------------------------------------------------------------------------------------

    def _number(self) -> int:
        self._last_number = max(self._last_number + 1, int(steady_time() * MICROSECONDS))
        return self._last_number

    def _serve(self) -> None:
        """Give the first agent the first caller, the second the second; those of other nodes are served there."""
        if not self._agents or not len(self.line):
            return
        own = {each.number: each for each in self._agents}
        numbers = sorted((*own, *self._agents_elsewhere))
        for number, place in zip(numbers, self.line.order(), strict=False):
            agent = own.get(number)
            if agent is None or agent.found is None or agent.found.done():
                continue
            self._agents.remove(agent)
            if place.node:
                self.line.leave(place.call_sid)
                agent.found.set_result(place)
            else:
                ticket = self.tickets[place.call_sid]
                self._take(ticket)
                agent.found.set_result(ticket)

    def _take(self, ticket: Ticket) -> None:
        ticket.place = self.line.leave(ticket.call.sid)
        ticket.state = TicketState.TAKEN
        ticket.admitted.set(True)
        if isinstance(ticket.call.joined, InQueue):
            ticket.call.part()
        ticket.changed.ring()


def place_of(place: QueuePlace, now: float, instant: float) -> Place:
    """A caller of another node in line; `now` is this node's monotonic time, `instant` that of the database's clock."""
    since = now - (instant - place.number / MICROSECONDS)
    return Place(place.call_sid, place.priority, place.number, since, place.node)
