"""Closes the records that a crash left open, with their `completed` callbacks.

Such a callback has the event id that a regular end would have had, so that an application which received it before the
crash recognises the duplicate.
"""

from datetime import datetime
from typing import Final, Protocol

from msgspec.structs import replace

from callapi.base.clock import utc_now
from callapi.calls.conferences.events import ConferenceHappening, ConferenceStep
from callapi.calls.conferences.reports import reported
from callapi.calls.events import CallEnded, ConferenceChanged, EventBus
from callapi.calls.records.call_record import ended
from callapi.calls.status import CallStatus, Ending
from callapi.calls.status_machine import ProcessLost, StatusMachine
from callapi.sip import Party
from callapi.store import CallRecord, ConferenceRecord

REASON: Final = "the node broke off"


class ConferencesOfNode(Protocol):
    """Where the records of conferences are."""

    async def live_ones(self, node: str) -> tuple[ConferenceRecord, ...]:
        """The conferences of `node` that are not completed."""
        ...


async def close_conferences_a_crash_left(conferences: ConferencesOfNode, bus: EventBus, node: str) -> int:
    """Publish the end of each room that `node` did not end, without a reason: none is known; how many there were."""
    records = await conferences.live_ones(node)
    for record in records:
        now = utc_now()
        happening = ConferenceHappening(ConferenceStep.END)
        ended, row = reported(replace(record, status="completed", date_updated=now), happening, now)
        bus.publish(ConferenceChanged(ended, now, happening, row))
    return len(records)


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
