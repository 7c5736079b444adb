"""`<Dial><Application>`: the caller is given to another application, and comes back when its documents end."""

import asyncio
from functools import partial
from typing import Final

from callapi.base.ids import ApplicationSid
from callapi.calls.documents.document import DocumentRequest
from callapi.calls.parameters import Parameters
from callapi.calls.problem import Problem
from callapi.calls.status import CallStatus
from callapi.rcml import Application, Dial
from callapi.verbs.execution import Execution, GoTo, Next, Outcome, StoryResult
from callapi.verbs.mode import Mode

NO_APPLICATION: Final = 60_071


async def dial_application(verb: Dial, noun: Application, execution: Execution) -> Outcome:
    """Run its documents on the caller's call; `Hangup` there ends them, and `timeLimit` bounds them."""
    call = execution.call
    clock = asyncio.get_running_loop().time
    began = clock()
    try:
        status = await _run(verb, noun, execution)
    except asyncio.CancelledError:
        if verb.action:
            request = _action(verb, execution, CallStatus.COMPLETED, clock() - began)
            call.run_detached(partial(execution.notify, request))
        raise
    if not verb.action:
        return Next()
    return GoTo(_action(verb, execution, status, clock() - began))


async def _run(verb: Dial, noun: Application, execution: Execution) -> CallStatus:
    call, services = execution.call, execution.services
    request = (
        await services.application_of(call.record.account_sid, ApplicationSid(noun.sid)) if noun.sid else None
    )
    if request is None:
        text = f"<Dial><Application>: the account has no application {noun.sid or 'of that name'} with a voice URL"
        call.notify(Problem(NO_APPLICATION, text, line=noun.line, column=noun.column))
        return CallStatus.FAILED
    call.answer()
    inner = execution.beside(Mode.APPLICATION)
    parameters: Parameters = (("ApplicationSid", noun.sid), *noun.parameters)
    inner.extra = lambda: execution.extra() + parameters
    try:
        async with asyncio.timeout(verb.time_limit):
            result = await inner.documents(inner, request)
    except TimeoutError:
        return CallStatus.COMPLETED
    return CallStatus.FAILED if result is StoryResult.BROKEN else CallStatus.COMPLETED


def _action(verb: Dial, execution: Execution, status: CallStatus, seconds: float) -> DocumentRequest:
    duration = int(seconds + 0.5) if status is CallStatus.COMPLETED else 0
    parameters = (
        ("DialCallStatus", status.value),
        ("DialCallDuration", str(duration)),
        ("DialBridged", "true" if status is CallStatus.COMPLETED else "false"),
    )
    return execution.request(verb.action or "", verb.method, parameters, must_arrive=True)
