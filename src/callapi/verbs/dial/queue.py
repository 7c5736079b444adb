"""`<Dial><Queue>`: the caller, an agent, is joined with the first of a queue, whatever node has that caller."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from msgspec import Struct

from callapi.base.ids import CallSid
from callapi.calls.bridges.bridge import bridged
from callapi.calls.call import Call
from callapi.calls.one_shot import first_of
from callapi.calls.parameters import Parameters, present
from callapi.calls.problem import Problem
from callapi.calls.queues.elsewhere import AgentVisit, CallerGone
from callapi.calls.queues.line import Place
from callapi.calls.queues.queue import LiveQueue, Ticket
from callapi.calls.status import CallStatus
from callapi.rcml import Dial, Queue
from callapi.store import Unavailable
from callapi.verbs.execution import Execution, GoTo, Next, Outcome
from callapi.verbs.mode import Mode
from callapi.verbs.waiting import star

UNKNOWN_QUEUE = 60_082


async def dial_queue(verb: Dial, noun: Queue, execution: Execution) -> Outcome:
    """Wait for a caller, join it, request `action`. An agent that leaves has its `action` requested, once."""
    agent = execution.call
    agent.answer()
    execution.sounded()
    service = _Service(verb, noun, execution)
    try:
        queue = await _find(noun, execution)
        if queue is not None:
            await service.serve(queue)
    except asyncio.CancelledError:
        if verb.action:
            request = execution.request(verb.action, verb.method, service.parameters(CallStatus.CANCELED))
            agent.run_detached(partial(execution.notify, request))
        raise
    if not verb.action:
        return Next()
    failed = CallStatus.FAILED if queue is None else CallStatus.NO_ANSWER
    return GoTo(execution.request(verb.action, verb.method, service.parameters(failed), must_arrive=True))


async def _find(noun: Queue, execution: Execution) -> LiveQueue | None:
    try:
        queue = await execution.services.queues.find(execution.call.record.account_sid, noun.name)
    except Unavailable:
        queue = None
    if queue is None:
        text = f"there is no queue {noun.name!r}"
        execution.call.notify(Problem(UNKNOWN_QUEUE, text, line=noun.line, column=noun.column))
    return queue


class _Caller(Struct, frozen=True):
    """A caller who is ready for the agent: itself, or the leg to its node."""

    sid: CallSid
    call: Call
    ticket: Ticket | None

    async def gone(self) -> None:
        """Until it leaves."""
        if self.ticket is None:
            await self.call.ended.wait()
        else:
            await self.ticket.gone.wait()


class _Service:
    """One agent's serving of one caller."""

    def __init__(self, verb: Dial, noun: Queue, execution: Execution) -> None:
        self._verb = verb
        self._noun = noun
        self._execution = execution
        self._served: CallSid | None = None
        self._joined_s: float | None = None

    def parameters(self, unserved: CallStatus) -> Parameters:
        """What `action` is sent; `unserved` is the status if no caller was joined."""
        joined = self._joined_s
        return present(
            (
                ("DialCallStatus", (unserved if joined is None else CallStatus.COMPLETED).value),
                ("DialCallSid", self._served if joined is not None else None),
                ("DialCallDuration", int((joined or 0.0) + 0.5)),
                ("DialBridged", "false" if joined is None else "true"),
            )
        )

    async def serve(self, queue: LiveQueue) -> None:
        """Join the agent with the first caller that is still there when it is ready; wait at most `timeout` for one."""
        agent = self._execution.call
        async with AsyncExitStack() as stack:
            tone = agent.leg.stream.play_tone(self._verb.ring_tone)
            try:
                async with asyncio.timeout(self._verb.timeout):
                    caller = await self._find(queue, stack)
            except TimeoutError:
                return
            finally:
                tone.stop()
            await self._join(caller)

    async def _find(self, queue: LiveQueue, stack: AsyncExitStack) -> _Caller:
        agent_sid = self._execution.call.sid
        with queue.agent(agent_sid) as agent:
            while True:
                match await queue.next(agent):
                    case Ticket() as ticket:
                        url, method = self._document()
                        if await prepare(ticket, self._execution, url, method):
                            return _Caller(ticket.call.sid, ticket.call, ticket)
                    case Place() as place:
                        if (leg := await self._visit(queue, place, stack)) is not None:
                            return _Caller(place.call_sid, leg, None)

    def _document(self) -> tuple[str | None, str]:
        url = self._noun.url
        return self._execution.resolve(url) if url is not None else None, self._noun.method

    async def _visit(self, queue: LiveQueue, place: Place, stack: AsyncExitStack) -> Call | None:
        """A leg to a caller on another node; None if the caller is not free any more."""
        elsewhere, agent = self._execution.services.queues.elsewhere, self._execution.call
        assert elsewhere is not None  # noqa: S101 - the place is of another node
        url, method = self._document()
        visit = AgentVisit(agent.record, agent.sip, queue.record.sid, place.call_sid, url, method)
        try:
            return await stack.enter_async_context(elsewhere.visit(place.node, visit))
        except CallerGone:
            return None

    async def _join(self, caller: _Caller) -> None:
        """Until either leaves, `timeLimit` is up, or the agent presses its star."""
        self._served = caller.sid
        self._execution.step("joined")
        clock = asyncio.get_running_loop().time
        joined_at = clock()
        try:
            async with asyncio.timeout(self._verb.time_limit):
                if caller.ticket is not None:
                    await talk(
                        caller.ticket, self._execution, self._until_over(caller), caller.ticket.release
                    )
                else:
                    with bridged(self._execution.services.plane, self._execution.call, caller.call):
                        await self._until_over(caller)
        except TimeoutError:
            pass
        finally:
            self._joined_s = clock() - joined_at

    async def _until_over(self, caller: _Caller) -> None:
        await first_of(caller.gone(), star(self._verb, self._execution.call))


async def prepare(ticket: Ticket, execution: Execution, url: str | None, method: str) -> bool:
    """Run the document of `url` on the caller's end; whether the caller is still there.

    `execution` is the agent's; if it is cancelled meanwhile, the caller has its place in line again.
    """
    try:
        if url is not None and not ticket.gone.is_set:
            heard = execution.beside(Mode.HEARD, ticket.call)
            heard.extra = partial(_url_parameters, ticket, execution.call.sid)
            await first_of(_run(heard, url, method), _gone(ticket))
    except asyncio.CancelledError:
        ticket.queue.give_back(ticket)
        raise
    return not ticket.gone.is_set


async def talk(
    ticket: Ticket, execution: Execution, ended: Coroutine[Any, Any, None], parted: Callable[[], None]
) -> None:
    """Join the agent of `execution` with the caller until `ended`; `parted` says where the caller is then."""
    ticket.bridged()
    try:
        with bridged(execution.services.plane, execution.call, ticket.call):
            await ended
    finally:
        parted()


def _url_parameters(ticket: Ticket, agent: CallSid) -> Parameters:
    return present(
        (
            ("QueueSid", ticket.queue.record.sid),
            ("QueueTime", ticket.wait_s()),
            ("DequeingCallSid", agent),
        )
    )


async def _gone(ticket: Ticket) -> None:
    await ticket.gone.wait()


async def _run(heard: Execution, url: str, method: str) -> None:
    await heard.documents(heard, heard.request(url, method))
