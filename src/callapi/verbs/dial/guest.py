"""The other ends of `<Conference>` and `<Queue>` where their calls are on different nodes."""

from functools import partial
from typing import Final

from callapi.calls.conferences.elsewhere import Visit
from callapi.calls.conferences.events import LeaveReason
from callapi.calls.conferences.machine import JoinRefused
from callapi.calls.queues.elsewhere import GAVE_UP, AgentVisit
from callapi.calls.queues.queue import Ticket
from callapi.verbs.dial.conference import take_part
from callapi.verbs.dial.queue import prepare, talk
from callapi.verbs.execution import Execution

GONE: Final = 480


async def be_guest(visit: Visit, execution: Execution) -> None:
    """Take part in the name of the call of `visit` until it is released; then this leg ends."""
    call = execution.call
    execution.url, execution.method = visit.url, visit.method
    call.answer()
    try:
        seat = execution.services.conferences.join(call, visit.name, visit.room, visit.options)
    except JoinRefused as refusal:  # another has come first since it was asked
        call.hang_up(str(refusal))
        return
    try:
        await take_part(seat, execution)
    finally:
        seat.leave(LeaveReason.HUNG_UP)


async def be_agent(visit: AgentVisit, ticket: Ticket, execution: Execution) -> None:
    """Serve a caller of this node in the name of an agent of another; then this leg ends.

    It is answered when the caller is ready. An agent that gives up before it knows of the answer says so with its BYE,
    and the caller has its place in line again.
    """
    call = execution.call
    if not await prepare(ticket, execution, visit.url, visit.method):
        call.refuse(GONE, "the caller is gone")
        return
    call.answer()
    await talk(ticket, execution, ticket.gone.wait(), partial(_parted, ticket, execution))


def _parted(ticket: Ticket, execution: Execution) -> None:
    ended = execution.call.ended
    if ended.is_set and ended.value.sip_reason == GAVE_UP:
        ticket.queue.give_back(ticket)
    else:
        ticket.release()
