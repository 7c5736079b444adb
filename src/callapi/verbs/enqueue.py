"""`<Enqueue>`: the caller waits in a queue until an agent dials in, and `<Leave>`, which ends the waiting."""

import asyncio
from functools import partial

from callapi.base.errors import CallApiError
from callapi.calls.conferences.options import HeldAudio
from callapi.calls.one_shot import first_of
from callapi.calls.parameters import Parameters, present
from callapi.calls.problem import Problem
from callapi.calls.queues.queue import QueueFull, QueueResult, Ticket, TicketState
from callapi.rcml import Enqueue, Leave
from callapi.verbs.execution import End, Execution, GoTo, Left, Next, Outcome, StoryResult
from callapi.verbs.mode import Mode
from callapi.verbs.waiting import PAUSE_S, play_music, silence

QUEUE_FAILED = 60_081


async def leave(_: Leave, __: Execution) -> Outcome:
    """Leave the queue; the document of its `<Enqueue>` goes on."""
    return Left()


async def enqueue(verb: Enqueue, execution: Execution) -> Outcome:
    """Wait, be served, go on. A caller that leaves on any line of this has its `action` requested, once."""
    call = execution.call
    call.answer()
    execution.sounded()
    try:
        queue = await execution.services.queues.open(call.record.account_sid, verb.name, verb.max_size)
        ticket = queue.enter(call, verb.priority, verb.max_size)
    except QueueFull:
        return _full(verb, execution)
    except CallApiError as error:
        text = f"queue {verb.name!r}: {error}"
        call.notify(Problem(QUEUE_FAILED, text, line=verb.line, column=verb.column))
        return _go_on(verb, execution, (("QueueResult", QueueResult.SYSTEM_ERROR.value),))
    execution.step("waiting")
    ended_by_verb = False
    try:
        await ticket.admission()
        result, ended_by_verb = await _wait(verb, ticket, execution)
    except QueueFull:
        return _full(verb, execution)
    except asyncio.CancelledError:
        parameters = _parameters(ticket, _why_cancelled(ticket))
        ticket.leave()
        if verb.action:
            request = execution.request(verb.action, verb.method, parameters)
            call.run_detached(partial(execution.notify, request))
        raise
    finally:
        ticket.leave()
    if ended_by_verb:
        if verb.action:
            request = execution.request(verb.action, verb.method, _parameters(ticket, result))
            call.run_detached(partial(execution.notify, request))
        return End()
    return _go_on(verb, execution, _parameters(ticket, result))


async def _wait(verb: Enqueue, ticket: Ticket, execution: Execution) -> tuple[QueueResult, bool]:
    """How the caller left the queue; True if its waiting document has ended the call."""
    while not ticket.released.is_set:
        state = ticket.state
        waiting = _hear(verb, ticket, execution) if state is TicketState.WAITING else _nothing()
        outcome = await first_of(_released(ticket), _changes(ticket, state), waiting)
        if outcome is StoryResult.LEFT and ticket.state is TicketState.WAITING:
            return QueueResult.LEAVE, False
        if outcome is StoryResult.ENDED_BY_VERB and ticket.state is TicketState.WAITING:
            execution.call.hang_up("Hangup in the document of waitUrl")
            return QueueResult.HANGUP, True
    return QueueResult.BRIDGED, False


async def _hear(verb: Enqueue, ticket: Ticket, execution: Execution) -> StoryResult | None:
    """The document of `waitUrl`, again and again, each time with the present position."""
    waiting = execution.beside(Mode.QUEUED)
    waiting.extra = ticket.parameters
    audio = HeldAudio(verb.wait_url, verb.wait_method.value)
    if not audio.url:
        await (play_music(waiting) if audio.url is None else silence())
    clock = asyncio.get_running_loop().time
    while True:
        begun = clock()
        result = await waiting.documents(
            waiting, waiting.request(execution.resolve(audio.url or ""), audio.method)
        )
        if result in {StoryResult.LEFT, StoryResult.ENDED_BY_VERB}:
            return result
        if result is StoryResult.BROKEN:
            await play_music(waiting)
        if clock() - begun < PAUSE_S:
            await asyncio.sleep(PAUSE_S)
            waiting.sounded()


async def _nothing() -> None:
    await silence()


async def _released(ticket: Ticket) -> None:
    await ticket.released.wait()


async def _changes(ticket: Ticket, state: TicketState) -> None:
    while ticket.state is state:
        await ticket.changed.wait()


def _why_cancelled(ticket: Ticket) -> QueueResult:
    was_redirected = not ticket.call.ended.is_set
    match ticket.state:
        case TicketState.BRIDGED:
            return QueueResult.REDIRECTED_FROM_BRIDGED if was_redirected else QueueResult.BRIDGED
        case TicketState.TAKEN:
            return QueueResult.REDIRECTED if was_redirected else QueueResult.BRIDGING
        case TicketState.WAITING:
            return QueueResult.REDIRECTED if was_redirected else QueueResult.HANGUP


def _parameters(ticket: Ticket, result: QueueResult) -> Parameters:
    return present(
        (
            ("QueueResult", result.value),
            ("QueueSid", ticket.queue.record.sid),
            ("QueueTime", ticket.wait_s()),
        )
    )


def _full(verb: Enqueue, execution: Execution) -> Outcome:
    return _go_on(verb, execution, (("QueueResult", QueueResult.FULL.value),))


def _go_on(verb: Enqueue, execution: Execution, parameters: Parameters) -> Outcome:
    if not verb.action:
        return Next()
    return GoTo(execution.request(verb.action, verb.method, parameters, must_arrive=True))
