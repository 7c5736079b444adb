"""`<Dial><Application>`: another application is called, on the leg of the caller, who comes back when it is done.

The application has a call of its own, a child of the caller's: it has a record and status callbacks, REST can redirect
and end it, and its documents are those of any call. It is answered by its first document, unless that begins with
`<Reject>`.
"""

import asyncio
from functools import partial
from typing import Final

from callapi.base.ids import ApplicationSid
from callapi.calls.call import Call
from callapi.calls.documents.document import DocumentRequest
from callapi.calls.errors import NotPlaceable
from callapi.calls.parameters import Parameters
from callapi.calls.placing.placement import Subscription
from callapi.calls.problem import Problem
from callapi.calls.status import CallStatus
from callapi.rcml import Application, Dial, Reject
from callapi.verbs.audio.recordings import RecordedDial
from callapi.verbs.execution import Execution, GoTo, Next, Outcome, StoryResult
from callapi.verbs.parameters import BranchFacts, DialOutcome, dial_action

NO_APPLICATION: Final = 60_071


async def dial_application(verb: Dial, noun: Application, execution: Execution) -> Outcome:
    """Call the application until it is done or `timeLimit` is up. A caller that leaves has its `action` requested."""
    dialled = _DialledApplication(verb, noun, execution)
    try:
        await dialled.run()
    except asyncio.CancelledError:
        dialled.abandon()
        if verb.action:
            execution.call.run_detached(partial(_request_action, verb.action, dialled, execution))
        raise
    if dialled.child is None or dialled.answered_s is None:
        execution.call.final_code = dialled.final_code
    if not verb.action:
        return Next()
    parameters = await dialled.parameters()
    return GoTo(execution.request(verb.action, verb.method, parameters, must_arrive=True))


async def _request_action(action: str, dialled: "_DialledApplication", execution: Execution) -> None:
    """Request the action of a Dial whose caller is gone; the answer is not used."""
    request = execution.request(action, dialled.verb.method, await dialled.parameters())
    await execution.notify(request)


class _DialledApplication:
    """One application and its call. `child` is None while the call is not made, and stays so if it cannot be."""

    def __init__(self, verb: Dial, noun: Application, execution: Execution) -> None:
        self.verb = verb
        self.child: Call | None = None
        self.answered_s: float | None = None
        """How long it has talked with the caller; None: it did not answer."""
        self._noun = noun
        self._execution = execution
        self._recording = RecordedDial(verb, execution)
        self._returned: Parameters = ()

    async def run(self) -> None:
        """Call the application, and wait until its call is over."""
        execution, noun = self._execution, self._noun
        request = await self._request()
        if request is None:
            text = f"<Dial><Application>: the account has no application {noun.sid or 'of that name'} with a voice URL"
            execution.call.notify(Problem(NO_APPLICATION, text, line=noun.line, column=noun.column))
            return
        if not self.verb.answer_on_bridge:
            execution.call.answer()
        try:
            child = self._place(request)
        except NotPlaceable as problem:
            execution.call.notify(Problem(problem.code, str(problem), line=noun.line, column=noun.column))
            return
        self.child = execution.call.lent_to = child
        try:
            await child.ended.wait(self.verb.time_limit)
        except TimeoutError:
            child.hang_up(f"time limit of {self.verb.time_limit} s")
        finally:
            self._part(child)

    def abandon(self) -> None:
        """The caller has left, or was given another document."""
        if self.child is not None:
            self.child.hang_up("the caller left")

    @property
    def final_code(self) -> int:
        """What an unanswered caller is refused with if no other verb follows."""
        if self.child is None or self.child.outcome is CallStatus.FAILED:
            return 500
        return 486 if self.child.outcome is CallStatus.BUSY else 480

    async def parameters(self) -> Parameters:
        """What `action` is sent: the outcome, the recording, and what the application returned."""
        status = self._status()
        branch = BranchFacts(self._noun.sid, status, self.child)
        outcome = DialOutcome(
            status=status,
            branches=(branch,),
            reported=branch,
            joined_s=self.answered_s or 0.0,
            was_bridged=self.answered_s is not None,
        )
        return dial_action(outcome, await self._recording.facts()) + self._returned

    def _status(self) -> CallStatus:
        if self.child is None:
            return CallStatus.FAILED
        return CallStatus.COMPLETED if self.answered_s is not None else self.child.outcome

    async def _request(self) -> DocumentRequest | None:
        services, account = self._execution.services, self._execution.call.record.account_sid
        return (
            await services.application_of(account, ApplicationSid(self._noun.sid)) if self._noun.sid else None
        )

    def _place(self, request: DocumentRequest) -> Call:
        noun, caller = self._noun, self._execution.call
        callbacks = None
        if noun.status_callback:
            callbacks = Subscription(
                self._execution.resolve(noun.status_callback),
                noun.status_callback_method.value,
                tuple(sorted(noun.status_callback_events)),
            )
        to = caller.record.to if noun.copies_to else noun.sid
        return self._execution.services.live.lend(caller, to, callbacks, partial(self._story, request))

    async def _story(self, request: DocumentRequest, child: Call) -> None:
        """What the application's call does: its documents, and then its end."""
        account = child.record.account_sid
        own: Parameters = (
            ("ApplicationSid", self._noun.sid),
            ("CustomerId", self._noun.customer_id or account),
            *self._noun.parameters,
        )
        execution = Execution(self._execution.services, child, self._execution.documents)
        execution.extra = lambda: own
        child.ringing()
        document = await execution.fetch(request)
        if document is None:
            child.hang_up("no document to run", CallStatus.FAILED)
            return
        if not (document.verbs and isinstance(document.verbs[0], Reject)):
            child.answer()
            self._recording.begin(child)
        result = await execution.continue_with(document)
        self._returned = execution.returned
        if result is StoryResult.BROKEN:
            child.hang_up("no document to run", CallStatus.FAILED)

    def _part(self, child: Call) -> None:
        self._recording.stop()
        self._execution.call.lent_to = None
        self._execution.call.digits.clear()
        if child.answered_at is not None:
            self.answered_s = asyncio.get_running_loop().time() - child.answered_at
