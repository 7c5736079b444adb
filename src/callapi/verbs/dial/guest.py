"""The other end of a `<Conference>` whose call is on another node: its guest in the room."""

from callapi.calls.conferences.elsewhere import Visit
from callapi.calls.conferences.events import LeaveReason
from callapi.calls.conferences.machine import JoinRefused
from callapi.verbs.dial.conference import take_part
from callapi.verbs.execution import Execution


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
