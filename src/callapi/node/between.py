"""What reaches over to other nodes from within a call: conferences, queues, and the legs that both need."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

from callapi.adapters.nodes.guests import Guests
from callapi.adapters.nodes.other_nodes import carry_out
from callapi.adapters.nodes.queues_elsewhere import DEQUEUE, LEAVE, TAKE, QueuesOfOthers
from callapi.adapters.nodes.rooms_elsewhere import VISIT, RoomsOfOthers
from callapi.api.application import Application
from callapi.calls.events import EventBus, ProblemRaised
from callapi.calls.live import LiveCalls
from callapi.calls.queues.control import QueueControl
from callapi.cluster import Commands, Member
from callapi.node.services import run_services
from callapi.store import Nodes
from callapi.verbs.execution import Services
from callapi.verbs.interpreter import Interpreter

Handler = Callable[[str], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Between:
    """Conferences and queues over all nodes."""

    guests: Guests
    rooms: RoomsOfOthers
    queues: QueuesOfOthers

    @classmethod
    def of(cls, nodes: Nodes, member: Member) -> "Between":
        """Those of a node among others; `open` it."""
        guests = Guests(member)
        return cls(guests, RoomsOfOthers(nodes, member, guests), QueuesOfOthers(nodes, member, guests))

    async def open(
        self, legs: LiveCalls, services: Services, script: Interpreter, bus: EventBus, stack: AsyncExitStack
    ) -> None:
        """Let calls be on other nodes than what they join; `legs` are those between nodes, on a bus of their own."""
        await stack.enter_async_context(legs)
        legs.bus.attach(ProblemRaised, bus.publish)
        self.guests.open(legs)
        await self.rooms.open(services.conferences, script.be_guest, bus)
        self.queues.open(services.queues, QueueControl(services.queues, script), script.be_agent)
        tasks = (self.guests.watch(), self.rooms.release(), self.queues.serve(), self.queues.look_again())
        await run_services(tasks, stack)

    def ask_through(self, commands: Commands) -> None:
        """Other nodes can be asked from now on."""
        self.rooms.ask_through(commands)
        self.queues.ask_through(commands)


async def serve_commands(
    commands: Commands, application: Application, between: Between | None, stack: AsyncExitStack
) -> None:
    """Carry out what other nodes pass on."""
    kinds: dict[str, Handler] = {}
    if between is not None:
        between.ask_through(commands)
        queues = between.queues
        kinds = {VISIT: between.rooms.expect, TAKE: queues.take, LEAVE: queues.leave, DEQUEUE: queues.dequeue}
    handler = partial(_handle, kinds, partial(carry_out, application))
    await run_services((commands.serve(handler),), stack)


async def _handle(kinds: Mapping[str, Handler], rest: Handler, request: str) -> str:
    """Commands begin with the word of their kind; all others are requests of REST."""
    for prefix, handler in kinds.items():
        if request.startswith(prefix):
            return await handler(request)
    return await rest(request)
