"""`<Refer>`: ask the caller's phone to call another party, and report the outcome to the application."""

import asyncio
from functools import partial

from callapi.base.errors import CallApiError
from callapi.calls.parameters import Parameters, present
from callapi.calls.placing.addresses import sip_address
from callapi.calls.problem import Problem
from callapi.rcml import Refer
from callapi.sip import OutboundRefer, ReferAccepted, ReferEnded, ReferProgress, ReferRefused
from callapi.verbs.execution import Execution, GoTo, Next, Outcome

REFER_FAILED = 60_083


class _Course:
    """What the phone has said so far."""

    def __init__(self) -> None:
        self.response: int | None = None
        self.notified: int | None = None

    def parameters(self, status: str) -> Parameters:
        """What `action` is sent."""
        return present(
            (
                ("ReferCallStatus", status if self.notified is not None else None),
                ("ReferSipResponseCode", self.response),
                ("NotifySipResponseCode", self.notified),
            )
        )

    async def follow(self, refer: OutboundRefer) -> None:
        """Until the last NOTIFY, the refusal, or the end of the subscription."""
        while True:
            match await refer.next_event():
                case ReferAccepted(response):
                    self.response = response.status
                case ReferRefused(response):
                    self.response = response.status
                    return
                case ReferProgress(status):
                    self.notified = status
                case ReferEnded(status):
                    self.notified = status if status is not None else self.notified
                    return


async def refer(verb: Refer, execution: Execution) -> Outcome:
    """Answer, send REFER, wait for its outcome; a caller that hangs up meanwhile still has `action` requested."""
    call, course = execution.call, _Course()
    call.answer()
    execution.sounded()
    try:
        bare, _, headers = verb.uri.partition("?")
        sip_address(verb.uri)  # the limits and the grammar of a <Sip>
        sent = call.leg.session.refer(f"<{bare}?{headers}>" if headers else f"<{bare}>")
    except CallApiError as error:
        text = f"<Refer>: {error}"
        call.notify(Problem(REFER_FAILED, text, line=verb.line, column=verb.column))
        return _go_on(verb, execution, course)
    try:
        await course.follow(sent)
    except asyncio.CancelledError:
        if verb.action:
            request = execution.request(verb.action, verb.method, course.parameters(call.record.status))
            call.run_detached(partial(execution.notify, request))
        raise
    return _go_on(verb, execution, course)


def _go_on(verb: Refer, execution: Execution, course: _Course) -> Outcome:
    if not verb.action:
        return Next()
    parameters = course.parameters(execution.call.record.status)
    return GoTo(execution.request(verb.action, verb.method, parameters, must_arrive=True))
