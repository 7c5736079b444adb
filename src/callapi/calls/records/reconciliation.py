"""Closes the records that a crash left open, with their `completed` callbacks.

Such a callback has the event id that a regular end would have had, so that an application which received it before the
crash recognises the duplicate.
"""

from datetime import datetime
from typing import Final, Protocol

from callapi.base.clock import utc_now
from callapi.calls.call_record import ended
from callapi.calls.events import CallEnded, EventBus
from callapi.calls.status import CallStatus, Ending
from callapi.calls.status_machine import ProcessLost, StatusMachine
from callapi.sip import Party
from callapi.store import CallRecord

REASON: Final = "the node broke off"


class CallsOfNode(Protocol):
    """Where the records are."""

    async def live_ones(self, node: str) -> tuple[CallRecord, ...]:
        """The calls of `node` that have no end."""
        ...


async def close_what_a_crash_left(calls: CallsOfNode, bus: EventBus, node: str) -> int:
    """Publish the end of each call that `node` did not end; how many there were."""
    records = await calls.live_ones(node)
    for record in records:
        close(record, bus, utc_now())
    return len(records)


def close(record: CallRecord, bus: EventBus, now: datetime, reason: str = REASON) -> None:
    """End one record. Its duration ends at its last known moment: the node's downtime is not talk."""
    machine = StatusMachine(CallStatus(record.status))
    machine.handle(ProcessLost())
    ending = Ending(Party.NETWORK, reason)
    bus.publish(CallEnded(ended(record, machine.status, ending, now, record.date_updated), now, ending))
