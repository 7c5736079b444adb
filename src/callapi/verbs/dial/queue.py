"""`<Dial><Queue>`: the caller, an agent, is joined with the first of a queue."""

import asyncio
from functools import partial

from callapi.calls.bridges.bridge import bridged
from callapi.calls.documents.document import DocumentRequest
from callapi.calls.one_shot import first_of
from callapi.calls.parameters import Parameters, present
from callapi.calls.problem import Problem
from callapi.calls.queues.queue import LiveQueue, Ticket
from callapi.calls.status import CallStatus
from callapi.rcml import Dial, Queue
from callapi.store import Unavailable
from callapi.verbs.execution import Execution, GoTo, Next, Outcome
from callapi.verbs.mode import Mode
from callapi.verbs.waiting import silence

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


class _Service:
    """One agent's serving of one caller."""

    def __init__(self, verb: Dial, noun: Queue, execution: Execution) -> None:
        self._verb = verb
        self._noun = noun
        self._execution = execution
        self._served: Ticket | None = None
        self._joined_s: float | None = None

    def parameters(self, unserved: CallStatus) -> Parameters:
        """What `action` is sent; `unserved` is the status if no caller was joined."""
        joined = self._joined_s
        return present(
            (
                ("DialCallStatus", (unserved if joined is None else CallStatus.COMPLETED).value),
                ("DialCallSid", self._served.call.sid if self._served and joined is not None else None),
                ("DialCallDuration", int((joined or 0.0) + 0.5)),
                ("DialBridged", "false" if joined is None else "true"),
            )
        )

    async def serve(self, queue: LiveQueue) -> None:
        """Join the agent with the first caller that is still there when it is ready; wait at most `timeout` for one."""
        agent = self._execution.call
        tone = agent.leg.stream.play_tone(self._verb.ring_tone)
        try:
            async with asyncio.timeout(self._verb.timeout):
                while True:
                    ticket = await queue.next()
                    if await self._prepare(ticket):
                        break
        except TimeoutError:
            return
        finally:
            tone.stop()
        await self._join(ticket)

    async def _prepare(self, ticket: Ticket) -> bool:
        """Run `url` on the caller's end; whether the caller is still there."""
        try:
            if self._noun.url is not None and not ticket.gone.is_set:
                heard = self._execution.beside(Mode.HEARD, ticket.call)
                heard.extra = partial(self._url_parameters, ticket)
                request = heard.request(self._noun.url, self._noun.method)
                await first_of(_run(heard, request), _gone(ticket))
        except asyncio.CancelledError:
            ticket.queue.give_back(ticket)
            raise
        return not ticket.gone.is_set

    def _url_parameters(self, ticket: Ticket) -> Parameters:
        return present(
            (
                ("QueueSid", ticket.queue.record.sid),
                ("QueueTime", ticket.wait_s()),
                ("DequeingCallSid", self._execution.call.sid),
            )
        )

    async def _join(self, ticket: Ticket) -> None:
        """Until either leaves, `timeLimit` is up, or the agent presses its star."""
        agent, verb = self._execution.call, self._verb
        self._served = ticket
        self._execution.step("joined")
        clock = asyncio.get_running_loop().time
        joined_at = clock()
        ticket.bridged()
        try:
            with bridged(self._execution.services.plane, agent, ticket.call):
                async with asyncio.timeout(verb.time_limit):
                    await first_of(_gone(ticket), self._star())
        except TimeoutError:
            pass
        finally:
            self._joined_s = clock() - joined_at
            ticket.released.set(None)
            ticket.changed.ring()

    async def _star(self) -> None:
        if not self._verb.hangup_on_star:
            await silence()
        while await self._execution.call.digits.get() != "*":
            pass


async def _gone(ticket: Ticket) -> None:
    await ticket.gone.wait()


async def _run(heard: Execution, request: DocumentRequest) -> None:
    await heard.documents(heard, request)
