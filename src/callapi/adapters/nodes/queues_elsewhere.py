"""Queues of callers over all nodes: the places of this node's calls, those of others, and legs from agent to caller."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

from msgspec import MsgspecError, Struct
from msgspec.json import Decoder, Encoder
from msgspec.structs import replace

from callapi.adapters.nodes.guests import Expected, Guests
from callapi.base.ids import AccountSid, CallSid, QueueSid
from callapi.calls.call import Call
from callapi.calls.documents.document import DocumentRequest
from callapi.calls.queues.directory import Queues
from callapi.calls.queues.elsewhere import GAVE_UP, AgentVisit, CallerGone
from callapi.calls.queues.queue import LiveQueue, Ticket
from callapi.cluster import Commands, Member, NodeGone
from callapi.store import Nodes, PlaceTable, QueuePlace, QueueState, StoreError, Unavailable

log = logging.getLogger(__name__)

TAKE: Final = "take\n"
LEAVE: Final = "leave\n"
DEQUEUE: Final = "dequeue\n"
"""What the texts of such commands begin with."""
_YES: Final = "yes"
_ENCODER: Final = Encoder()
_VISIT: Final = Decoder(AgentVisit)


class _Dequeue(Struct, frozen=True):
    """A member that REST takes out, and the document that it goes on with."""

    queue: QueueSid
    caller: CallSid
    request: DocumentRequest


_DEQUEUE: Final = Decoder(_Dequeue)


class AgentStory(Protocol):
    """What the leg of another node's agent does: `verbs/dial/guest`, handed in by `node/`."""

    def __call__(self, call: Call, visit: AgentVisit, ticket: Ticket) -> Coroutine[Any, Any, None]:
        """Serve the caller of `ticket` until either leaves."""
        ...


class Redirect(Protocol):
    """Takes callers of this node out of their queues: `calls.queues.control.QueueControl`."""

    def redirect(self, queue: QueueSid, caller: CallSid, request: DocumentRequest) -> bool:
        """Let a caller go on with a document; whether it was still in the queue."""
        ...


@dataclass(frozen=True, slots=True)
class _Own:
    """What this node has itself."""

    queues: Queues
    control: Redirect
    story: AgentStory


class QueuesOfOthers:
    """The `QueuesElsewhere` of a node among others."""

    def __init__(self, nodes: Nodes, member: Member, guests: Guests) -> None:
        self._nodes = nodes
        self._node = nodes.owner.name
        self._table = PlaceTable(nodes.engine, self._node, nodes.epoch)
        self._member = member
        self._guests = guests
        self._commands: Commands | None = None
        self._own: _Own | None = None
        self._changed: set[QueueSid] = set()
        self._has_changed = asyncio.Event()
        self._is_alone = False

    def open(self, queues: Queues, control: Redirect, story: AgentStory) -> None:
        """Show the `queues` of this node to others, whose agents live `story` here."""
        self._own = _Own(queues, control, story)

    def ask_through(self, commands: Commands) -> None:
        """Other nodes can be asked from now on."""
        self._commands = commands

    # --- the line ---------------------------------------------------------------------------------------------------

    def changed(self, queue: QueueSid) -> None:
        """As `QueuesElsewhere`."""
        self._changed.add(queue)
        self._has_changed.set()

    def heard(self, _node: str, queue: str) -> None:
        """News of another node: the places of a queue, or its record, have changed."""
        if self._own is not None and self._own.queues.live(QueueSid(queue)) is not None:
            self.changed(QueueSid(queue))

    async def serve(self) -> None:
        """Let this node and the others know who waits, until cancelled."""
        while True:
            await self._has_changed.wait()
            self._has_changed.clear()
            changed, self._changed = self._changed, set()
            for queue in changed:
                await self._keep(queue)

    async def look_again(self) -> None:
        """Look after the queues in use whenever the nodes were counted, until cancelled.

        Callers of a node that is dead are out of line then, and nothing is missed for long.
        """
        while True:
            await self._member.readings.wait()
            for queue in self._own.queues.in_use() if self._own is not None else ():
                self.changed(queue)

    async def _keep(self, queue: QueueSid) -> None:
        """Write the places of this node, and take in those of others."""
        if self._own is None:
            return
        live = self._own.queues.live(queue)
        own = live.own_places() if live is not None else []
        places = [replace(each, node=self._node) for each in own]
        limits = live.arriving() if live is not None else {}
        try:
            state = await self._nodes.run(self._table.keep, queue, places, limits)
        except StoreError as error:
            if not self._is_alone:  # an outage is one line in the log
                log.warning("the queues of other nodes are not known: %s", error)
            self._is_alone = True
            if live is not None:
                live.stands_alone()
            return
        self._is_alone = False
        if live is not None:
            self._take_in(live, state, frozenset(each.call_sid for each in own))

    def _take_in(self, live: LiveQueue, state: QueueState, pushed: frozenset[CallSid]) -> None:
        assert self._own is not None  # noqa: S101 - it has the queue
        record = live.record
        if state.friendly_name is not None and (record.friendly_name, record.max_size) != (
            state.friendly_name,
            state.max_size,
        ):
            self._own.queues.changed(
                replace(record, friendly_name=state.friendly_name, max_size=state.max_size)
            )
        live.stands(state, self._node, pushed)

    async def agreed_sid(self, account: AccountSid, name: str, proposal: QueueSid) -> QueueSid:
        """As `QueuesElsewhere`."""
        return QueueSid(await self._nodes.run(self._table.agreed_sid, account, name, proposal))

    async def forget(self, account: AccountSid, name: str, queue: QueueSid) -> None:
        """As `QueuesElsewhere`."""
        await self._nodes.run(self._table.forget, account, name)
        await self._nodes.run(self._table.announce, queue)

    async def look(self, queues: Sequence[QueueSid]) -> Mapping[QueueSid, tuple[QueuePlace, ...]]:
        """As `QueuesElsewhere`."""
        found = await self._nodes.run(self._table.look, queues)
        return {
            QueueSid(queue): tuple(each for each in places if each.node != self._node)
            for queue, places in found.items()
        }

    # --- callers of others ------------------------------------------------------------------------------------------

    async def redirect(self, node: str, caller: CallSid, queue: QueueSid, request: DocumentRequest) -> bool:
        """As `QueuesElsewhere`."""
        if self._commands is None:
            raise NodeGone(f"the node {node} that has this call cannot be asked yet")
        command = _Dequeue(queue, caller, request)
        return await self._commands.ask(node, DEQUEUE + _ENCODER.encode(command).decode()) == _YES

    @asynccontextmanager
    async def visit(self, node: str, visit: AgentVisit) -> AsyncIterator[Call]:
        """As `QueuesElsewhere`."""
        entry = self._member.membership.running(node)
        if entry is None or self._commands is None:
            raise CallerGone(f"the node {node} that has the caller does not answer")
        try:
            # An agent that hangs up meanwhile does not come, and its caller is to be in line again at once.
            request = TAKE + _ENCODER.encode(visit).decode()
            user = await self._commands.ask(node, request, undo=LEAVE.__add__)
        except (NodeGone, Unavailable) as error:
            raise CallerGone(str(error)) from error
        if not user:
            raise CallerGone(f"{visit.caller} does not wait any more")
        async with self._guests.leg(entry, user, visit.record, visit.caller) as leg:
            reason: str | None = GAVE_UP
            try:
                # As long as its document takes: the agent's own `timeout` and the end of the node bound it.
                if not await leg.answered.wait():
                    raise CallerGone(f"{visit.caller} is gone")
                reason = None
                yield leg
            finally:
                leg.hang_up("the agent has left the caller", sip_reason=reason)

    # --- callers of this node ---------------------------------------------------------------------------------------

    async def take(self, request: str) -> str:
        """The handler of commands that begin with `TAKE`: the user to call, empty if the caller is not free."""
        try:
            visit = _VISIT.decode(request.removeprefix(TAKE))
        except MsgspecError:
            log.warning("an agent of a node of another version cannot be let in")
            return ""
        own = self._own
        live = own.queues.live(visit.queue_sid) if own is not None else None
        if own is None or live is None or self._guests.is_full:
            return ""
        ticket = live.take(visit.caller)
        if ticket is None:
            return ""
        story = partial(own.story, visit=visit, ticket=ticket)
        missed: Callable[[], None] = partial(live.give_back, ticket)
        return self._guests.expect(Expected(visit.record, visit.sip, story, missed))

    async def leave(self, request: str) -> str:
        """The handler of commands that begin with `LEAVE`: an agent for whom a caller was taken does not come."""
        self._guests.forget(request.removeprefix(LEAVE))
        return _YES

    async def dequeue(self, request: str) -> str:
        """The handler of commands that begin with `DEQUEUE`: empty if the caller is not in the queue."""
        try:
            command = _DEQUEUE.decode(request.removeprefix(DEQUEUE))
        except MsgspecError:
            log.warning("a caller cannot be taken out of its queue for a node of another version")
            return ""
        if self._own is None:
            return ""
        return _YES if self._own.control.redirect(command.queue, command.caller, command.request) else ""
