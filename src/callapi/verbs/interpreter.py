"""The interpreter: fetches a document, executes its verbs in order, and follows where they lead to the next one."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from callapi.calls.arriving.refusals import reason
from callapi.calls.call import Call
from callapi.calls.conferences.elsewhere import Visit
from callapi.calls.documents.document import DocumentRequest
from callapi.calls.problem import Problem
from callapi.calls.queues.elsewhere import AgentVisit
from callapi.calls.queues.queue import Ticket
from callapi.rcml import (
    Connect,
    Dial,
    Document,
    Echo,
    Enqueue,
    Gather,
    Hangup,
    Leave,
    Pause,
    Play,
    Record,
    Redirect,
    Refer,
    Reject,
    Say,
    Start,
    Stop,
    Verb,
)
from callapi.verbs.audio.echo import echo
from callapi.verbs.audio.gather import gather
from callapi.verbs.audio.play import play
from callapi.verbs.audio.record import record
from callapi.verbs.audio.say import say
from callapi.verbs.connect import connect
from callapi.verbs.control import hangup, pause, redirect, reject
from callapi.verbs.dial.dial import dial
from callapi.verbs.dial.guest import be_agent, be_guest
from callapi.verbs.enqueue import enqueue, leave
from callapi.verbs.execution import End, Execution, GoTo, Left, Next, Outcome, Services, StoryResult
from callapi.verbs.mode import Mode, allows
from callapi.verbs.refer import refer
from callapi.verbs.start import start, stop

DIAL_IN_SCREENING: Final = 13201
NOT_ALLOWED_HERE: Final = 12_200

EXECUTORS: Final[dict[type, Callable[[Any, Execution], Awaitable[Outcome]]]] = {
    Connect: connect,
    Dial: dial,
    Echo: echo,
    Enqueue: enqueue,
    Gather: gather,
    Hangup: hangup,
    Leave: leave,
    Pause: pause,
    Play: play,
    Record: record,
    Redirect: redirect,
    Refer: refer,
    Reject: reject,
    Say: say,
    Start: start,
    Stop: stop,
}


class Interpreter:
    """The `Script` of every call of the node."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def __call__(self, call: Call, request: DocumentRequest) -> None:
        """Run the documents from `request` on; the call's own task ends the call afterwards."""
        execution = Execution(self._services, call, run_documents)
        if await run_documents(execution, request) is StoryResult.BROKEN:
            call.refuse(500, "no document to run", (reason(500, "no document to run"),))

    async def be_guest(self, call: Call, visit: Visit) -> None:
        """Take part in a conference in the name of a call of another node."""
        await be_guest(visit, Execution(self._services, call, run_documents))

    async def be_agent(self, call: Call, visit: AgentVisit, ticket: Ticket) -> None:
        """Serve a caller of this node's queue in the name of an agent of another node."""
        await be_agent(visit, ticket, Execution(self._services, call, run_documents))


async def run_documents(execution: Execution, request: DocumentRequest) -> StoryResult:
    """Run the documents from `request` on, in the mode of `execution`. Implements `Documents`."""
    while True:
        document = await execution.fetch(request)
        if document is None:
            return StoryResult.BROKEN
        match await _execute(document, execution):
            case GoTo(following):
                request = following
            case Next():
                return StoryResult.TO_THE_END
            case End():
                return StoryResult.ENDED_BY_VERB
            case Left():
                return StoryResult.LEFT


async def _execute(document: Document, execution: Execution) -> Outcome:
    for index, verb in enumerate(document.verbs):
        if not allows(execution.mode, type(verb)):
            if (outcome := _refuse(verb, execution)) is not None:
                return outcome
            continue
        execution.begin(index, type(verb).__name__, verb.line)
        outcome = await EXECUTORS[type(verb)](verb, execution)
        if not isinstance(outcome, Next):
            return outcome
    return Next()


def _refuse(verb: Verb, execution: Execution) -> Outcome | None:
    """A verb that cannot be used here declines in screening, and is skipped anywhere else."""
    name = f"<{type(verb).__name__}>"
    if execution.is_screening:
        text = f"{name} cannot be used in a screening document; the call was declined"
        execution.call.notify(Problem(DIAL_IN_SCREENING, text, line=verb.line, column=verb.column))
        return End()
    place = "outside a document of waitUrl" if execution.mode is Mode.CALL else "in a document that is heard"
    text = f"{name} cannot be used {place}; it was skipped"
    execution.call.notify(Problem(NOT_ALLOWED_HERE, text, line=verb.line, column=verb.column))
    return None
