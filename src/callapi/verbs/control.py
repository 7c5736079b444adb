"""The verbs without a sound: Pause, Redirect, Reject, Hangup. None of them answers the caller."""

import asyncio

from callapi.rcml import Hangup, Pause, Redirect, Reject, RejectReason
from callapi.verbs.execution import End, Execution, GoTo, Next, Outcome


async def pause(verb: Pause, execution: Execution) -> Outcome:
    """Wait; a caller who is not answered yet goes on hearing its own ringing."""
    execution.call.leg.ring()
    if verb.length:
        execution.sounded()  # a loop that takes time is not the endless loop that the bound is for
    await asyncio.sleep(verb.length)
    return Next()


async def redirect(verb: Redirect, execution: Execution) -> Outcome:
    """Go on with another document; an empty URL is the present one."""
    return GoTo(execution.request(verb.url, verb.method))


async def reject(verb: Reject, execution: Execution) -> Outcome:
    """Refuse an unanswered caller with 603 or 486; later it is a Hangup."""
    execution.returned = verb.parameters
    code = 486 if verb.reason is RejectReason.BUSY else 603
    if execution.ends_call:
        execution.call.refuse(code, f"rejected: {verb.reason}")
    return End()


async def hangup(verb: Hangup, execution: Execution) -> Outcome:
    """End the call; in screening: decline it."""
    execution.returned = verb.parameters
    if execution.ends_call:
        execution.call.refuse(execution.call.final_code or 603, "Hangup")
    return End()
